"""What a byte of code or of the arena is worth where speed decides."""

from __future__ import annotations

from collections.abc import Iterable

from mcu_slm.costs import predict
from mcu_slm.ops.base import Operator

SHARE_PER_BYTE = 1 / 100_000
"""This part of a model's cycles: one percent for a kilobyte."""


SHARE_PER_ARENA_BYTE = 1 / 800_000
"""The same for a byte of the arena: one percent for 8 kB."""


def cycles_per_byte(operators: Iterable[Operator]) -> float:
    """Return how many cycles of an inference a byte of code less is worth, 0 if nothing is known.

    Layers whose cost is not known count as nothing.
    """
    return _cycles(operators) * SHARE_PER_BYTE


def cycles_per_arena_byte(operators: Iterable[Operator]) -> float:
    """Return how many cycles a byte of the arena less is worth."""
    return _cycles(operators) * SHARE_PER_ARENA_BYTE


def _cycles(operators: Iterable[Operator]) -> float:
    costs = [predict(operator) for operator in operators]
    return sum(cost.cycles for cost in costs if cost is not None)
