"""Layers get the kernels of the dsp family: the cheapest ones within what the board has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mcu_slm import dsp
from mcu_slm.dsp.budget import spend_flash
from mcu_slm.dsp.specialized import Specialized
from mcu_slm.dsp.windows import without_windows
from mcu_slm.ops import Operator
from mcu_slm.ops.joining import Joining
from mcu_slm.passes.attention import Attention
from mcu_slm.passes.draft import Draft, Step
from mcu_slm.passes.memory import plan_draft
from mcu_slm.passes.target import Target


def choose_kernels(draft: Draft, target: Target) -> Draft:
    """Return the draft with the cheapest way to do each layer."""

    def choose(operator: Operator) -> Operator:
        if isinstance(operator, Attention | Joining):
            return operator.with_kernels(choose)
        return dsp.specialize(operator, target.tuning)

    operators = [choose(operator) for operator in draft.operators]
    if target.tuning.goal != "ram":  # a padded image takes memory
        operators = without_windows(operators)
    return _with(draft, operators)


def store_transformed(draft: Draft, target: Target) -> Draft:
    """Return the draft with weights stored as Winograd's tiles need them, where flash is left."""
    flash_bytes = target.budget.flash_bytes
    if target.tuning.goal != "speed" or flash_bytes is None:
        return draft
    return _with(draft, spend_flash(draft.operators, flash_bytes))


def fit_ram(draft: Draft, target: Target) -> Draft:
    """Return the draft with less working memory for layers until the board's RAM holds the arena.

    If it never does, whoever builds the firmware says what does not fit.
    """
    if target.budget.ram_bytes is None:
        return draft
    while not target.allows(plan_draft(draft).arena_bytes):
        slimmer = _slimmer(draft)
        if slimmer is None:
            break
        draft = slimmer
    return draft


def share_kernels(draft: Draft, target: Target) -> Draft:
    """Return the draft with as few different kernels as the proofs allow."""
    return _with(draft, dsp.share_kernels(draft.operators, dual_issue=target.dual_issue))


def _with(draft: Draft, operators: Sequence[Operator]) -> Draft:
    pairs = zip(draft.steps, operators, strict=True)
    return draft.with_steps([replace(step, operator=operator) for step, operator in pairs])


def _slimmer(draft: Draft) -> Draft | None:
    """Return the draft with less working memory for the layer with the largest footprint.

    Of those that can do with less; None if none can.
    """
    operators = list(draft.operators)
    footprints = [_footprint(draft, step) for step in draft.steps]
    for place in sorted(range(len(operators)), key=lambda place: -footprints[place]):
        operator = operators[place]
        plain = operator.plain if isinstance(operator, Specialized) else operator
        way = dsp.slimmer(plain, operator.scratch_bytes)
        if way is not None:
            operators[place] = way
            return _with(draft, operators)
    return None


def _footprint(draft: Draft, step: Step) -> int:
    """Return what a layer needs at a time: what it reads and writes, and its working memory."""
    tensors = {*step.reads, *step.node.outputs}
    return step.operator.scratch_bytes + sum(draft.graph.tensor(t).byte_count for t in tensors)
