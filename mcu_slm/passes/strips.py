"""Matrix products widen more positions at a time where the arena is large enough anyway.

Each strip of positions costs the same once more: every pair of channels fetches its weights again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mcu_slm.dsp.convolution import MatrixProduct
from mcu_slm.passes.draft import Draft, Step
from mcu_slm.passes.memory import plan_draft
from mcu_slm.passes.target import Target


def lengthen_strips(draft: Draft, target: Target) -> Draft:
    """Return the draft with as few strips as the arena holds without getting larger."""
    if target.tuning.goal != "speed":
        return draft
    limit = plan_draft(draft).arena_bytes
    for place, step in enumerate(draft.steps):
        for longer in _longer(step):
            if _least_bytes(draft, longer) > limit:
                continue  # no plan is needed to see it
            trial = draft.with_steps((*draft.steps[:place], longer, *draft.steps[place + 1 :]))
            if plan_draft(trial).arena_bytes <= limit:
                draft = trial
                break
    return draft


def _least_bytes(draft: Draft, step: Step) -> int:
    """Return what a layer takes at least, its outputs lying where its inputs were."""
    tensors = (draft.graph.tensor(t).byte_count for t in (*step.reads, *step.node.outputs))
    return max(tensors) + step.operator.scratch_bytes


def _longer(step: Step) -> Iterator[Step]:
    """Yield a layer in fewer strips, in the fewest first."""
    layer = step.operator
    if not isinstance(layer, MatrixProduct):
        return
    quads = -(-layer.positions // 4)
    strips = -(-quads // layer.quads_per_strip)
    for fewer in range(1, strips):
        yield replace(step, operator=replace(layer, quads_per_strip=-(-quads // fewer)))
