"""Rows that several matrix products read are widened once, where one layer's memory holds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mcu_slm.dsp.widened import WidenedProduct, WidenedRows, widens_alone
from mcu_slm.ir import Node, Tensor
from mcu_slm.passes.draft import Draft, Step
from mcu_slm.passes.memory import plan_draft
from mcu_slm.passes.target import Target


def widen_once(draft: Draft, target: Target) -> Draft:
    """Return the draft in which products of the same rows share the widened rows.

    The widened rows live from the first product to the last, memory for time: the draft stays as it
    is where the board's RAM would not hold that.
    """
    if target.tuning.goal != "speed":
        return draft
    groups = _groups(draft)
    if not groups:
        return draft
    wide = _widened(draft, groups)
    return wide if target.allows(plan_draft(wide).arena_bytes) else draft


def _widened(draft: Draft, groups: Sequence[tuple[int, ...]]) -> Draft:
    readers = {place: group for group in groups for place in group}
    steps, tensors = list[Step](), dict[tuple[int, ...], int]()
    for place, step in enumerate(draft.steps):
        group = readers.get(place)
        rows = None if group is None else widens_alone(step.operator)
        if group is None or rows is None:
            steps.append(step)
            continue
        if group not in tensors:
            draft, tensors[group] = draft.with_tensor(_tensor(draft, step, rows))
            node = Node("WIDEN_ROWS", step.reads, (tensors[group],))
            steps.append(Step(node, rows, step.source))
        node = replace(step.node, inputs=(tensors[group], *step.node.inputs[1:]))
        product = WidenedProduct.of(step.operator)
        steps.append(replace(step, node=node, operator=product))
    return draft.with_steps(steps)


def _groups(draft: Draft) -> list[tuple[int, ...]]:
    """Return the positions of steps that widen the same rows, two or more each."""
    found: dict[tuple[int, tuple[int, int]], list[int]] = {}
    for place, step in enumerate(draft.steps):
        rows = widens_alone(step.operator)
        if rows is not None:
            found.setdefault((step.reads[0], (rows.positions, rows.row_bytes)), []).append(place)
    return [tuple(places) for places in found.values() if len(places) > 1]


def _tensor(draft: Draft, step: Step, rows: WidenedRows) -> Tensor:
    name = draft.graph.tensor(step.reads[0]).name
    return Tensor(f"{name}/widened", rows.widened_shape, "int16")
