"""Layers whose results nobody reads are left out."""

from __future__ import annotations

from mcu_slm.passes.draft import Draft, Step


def drop_unused(draft: Draft) -> Draft:
    """Return the draft without layers that neither an output nor a state depends on."""
    needed, kept = set(draft.graph.outputs), list[Step]()
    for step in reversed(draft.steps):
        outputs = step.node.outputs
        if not outputs or step.keeps_state or needed.intersection(outputs):
            needed.update(step.node.inputs)
            kept.append(step)
    return draft.with_steps(kept[::-1])
