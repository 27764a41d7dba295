"""PAD in front of a convolution becomes the convolution's own padding, which has the same value."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

from mcu_slm.ops import Operator
from mcu_slm.ops.conv_2d import Conv2D
from mcu_slm.ops.depthwise_conv_2d import DepthwiseConv2D
from mcu_slm.ops.pad import Pad
from mcu_slm.ops.window import Geometry, Window
from mcu_slm.passes.draft import Draft, Step

Convolution: TypeAlias = Conv2D | DepthwiseConv2D

_RANK = 4


def fold_padding(draft: Draft) -> Draft:
    """Return the draft in which convolutions pad by themselves where a PAD did it for them."""
    steps: dict[int, Step] = dict(enumerate(draft.steps))
    for place, step in enumerate(draft.steps):
        reader = draft.only_reader(step.node.outputs[0]) if step.node.outputs else None
        if reader is None or not isinstance(step.operator, Pad):
            continue
        later = steps[reader]
        folded = _folded(step.operator, later.operator)
        if folded is not None and later.node.inputs[0] == step.node.outputs[0]:
            node = replace(later.node, inputs=(step.reads[0], *later.node.inputs[1:]))
            merged = (*step.merged, draft.layer_name(step), *later.merged)
            steps[reader] = Step(node, folded, later.source, merged)
            del steps[place]
    return draft.with_steps([steps[place] for place in sorted(steps)])


def _folded(pad: Pad, later: Operator) -> Operator | None:
    """Return the convolution over the smaller image, None where PAD does something else."""
    if not isinstance(later, Convolution) or len(pad.before) != _RANK:
        return None
    around = [pad.before[axis] + pad.after[axis] for axis in (0, 3)]
    if any(around) or pad.value != later.linear.input_zero_point:
        return None
    axes = [
        replace(axis, input=pad.input_shape[number], pad=axis.pad + pad.before[number])
        for number, axis in ((1, later.window.height), (2, later.window.width))
    ]
    # Every window keeps a tap inside the image, as it always does with padding SAME.
    if not all(_sees_image(axis) for axis in axes):
        return None
    return replace(later, window=Window(*axes))


def _sees_image(axis: Geometry) -> bool:
    return bool(axis.inside().any(axis=1).all())
