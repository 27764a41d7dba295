"""What a byte of code is worth where speed decides."""

from __future__ import annotations

from collections.abc import Iterable

from mcu_slm.costs import predict
from mcu_slm.ops.base import Operator

SHARE_PER_BYTE = 1 / 180_000
"""This part of a model's cycles: one percent for 1.8 kB."""


def cycles_per_byte(operators: Iterable[Operator]) -> float:
    """Return how many cycles of an inference a byte of code less is worth, 0 if nothing is known.

    Layers whose cost is not known count as nothing.
    """
    costs = [predict(operator) for operator in operators]
    return sum(cost.cycles for cost in costs if cost is not None) * SHARE_PER_BYTE
