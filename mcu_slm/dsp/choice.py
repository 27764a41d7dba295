"""Which of several ways to do a layer is taken."""

from __future__ import annotations

from collections.abc import Sequence

from mcu_slm.costs import Cost, code_bytes, predict
from mcu_slm.dsp.tuning import Tuning
from mcu_slm.ops.base import Operator


def cheapest(ways: Sequence[Operator], tuning: Tuning) -> Operator:
    """Return the way that costs least by what the tuning is for, of equals the first.

    The first one, too, where it is not known what some way costs.
    """
    costs = [predict(way) for way in ways]
    known = [(way, cost) for way, cost in zip(ways, costs, strict=True) if cost is not None]
    if len(known) < len(ways):
        return ways[0]
    return min(known, key=lambda pair: _price(pair[0], pair[1], tuning))[0]


def _price(way: Operator, cost: Cost, tuning: Tuning) -> tuple[float, float]:
    """Return what is compared first, and what decides between equals."""
    if tuning.goal == "speed":
        return cost.cycles, way.scratch_bytes
    if tuning.goal == "ram":
        return way.scratch_bytes, cost.cycles
    constants = sum(constant.data.nbytes for constant in way.constants())
    return constants + code_bytes(way), cost.cycles
