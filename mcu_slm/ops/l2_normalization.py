"""L2_NORMALIZATION over the last axis of at most four, as in the judge.

Y = (x - zx) / sqrt(sum((x - zx)^2)), output scale 1/128, zero point 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mcu_slm.ops.base import Arguments, Int8, NodeView, Operator, struct_call
from mcu_slm.ops.fixed_point import inverse_sqrt_multiplier
from mcu_slm.ops.strided_copy import expect_rank
from mcu_slm.quant import requantize, saturate_int8

OUTPUT_SCALE = 1.0 / 128.0
MAX_RANK = 4
_OUTPUT_SHIFT = 7
_MAX_DEPTH = 1 << 15
"""255^2 * depth must fit an int32 accumulator."""


@dataclass(frozen=True, eq=False)
class L2Normalization(Operator):
    """A per-row normalisation to length 1."""

    kernels = ("l2_normalization_s8",)

    rows: int
    depth: int
    input_zero_point: int

    def reference(self, inputs: Sequence[Int8]) -> list[Int8]:
        """Normalise every row; the inverse root is computed once per distinct sum of squares."""
        x = inputs[0].astype(np.int64) - self.input_zero_point
        total = (x * x).sum(axis=-1, keepdims=True)
        sums, place = np.unique(total, return_inverse=True)
        roots = np.array([inverse_sqrt_multiplier(int(s)) for s in sums], np.int64)
        mantissas = roots[place, 0].reshape(total.shape)
        shifts = roots[place, 1].reshape(total.shape)
        return [saturate_int8(requantize(x, mantissas, shifts + _OUTPUT_SHIFT))]

    def clearance(self, position: int) -> int:  # noqa: ARG002
        """A row is read whole before its first element is written, each element once more then."""
        return 0

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        fields: dict[str, object] = {
            "rows": self.rows,
            "depth": self.depth,
            "input_zero_point": self.input_zero_point,
        }
        return struct_call(
            "mcu_slm_l2_normalization_t",
            "mcu_slm_l2_normalization_s8",
            fields,
            [arguments.inputs[0], arguments.outputs[0]],
        )


def parse(view: NodeView) -> L2Normalization:
    """Check an L2_NORMALIZATION node."""
    view.expect_count((1,))
    source, output = view.input(0), view.output()
    if view.option("fused_activation_function", "NONE") != "NONE":
        view.unsupported("a fused activation", "none")
    if view.int8(output) != (OUTPUT_SCALE, 0):
        view.fail(f"output quantisation {view.int8(output)}", "scale 1/128, zero point 0")
    view.require(output.shape == source.shape, f"output shape {output.shape}", str(source.shape))
    view.require(len(source.shape) >= 1, "input of rank 0", "1 or more")
    expect_rank(view, source, MAX_RANK)
    depth = source.shape[-1]
    view.require(depth <= _MAX_DEPTH, f"rows of {depth}", f"at most {_MAX_DEPTH}")
    return L2Normalization(source.element_count // depth, depth, view.int8(source)[1])
