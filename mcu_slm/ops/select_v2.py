"""SELECT_V2: y = x1 where the condition holds, else x2, with broadcasting; scales must agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mcu_slm.ops.base import Activations, Arguments, NodeView, Operator, struct_call
from mcu_slm.ops.broadcast import braces, merged_loops
from mcu_slm.ops.folding import Array, Fold, expect_broadcast, values


@dataclass(frozen=True, eq=False)
class Select(Operator):
    """Bytes of two operands, chosen by a condition; `steps` for condition and operands."""

    kernels = ("select_s8",)
    activations: ClassVar[tuple[int, ...]] = (0, 1, 2)

    lengths: tuple[int, ...]
    steps: tuple[tuple[int, ...], ...]
    output_shape: tuple[int, ...]

    def reference(self, inputs: Sequence[Activations]) -> list[Activations]:
        """Choose."""
        rank = len(self.output_shape)
        condition, first, second = (
            x.reshape(len(x), *(1,) * (rank - x.ndim + 1), *x.shape[1:]) for x in inputs
        )
        return [np.where(condition, first, second)]

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        fields: dict[str, object] = {"lengths": braces(self.lengths)}
        for name, steps in zip(("condition", "input1", "input2"), self.steps, strict=True):
            fields[f"{name}_steps"] = braces(steps)
        places = [*arguments.inputs, arguments.outputs[0]]
        return struct_call("mcu_slm_select_t", "mcu_slm_select_s8", fields, places)


def parse(view: NodeView) -> Select:
    """Check a SELECT_V2 node."""
    view.expect_count((3,))
    condition, output = view.input(0), view.output()
    view.expect_type(condition, ("bool",))
    for position in (1, 2):
        view.same_quantization(view.input(position), output)
    shapes = [view.input(position).shape for position in range(3)]
    lengths, steps = merged_loops(view, shapes, output.shape)
    return Select(lengths, steps, output.shape)


def _evaluate(view: NodeView) -> Sequence[Array]:
    view.expect_count((3,))
    expect_broadcast(view, [view.input(position) for position in range(3)])
    condition, first, second = values(view)
    view.require(
        condition.dtype == np.bool_ and first.dtype == second.dtype,
        f"operands of types {condition.dtype}, {first.dtype} and {second.dtype}",
        "bool and twice the same",
    )
    return [np.where(condition, first, second)]


FOLD = Fold(("float32",), _evaluate, subject=1)
