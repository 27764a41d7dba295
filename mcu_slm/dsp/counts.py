"""Counts that several kernels of this family share: what `Operator.features` is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from mcu_slm.dsp.matrix import Matrix
from mcu_slm.ops.features import Features

_SLOW: Final = ("ldr", "ldrd", "strb", "vmov")


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
    """Return the instructions of generated assembly, and the kinds that take more than a cycle."""
    names = Counter(line.split(maxsplit=1)[0].removesuffix(".w") for line in text)
    return {
        "instructions": times * len(text),
        **{name: times * names[name] for name in _SLOW if name in names},
    }
