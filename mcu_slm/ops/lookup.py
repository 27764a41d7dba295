"""Unary int8 functions as tables of 256 entries; the operators that use it only make the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcu_slm.ir import Tensor
from mcu_slm.ops.base import Arguments, Constant, Int8, NodeView, Operator
from mcu_slm.ops.features import Features, unrolled
from mcu_slm.quant import INT8_MAX, INT8_MIN, Int64, Multiplier, saturate_int8

INPUTS = np.arange(INT8_MIN, INT8_MAX + 1, dtype=np.int64)
"""Every int8 value, in the order of a table."""


@dataclass(frozen=True, eq=False)
class Lookup(Operator):
    """y = table[x + 128] for every element."""

    kernels = ("lookup_s8",)

    count: int
    table: npt.NDArray[np.int8]
    multipliers: tuple[Multiplier, ...]

    def reference(self, inputs: Sequence[Int8]) -> list[Int8]:
        """Look every element up."""
        return [self.table[inputs[0].astype(np.int16) - INT8_MIN]]

    def clearance(self, position: int) -> int:  # noqa: ARG002
        """Every element is read before it is written."""
        return 0

    def constants(self) -> tuple[Constant, ...]:
        """Return the table."""
        return (Constant("table", self.table, False, "output for the inputs -128 .. 127"),)

    def requantization(self) -> tuple[Multiplier, ...]:
        """Return the multipliers that the table was made with."""
        return self.multipliers

    def features(self) -> Features:
        """Return elements, four at a time."""
        return unrolled("element", 1, self.count)

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        table = f"{arguments.constants['table']} + {-INT8_MIN}"
        source, target = arguments.inputs[0], arguments.outputs[0]
        return f"mcu_slm_lookup_s8({table}, {self.count}, {source}, {target});"


def unary_tensors(view: NodeView) -> tuple[Tensor, Tensor]:
    """Return input and output of a node that maps every element on its own."""
    view.expect_count((1,))
    source, output = view.input(0), view.output()
    view.require(output.shape == source.shape, f"output shape {output.shape}", str(source.shape))
    return source, output


def lookup(source: Tensor, values: Int64, *multipliers: Multiplier) -> Lookup:
    """Return the layer that answers `values` (saturated to int8) for the inputs -128 .. 127."""
    return Lookup(source.element_count, saturate_int8(values), multipliers)
