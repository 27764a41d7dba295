"""QUANTIZE: real numbers or quantised integers to another scale, zero point or type.

From float32: y = round(x / scale) + zero_point in float32, halves away from zero.
From integers: y = requantize(x - zx) + zy, real multiplier input scale / output scale in float64;
from bytes to bytes that is a table.

The judge leaves numbers that are not finite, or beyond 32 bits after the division, undefined; here
they saturate, and what is not a number counts as the lowest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mcu_slm.ir import Tensor
from mcu_slm.ops.base import Activations, Arguments, NodeView, Operator, struct_call
from mcu_slm.ops.clearance import elementwise_clearance
from mcu_slm.ops.elements import C_NAMES, float_literal
from mcu_slm.ops.features import Features
from mcu_slm.ops.lookup import INPUTS, Lookup, unary_tensors
from mcu_slm.ops.rescale import bounded_multiplier
from mcu_slm.ops.support import entry
from mcu_slm.quant import Multiplier, requantize

TARGETS = {
    "float32": ("int8", "int16"),
    "int32": ("int8", "int16"),
    "int16": ("int8", "int16", "int32"),
    "int8": ("int8", "uint8", "int16", "int32"),
    "uint8": ("int8",),
}
"""The types that the judge converts each type to."""


@dataclass(frozen=True, eq=False)
class FromFloat(Operator):
    """float32 to integers of type `dtype`."""

    kernels = ("quantize_f32",)

    count: int
    dtype: str
    scale: float
    zero_point: int

    def reference(self, inputs: Sequence[Activations]) -> list[Activations]:
        """Divide, round, saturate."""
        bounds = np.iinfo(self.dtype)
        with np.errstate(over="ignore"):
            steps = inputs[0] / np.float32(self.scale)
        whole = np.trunc(steps)
        rounded = whole + np.sign(steps) * (np.abs(steps - whole) >= np.float32(0.5))
        rounded = np.nan_to_num(rounded.astype(np.float64), nan=-np.inf)
        y = np.clip(rounded + self.zero_point, bounds.min, bounds.max)
        return [y.astype(self.dtype)]

    def clearance(self, position: int) -> int:  # noqa: ARG002
        """Every element is read before it is written."""
        return elementwise_clearance(self.count, 4, np.dtype(self.dtype).itemsize)

    def features(self) -> Features:
        """Return the elements."""
        return {f"to_{self.dtype}": self.count}

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        fields: dict[str, object] = {
            "count": self.count,
            "output_type": C_NAMES[self.dtype],
            "zero_point": self.zero_point,
            "scale": float_literal(self.scale),
        }
        source = f"(const float *)(const void *){arguments.inputs[0]}"
        return struct_call(
            "mcu_slm_quantize_t", "mcu_slm_quantize_f32", fields, [source, arguments.outputs[0]]
        )


@dataclass(frozen=True, eq=False)
class Rescale(Operator):
    """Integers of one type to integers of the same or another type."""

    kernels = ("rescale",)

    count: int
    input_dtype: str
    output_dtype: str
    input_zero_point: int
    output_zero_point: int
    output: Multiplier

    def reference(self, inputs: Sequence[Activations]) -> list[Activations]:
        """Requantise and saturate."""
        bounds = np.iinfo(self.output_dtype)
        centred = inputs[0].astype(np.int64) - self.input_zero_point
        scaled = requantize(centred, self.output.multiplier, self.output.shift)
        y = np.clip(scaled + self.output_zero_point, bounds.min, bounds.max)
        return [y.astype(self.output_dtype)]

    def clearance(self, position: int) -> int:  # noqa: ARG002
        """Every element is read before it is written."""
        sizes = (np.dtype(dtype).itemsize for dtype in (self.input_dtype, self.output_dtype))
        return elementwise_clearance(self.count, *sizes)

    def requantization(self) -> tuple[Multiplier, ...]:
        """Return the one multiplier."""
        return (self.output,)

    def features(self) -> Features:
        """Return the elements, each pair of types by itself."""
        return {f"{self.input_dtype}_to_{self.output_dtype}": self.count}

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        fields: dict[str, object] = {
            "count": self.count,
            "input_type": C_NAMES[self.input_dtype],
            "output_type": C_NAMES[self.output_dtype],
            "input_zero_point": self.input_zero_point,
            "output_zero_point": self.output_zero_point,
            "multiplier": self.output.multiplier,
            "shift": self.output.shift,
        }
        places = [arguments.inputs[0], arguments.outputs[0]]
        return struct_call("mcu_slm_rescale_t", "mcu_slm_rescale", fields, places)


@dataclass(frozen=True, eq=False)
class RescaleBytes(Lookup):
    """Bytes to bytes, of which one kind may be unsigned; the table has them as int8."""

    input_dtype: str
    output_dtype: str

    def reference(self, inputs: Sequence[Activations]) -> list[Activations]:
        """Look every byte up."""
        (looked_up,) = super().reference([inputs[0].view(np.int8)])
        return [looked_up.view(self.output_dtype)]

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call, with the names of unsigned tensors cast."""
        source, target = arguments.inputs[0], arguments.outputs[0]
        if self.input_dtype != "int8":
            source = f"(const int8_t *){source}"
        if self.output_dtype != "int8":
            target = f"(int8_t *){target}"
        return super().call(replace(arguments, inputs=(source,), outputs=(target,)))


def parse(view: NodeView) -> Operator:
    """Check a QUANTIZE node and derive its table or its integers."""
    source, output = unary_tensors(view)
    targets = TARGETS.get(source.dtype)
    if targets is None:
        view.unsupported(f"{source.name} has type {source.dtype}", f"one of {', '.join(TARGETS)}")
    scale, zero_point = view.quantized(output, targets)
    if source.dtype == "float32":
        return FromFloat(source.element_count, output.dtype, scale, zero_point)
    return _from_integers(view, source, output)


def _from_integers(view: NodeView, source: Tensor, output: Tensor) -> Operator:
    scale, zero_point = view.quantized(source, (source.dtype,))
    output_scale, output_zero_point = view.quantized(output, (output.dtype,))
    bounds = np.iinfo(source.dtype)
    largest = int(bounds.max - bounds.min)
    if source.dtype == "int32":
        view.require(zero_point == 0, f"{source.name}: zero point is {zero_point}", "0")
        largest = int(bounds.max)
    multiplier = bounded_multiplier(view, scale / output_scale, largest)
    rescale = Rescale(
        source.element_count,
        source.dtype,
        output.dtype,
        zero_point,
        output_zero_point,
        multiplier,
    )
    dtypes = (source.dtype, output.dtype)
    if not set(dtypes) <= {"int8", "uint8"}:
        return rescale
    (table,) = rescale.reference([INPUTS.astype(np.int8).view(source.dtype)])
    return RescaleBytes(source.element_count, table.view(np.int8), (multiplier,), *dtypes)


RUNS = tuple(entry(source, target) for source, targets in TARGETS.items() for target in targets)
