"""From an operator's counts to what it costs."""

from __future__ import annotations

from mcu_slm.costs.table import Cost, CostTable, load_table
from mcu_slm.ops.base import Operator

CALLS = "calls"
"""The feature that every layer has once: calling its kernels, and what they do before any loop."""


def predict(operator: Operator, table: CostTable | None = None) -> Cost | None:
    """Return what one inference of a layer costs, None where that was not measured.

    Layers without kernels cost nothing. One whose kernels do something that no measured layer did
    (a feature without numbers) has no prediction, too.
    """
    if operator.parts:
        return _sum_of_parts(operator, table)
    if not operator.kernels and not operator.generated:
        return Cost(0.0, 0.0)
    known = (table or load_table()).kernels.get(kernel_of(operator))
    counts = operator.features()
    if known is None or not counts:
        return None
    instructions = cycles = 0.0
    for name, count in (counts | {CALLS: 1}).items():
        cost = known.features.get(name)
        if cost is None:
            if count:
                return None
            continue
        instructions += count * cost.instructions
        cycles += count * cost.cycles
    return Cost(instructions, cycles)


def _sum_of_parts(operator: Operator, table: CostTable | None) -> Cost | None:
    instructions = cycles = 0.0
    for times, part in operator.parts:
        cost = predict(part, table)
        if cost is None:
            return None
        instructions += times * cost.instructions
        cycles += times * cost.cycles
    return Cost(instructions, cycles)


def code_bytes(operator: Operator) -> int:
    """Return about what flash the code of a layer's kernels takes, 0 where that is not known."""
    known = load_table().kernels.get(kernel_of(operator))
    return 0 if known is None else known.code_bytes


def kernel_of(operator: Operator) -> str:
    """Return the kernel that a layer's costs are known by: the last one made for it, or the first.

    Of several kernels that are made for a layer, the last is the one that completes it.
    """
    if operator.costs_as:
        return operator.costs_as
    made = operator.generated
    return made[-1].template.rpartition("/")[2] if made else operator.kernels[0]
