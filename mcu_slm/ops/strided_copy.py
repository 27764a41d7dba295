"""Copies that only reorder: y[i0 .. i4] = x[offset + i0 * steps[0] + ... + i4 * steps[4]].

Transposing, slicing, reversing and repeating differ in these integers only. NumPy knows them all as
views of an array: an operator applies its view to a `layout` of its input, and the strides and the
start of the result are what the kernel needs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import as_strided

from mcu_slm.ir import Tensor
from mcu_slm.ops.base import Arguments, Int8, NodeView, Operator, struct_call
from mcu_slm.ops.clearance import nested
from mcu_slm.ops.features import FEW_BYTES, Features, copied, unrolled
from mcu_slm.quant import Int64

LOOPS = 5

_MANY_BYTES = 32
"""Shorter runs of whole words are copied without memcpy."""


@dataclass(frozen=True, eq=False)
class StridedCopy(Operator):
    """At most five loops over the output, with a step in the input for each, outermost first.

    Units: offset and steps in elements; a step may be 0 or negative.
    """

    kernels = ("strided_copy_s8",)

    offset: int
    lengths: tuple[int, ...]
    steps: tuple[int, ...]
    output_shape: tuple[int, ...]
    facts: str

    def places(self) -> Int64:
        """Return the place in the input of each element of the output."""
        return self.offset + nested(self.lengths, self.steps)

    def reference(self, inputs: Sequence[Int8]) -> list[Int8]:
        """Gather every element by its place in the input."""
        flat = inputs[0].reshape(inputs[0].shape[0], -1)
        return [flat[:, self.places()].reshape((-1, *self.output_shape))]

    def features(self) -> Features:
        """Return the runs of the innermost loop, copied whole or gathered."""
        *outer, count = self.lengths
        runs = math.prod(outer)
        loops = {"rows": math.prod(outer[:-1]), "runs": runs}
        if self.steps[-1] == 1 and count % 4 == 0 and count < _MANY_BYTES:
            return {**loops, "word_runs": runs, "copied_words": runs * count // 4}
        if self.steps[-1] == 1 and count >= FEW_BYTES:
            return {**loops, **copied(runs, count)}
        return {**loops, "gathered": runs, **unrolled("element", runs, count)}

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        fields: dict[str, object] = {
            "offset": self.offset,
            "lengths": "{ " + ", ".join(map(str, self.lengths)) + " }",
            "steps": "{ " + ", ".join(map(str, self.steps)) + " }",
        }
        return struct_call(
            "mcu_slm_strided_copy_t",
            "mcu_slm_strided_copy_s8",
            fields,
            [arguments.inputs[0], arguments.outputs[0]],
        )

    def summary(self) -> str:
        """Return what the operator did to the axes."""
        return self.facts


def layout(tensor: Tensor) -> Int8:
    """Return an array of the tensor's shape that costs no memory: for taking views, not reading."""
    steps = [math.prod(tensor.shape[axis + 1 :]) for axis in range(len(tensor.shape))]
    return as_strided(np.zeros(1, np.int8), tensor.shape, steps)


def strided_copy(
    source: Int8, moved: Int8, output_shape: tuple[int, ...], facts: str
) -> StridedCopy:
    """Return the copy that writes `moved`, a view of the layout `source`, in order.

    Neighbouring axes that are walked with one step are merged; what remains must fit five loops.
    """
    axes: list[tuple[int, int]] = []
    for length, step in zip(moved.shape, moved.strides, strict=True):
        if length == 1:
            continue
        if axes and axes[-1][1] == length * step:
            axes[-1] = (axes[-1][0] * length, step)
        else:
            axes.append((length, step))
    axes = [(1, 0)] * (LOOPS - len(axes)) + axes
    assert len(axes) == LOOPS  # every caller limits the rank as the judge does
    lengths, steps = zip(*axes, strict=True)
    offset = moved.ctypes.data - source.ctypes.data
    return StridedCopy(offset, lengths, steps, output_shape, facts)


def moved_tensor(view: NodeView) -> tuple[Tensor, Tensor]:
    """Return input 0, whose bytes move, and the output."""
    source, output = view.input(0), view.output()
    view.require_same_type(source, output)
    return source, output


def expect_shape(view: NodeView, tensor: Tensor, shape: Sequence[int]) -> None:
    """Check the shape that a tensor has in the file."""
    expected = tuple(shape)
    view.require(tensor.shape == expected, f"{tensor.name} has shape {tensor.shape}", str(expected))


def integers(view: NodeView, position: int, *, wide: bool = False) -> list[int]:
    """Return a constant vector of int32; `wide`: or of int64, where the judge takes both."""
    tensor = view.input(position)
    dtype = "int64" if wide and tensor.dtype == "int64" else "int32"
    values = view.constant(tensor, dtype)
    view.require(values.ndim == 1, f"{tensor.name} has shape {values.shape}", "a vector")
    return [int(value) for value in values]


def integer(view: NodeView, position: int) -> int:
    """Return a constant int32: a scalar or a vector of one."""
    tensor = view.input(position)
    values = view.constant(tensor, "int32")
    view.require(
        values.shape in ((), (1,)), f"{tensor.name} has shape {values.shape}", "one number"
    )
    return int(values.reshape(()))


def expect_rank(view: NodeView, tensor: Tensor, most: int) -> int:
    """Return the rank of a tensor, at most what the judge takes."""
    rank = len(tensor.shape)
    if rank > most:
        view.unsupported(f"{tensor.name} has rank {rank}", f"at most {most}")
    return rank
