"""ARG_MAX over one constant axis: the number of the largest byte, of the first among equals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mcu_slm.ops.base import Activations, Arguments, NodeView, Operator, struct_call
from mcu_slm.ops.joined_rows import axis_of
from mcu_slm.ops.strided_copy import expect_shape, integer

RUNS = ("int8 -> int32",)


@dataclass(frozen=True, eq=False)
class ArgExtremum(Operator):
    """Where the largest or the smallest of `length` elements is, each `inner` apart."""

    kernels = ("arg_extremum_s8",)

    outer: int
    length: int
    inner: int
    larger: bool
    output_shape: tuple[int, ...]

    def reference(self, inputs: Sequence[Activations]) -> list[Activations]:
        """Compare; NumPy takes the first among equals, too."""
        x = inputs[0].reshape(-1, self.outer, self.length, self.inner)
        found = x.argmax(axis=2) if self.larger else x.argmin(axis=2)
        return [found.astype(np.int32).reshape(-1, *self.output_shape)]

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        fields: dict[str, object] = {
            "outer": self.outer,
            "length": self.length,
            "inner": self.inner,
            "larger": int(self.larger),
        }
        places = [arguments.inputs[0], arguments.outputs[0]]
        return struct_call("mcu_slm_arg_extremum_t", "mcu_slm_arg_extremum_s8", fields, places)


def parse(view: NodeView) -> ArgExtremum:
    """Check an ARG_MAX node."""
    return parse_arg_extremum(view, larger=True)


def parse_arg_extremum(view: NodeView, larger: bool) -> ArgExtremum:
    """Check an ARG_MAX or ARG_MIN node."""
    view.expect_count((2,))
    source, output = view.input(0), view.output()
    view.expect_type(source, ("int8",))
    view.expect_type(output, ("int32",))
    shape = source.shape
    view.require(len(shape) > 0, "a scalar", "one axis or more")
    axis = axis_of(view, integer(view, 1), len(shape))
    expect_shape(view, output, (*shape[:axis], *shape[axis + 1 :]))
    outer, inner = math.prod(shape[:axis]), math.prod(shape[axis + 1 :])
    return ArgExtremum(outer, shape[axis], inner, larger, output.shape)
