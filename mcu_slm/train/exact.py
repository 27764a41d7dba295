"""The integer-exact backend: the int8 kernels of TensorFlow Lite Micro in NumPy.

What it gives for a window is what the exported model gives, bit for bit. So accuracy measured here
is the accuracy on the device, and a difference between the two is a bug in the converter.
"""
# ruff: noqa: ARG002 - the operators of a backend share their signatures

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from mcu_slm.ir import GraphBuilder
from mcu_slm.ops import parse_graph
from mcu_slm.ops.base import Operator
from mcu_slm.quant import (
    INT8_MIN,
    quantize_activation,
    quantize_bias,
    quantize_multiplier,
    quantize_weights,
    requantize,
    saturate_int8,
)
from mcu_slm.train.backends import SOFTMAX_SCALE, SOFTMAX_ZERO_POINT
from mcu_slm.train.geometry import same_padding
from mcu_slm.train.ranges import QuantState

Int8 = npt.NDArray[np.int8]
Float64 = npt.NDArray[np.float64]

ADD_LEFT_SHIFT = 20
"""Both operands of an addition gain this many bits before they are brought to one scale."""


class Codes(NamedTuple):
    """Quantised values with their scale and zero point."""

    values: Int8
    scale: float
    zero_point: int

    def centred(self) -> Float64:
        """Return value minus zero point; float64 holds every int32 accumulator exactly."""
        return self.values.astype(np.float64) - self.zero_point


class ExactOps:
    """NumPy integers with the roundings of the reference kernels."""

    def __init__(self, ranges: QuantState) -> None:
        self._ranges = ranges

    def input(self, codes: Int8) -> Codes:
        """Take the model's int8 input. Shapes: codes: [B, 1, T, C]."""
        return Codes(codes, *self._ranges.quantization("input"))

    def conv(
        self,
        name: str,
        x: Codes,
        weight: torch.Tensor,
        bias: torch.Tensor,
        *,
        stride: int,
        padding: str,
    ) -> Codes:
        """Convolve along W."""
        kernel = weight.shape[1]
        samples = x.centred()[:, 0]
        if padding == "SAME":
            # Padding with the zero point is padding with zero once the zero point is subtracted.
            around = same_padding(samples.shape[1], kernel, stride)
            samples = np.pad(samples, ((0, 0), around, (0, 0)))
        patches = np.lib.stride_tricks.sliding_window_view(samples, kernel, axis=1)[:, ::stride]
        columns = patches.swapaxes(-1, -2).reshape(*patches.shape[:2], -1)
        return self._linear(name, columns[:, None], x.scale, weight, bias, relu=False)

    def linear(
        self,
        name: str,
        x: Codes,
        weight: torch.Tensor,
        bias: torch.Tensor,
        *,
        relu: bool = False,
    ) -> Codes:
        """Apply one linear layer to every token."""
        return self._linear(name, x.centred(), x.scale, weight, bias, relu=relu)

    def matmul(
        self, name: str, a: Codes, b: Codes, *, transpose_b: bool = False, group: str | None = None
    ) -> Codes:
        """Multiply the last two axes."""
        scale, zero_point = self._ranges.quantization(group or name)
        right = b.centred()
        accumulator = a.centred() @ (right.swapaxes(-1, -2) if transpose_b else right)
        multiplier = quantize_multiplier(a.scale * b.scale / scale)
        codes = requantize(accumulator.astype(np.int64), *multiplier) + zero_point
        return Codes(saturate_int8(codes), scale, zero_point)

    def softmax(self, name: str, x: Codes) -> Codes:
        """Softmax over the last axis, with the fixed output scale."""
        operator = _softmax_operator(x.values.shape[-1], x.scale, x.zero_point)
        return Codes(operator.reference([x.values])[0], SOFTMAX_SCALE, SOFTMAX_ZERO_POINT)

    def add(self, name: str, a: Codes, b: Codes) -> Codes:
        """Add two values on a common finer grid."""
        scale, zero_point = self._ranges.quantization(name)
        twice_max = 2.0 * max(a.scale, b.scale)

        def to_common_grid(x: Codes) -> npt.NDArray[np.int64]:
            shifted = (x.values.astype(np.int64) - x.zero_point) << ADD_LEFT_SHIFT
            return requantize(shifted, *quantize_multiplier(x.scale / twice_max))

        total = to_common_grid(a) + to_common_grid(b)
        multiplier = quantize_multiplier(twice_max / ((1 << ADD_LEFT_SHIFT) * scale))
        return Codes(saturate_int8(requantize(total, *multiplier) + zero_point), scale, zero_point)

    def constant(self, name: str, value: torch.Tensor) -> Codes:
        """Quantise a learned tensor."""
        scale, zero_point = self._ranges.quantization(name)
        codes = quantize_activation(value.detach().numpy(), scale, zero_point)
        return Codes(codes, scale, zero_point)

    def concat(self, name: str, parts: Sequence[Codes]) -> Codes:
        """Join values of one group along the last axis."""
        return parts[0]._replace(values=np.concatenate([p.values for p in parts], -1))

    def reshape(self, name: str, x: Codes, shape: tuple[int, ...]) -> Codes:
        """Reshape all but the batch axis."""
        return x._replace(values=x.values.reshape((len(x.values), *shape)))

    def batch_values(self, x: Codes) -> torch.Tensor | None:
        """Return None: statistics are frozen before quantisation."""
        return None

    def _linear(
        self,
        name: str,
        x: Float64,
        input_scale: float,
        weight: torch.Tensor,
        bias: torch.Tensor,
        *,
        relu: bool,
    ) -> Codes:
        """Multiply centred inputs [..., fan in] by weights [out, ...] and requantise."""
        scale, zero_point = self._ranges.quantization(name)
        weights, weight_scales = quantize_weights(weight.detach().numpy(), axis=0)
        biases = quantize_bias(bias.detach().numpy(), input_scale, weight_scales)
        accumulator = x @ weights.reshape(len(weights), -1).T.astype(np.float64) + biases
        multipliers = [quantize_multiplier(input_scale * float(s) / scale) for s in weight_scales]
        mantissas, shifts = np.array(multipliers, np.int64).T
        codes = requantize(accumulator.astype(np.int64), mantissas, shifts) + zero_point
        act_min = max(INT8_MIN, zero_point) if relu else INT8_MIN
        return Codes(saturate_int8(codes, act_min), scale, zero_point)


@lru_cache(maxsize=256)
def _softmax_operator(width: int, scale: float, zero_point: int) -> Operator:
    """Return the integer softmax over rows of `width`; its table depends on the input scale."""
    builder = GraphBuilder()
    source = builder.tensor("x", (1, width), scale=scale, zero_point=zero_point)
    output = builder.tensor("y", (1, width), scale=SOFTMAX_SCALE, zero_point=SOFTMAX_ZERO_POINT)
    builder.node("SOFTMAX", [source], [output], beta=1.0)
    return parse_graph(builder.build([source], [output]))[0]
