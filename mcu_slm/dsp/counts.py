"""Counts that several kernels of this family share: what `Operator.features` is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from mcu_slm.dsp.matrix import Matrix
from mcu_slm.ops.features import Features

_SLOW: Final = ("ldr", "ldrd", "strb", "vmov")


def widened(runs: float, run_bytes: int) -> Features:
    """Return runs of four positions that `dsp_quads` widens side by side."""
    rest = run_bytes % 4
    return {
        "widened_runs": runs,
        "widened_words": runs * (run_bytes // 4),
        **({f"widened_rests_of_{rest}": runs} if rest else {}),
    }


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
