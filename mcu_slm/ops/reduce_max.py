"""REDUCE_MAX over any axes: the largest byte, so input and output share scale and zero point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mcu_slm.ops.base import Arguments, Int8, NodeView, Operator, struct_call
from mcu_slm.ops.features import Features
from mcu_slm.ops.reduction import Reduction, reduction
from mcu_slm.quant import saturate_int8


@dataclass(frozen=True, eq=False)
class ReducedExtremum(Operator):
    """The largest or the smallest of many elements."""

    kernels = ("reduce_extremum_s8",)

    loops: Reduction
    larger: bool

    def reference(self, inputs: Sequence[Int8]) -> list[Int8]:
        """Compare."""
        x = self.loops.gathered(inputs[0])
        return [saturate_int8(x.max(axis=-1) if self.larger else x.min(axis=-1))]

    def clearance(self, position: int) -> int:  # noqa: ARG002
        """Outputs are written in order, each after all it is made of was read."""
        return self.loops.clearance()

    def features(self) -> Features:
        """Return outputs, the runs of each, and what is compared."""
        inner = self.loops.reduced[-1][0] if self.loops.reduced else 1
        outputs, compared = self.loops.outputs, self.loops.outputs * self.loops.count
        kind = "larger" if self.larger else "smaller"
        return {"outputs": outputs, "runs": compared // max(inner, 1), kind: compared}

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        fields: dict[str, object] = {**self.loops.fields(), "larger": int(self.larger)}
        return struct_call(
            "mcu_slm_reduce_extremum_t",
            "mcu_slm_reduce_extremum_s8",
            fields,
            [arguments.inputs[0], arguments.outputs[0]],
        )

    def summary(self) -> str:
        """Return the axes."""
        return f"axes {list(self.loops.axes)}"


def parse(view: NodeView) -> ReducedExtremum:
    """Check a REDUCE_MAX node."""
    return parse_extremum(view, larger=True)


def parse_extremum(view: NodeView, larger: bool) -> ReducedExtremum:
    """Check a REDUCE_MAX or REDUCE_MIN node."""
    loops = reduction(view)
    view.same_quantization(view.input(0), view.output())
    return ReducedExtremum(loops, larger)
