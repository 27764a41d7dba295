"""Layers get the kernels of the dsp family, where it has any that cost less."""

from __future__ import annotations

from dataclasses import replace

from mcu_slm import dsp
from mcu_slm.dsp.tuning import Tuning
from mcu_slm.ops import Operator
from mcu_slm.passes.attention import Attention
from mcu_slm.passes.draft import Draft


def choose_kernels(draft: Draft, tuning: Tuning) -> Draft:
    """Return the draft with the cheapest way to do each layer."""

    def choose(operator: Operator) -> Operator:
        if isinstance(operator, Attention):
            return operator.with_kernels(choose)
        return dsp.specialize(operator, tuning)

    return draft.with_steps([replace(s, operator=choose(s.operator)) for s in draft.steps])


def share_kernels(draft: Draft) -> Draft:
    """Return the draft with as few different kernels as the proofs allow."""
    operators = dsp.share_kernels(draft.operators)
    return draft.with_steps(
        [replace(s, operator=o) for s, o in zip(draft.steps, operators, strict=True)]
    )
