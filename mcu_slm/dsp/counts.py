"""Counts that several kernels of this family share: what `Operator.features` is made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mcu_slm.dsp.matrix import Matrix
from mcu_slm.ops.features import Features


def widened(quads: float, run_bytes: int, spans: float | None = None, runs: int = 1) -> Features:
    """Return what `dsp_quads` widens side by side.

    Args:
        quads: Four positions each.
        run_bytes: Bytes side by side.
        spans: Calls of `widen`, each for some quads; by default each for one.
        runs: Runs of each position.
    """
    spans = quads if spans is None else spans
    words, rest = divmod(run_bytes, 4)
    return {
        "spans": spans,
        "widened_quads": quads * (words > 0),
        "widened_runs": quads * runs * (words > 0),
        "widened_words": quads * runs * words,
        "rest_spans": spans * runs * rest,
        "rest_quads": quads * runs * rest,
    }


def widened_rows(counts: Iterable[int], row_bytes: int) -> Features:
    """Return calls of `quads_of_rows`, each for a number of rows."""
    counts = list(counts)
    quads = sum(-(-count // 4) for count in counts)
    spans = sum((count >= 4) + (count % 4 > 0) for count in counts)
    return {"row_strips": len(counts), **widened(quads, row_bytes, spans)}


def of_form(matrix: Matrix, what: str, count: float) -> Features:
    """Return the same count of tiles for each way that sums may become int8."""
    return {
        f"{what}_{matrix.form}": count,
        f"{what}_uniform": count * matrix.is_uniform,
        f"{what}_clamped": count * matrix.is_clamped,
    }


def instructions(text: Sequence[str], times: float) -> Features:
    """Return the instructions of generated assembly, and the cycles that they take beyond one."""
    return {"instructions": times * instruction_count(text), "stalls": times * stalls(text)}


def stalls(text: Sequence[str]) -> int:
    """Return the cycles beyond one for each instruction, by the rules of the Cortex-M4.

    A load that neither load nor store follows takes one more, a load of two words two; moves of two
    registers and what uses a floating-point result at once one; a branch back one.
    """
    lines = [line.replace(",", " ").split() for line in text if _is_instruction(line)]
    found = 0
    for line, behind in zip(lines, [*lines[1:], ["end"]], strict=False):
        name, following = line[0].removesuffix(".w"), behind[0].removesuffix(".w")
        is_pair = name == "vmov" and len(line) > 3
        found += name == "ldr" and following not in ("ldr", "strb", "str")
        found += 2 * (name == "ldrd") + is_pair + (name == "bne")
        found += name == "vmov" and not is_pair and line[1] in behind[1:]
    return found


def instruction_count(text: Sequence[str]) -> int:
    """Return how many lines of generated assembly are instructions, not labels and directives."""
    return sum(map(_is_instruction, text))


def _is_instruction(line: str) -> bool:
    return not line.startswith(".") and not line.endswith(":")
