"""MAXIMUM: the larger of two bytes, so both operands and the output share scale and zero point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mcu_slm.ops.base import Arguments, Int8, NodeView, struct_call
from mcu_slm.ops.broadcast import BroadcastOperator, broadcast
from mcu_slm.ops.folding import Fold, element_wise
from mcu_slm.quant import saturate_int8


@dataclass(frozen=True, eq=False)
class Extremum(BroadcastOperator):
    """The larger of two operands, or the smaller one."""

    kernels = ("maximum_minimum_s8",)

    larger: bool

    def reference(self, inputs: Sequence[Int8]) -> list[Int8]:
        """Compare."""
        first, second = (self.loops.aligned(x) for x in inputs)
        return [saturate_int8((np.maximum if self.larger else np.minimum)(first, second))]

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call, with the operand in front that the innermost loop walks."""
        loops, order = self.loops.walked_first()
        fields: dict[str, object] = {**loops.fields(), "larger": int(self.larger)}
        return struct_call(
            "mcu_slm_maximum_minimum_t",
            "mcu_slm_maximum_minimum_s8",
            fields,
            [*(arguments.inputs[operand] for operand in order), arguments.outputs[0]],
        )


def parse(view: NodeView) -> Extremum:
    """Check a MAXIMUM node."""
    return parse_extremum(view, larger=True)


def parse_extremum(view: NodeView, larger: bool) -> Extremum:
    """Check a MAXIMUM or MINIMUM node."""
    view.expect_count((2,))
    first, second, output = view.input(0), view.input(1), view.output()
    view.require_same_type(first, second, output)
    return Extremum(broadcast(view, first.shape, second.shape, output.shape), larger)


FOLD = Fold(("int32", "int64", "float32"), element_wise(lambda a, b: np.where(a > b, a, b), 2))
