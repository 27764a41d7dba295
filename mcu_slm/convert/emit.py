"""The graph backend: the student's own forward pass, adding tensors and operators to an int8 graph.

Three of the four rules that keep every interpreter in agreement are kept here by construction:
linear layers are 1x1 CONV_2D, scales come snapped from the activation ranges, SOFTMAX has its fixed
output scale. The fourth, exact equality with the judge, is tested. `rules.check_rules` checks a
finished graph.

Arrays arrive as PyTorch tensors; nothing else of PyTorch is used here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from mcu_slm.convert.token_ops import TokenGraphOps
from mcu_slm.ir import GraphBuilder
from mcu_slm.ir.recurrent import LstmArrays, add_lstm
from mcu_slm.quant import (
    HIDDEN_SCALE,
    SOFTMAX_SCALE,
    SOFTMAX_ZERO_POINT,
    TANH_SCALE,
    TANH_ZERO_POINT,
    quantize_activation,
    quantize_bias,
    quantize_weights,
)

# Versions of the operators that take int8.
_VERSIONS = {
    "ABS": 2,
    "ADD": 2,
    "BATCH_MATMUL": 2,
    "CAST": 1,
    "CONCATENATION": 2,
    "CONV_2D": 3,
    "GATHER": 2,
    "LOG_SOFTMAX": 2,
    "MUL": 2,
    "QUANTIZE": 2,
    "SLICE": 2,
    "DEPTHWISE_CONV_2D": 3,
    "MEAN": 2,
    "RESHAPE": 1,
    "REVERSE_V2": 2,
    "SOFTMAX": 2,
    "STRIDED_SLICE": 2,
    "TANH": 2,
    "TRANSPOSE": 2,
}

_ONE_BY_ONE = {
    "padding": "VALID",
    "stride_w": 1,
    "stride_h": 1,
    "dilation_w_factor": 1,
    "dilation_h_factor": 1,
}


class Ranges(Protocol):
    """Gives the quantisation of every activation by name."""

    def quantization(self, name: str) -> tuple[float, int]:
        """Return scale and zero point."""
        ...

    def cell_scale(self, name: str) -> float:
        """Return the scale of a recurrent layer's int16 cell state."""
        ...


class TensorLike(Protocol):
    """A learned array: a PyTorch tensor."""

    def detach(self) -> Any:
        """Return it without its gradient history."""
        ...


class NormLike(Protocol):
    """A normalisation behind a layer."""

    def fold_behind(self, weight: Any, bias: Any) -> tuple[TensorLike, TensorLike]:
        """Return the layer's weight and bias with the normalisation in them."""
        ...


class SlidingLike(Protocol):
    """How a convolution moves over its input."""

    @property
    def stride(self) -> int: ...  # noqa: D102
    @property
    def padding(self) -> str: ...  # noqa: D102
    @property
    def dilation(self) -> int: ...  # noqa: D102
    def tokens(self, samples: int, kernel: int) -> int:
        """Return the number of outputs."""
        ...


class Handle(NamedTuple):
    """A tensor of the graph under construction. `shape` has a batch of 1 in front."""

    number: int
    shape: tuple[int, ...]
    scale: float
    zero_point: int


class GraphOps(TokenGraphOps):
    """Adds one operator per call; see `mcu_slm.train.backends.operators` for what each means."""

    def __init__(self, builder: GraphBuilder, ranges: Ranges) -> None:
        self._builder = builder
        self._ranges = ranges
        self._constants: dict[str, int] = {}

    def input(self, shape: tuple[int, ...]) -> Handle:
        """Add the model's input."""
        return self._activation("input", shape, *self._ranges.quantization("input"))

    def conv(
        self,
        name: str,
        x: Handle,
        weight: TensorLike,
        bias: TensorLike,
        how: SlidingLike,
        *,
        relu: bool = False,
        norm: NormLike | None = None,
    ) -> Handle:
        """Add a CONV_2D along rows of samples. Shapes: weight: [out, kernel, C]."""
        weight, bias = _folded(weight, bias, norm)
        values = _array(weight)[:, None]
        shape = (*x.shape[:2], how.tokens(x.shape[2], values.shape[2]), len(values))
        kernel = self._weights(name, x, values, bias, axis=0)
        y = self._activation(name, shape, *self._ranges.quantization(name))
        self._node("CONV_2D", [x, *kernel], y, **_sliding(how), **_activated(relu))
        return y

    def depthwise(
        self,
        name: str,
        x: Handle,
        weight: TensorLike,
        bias: TensorLike,
        how: SlidingLike,
        *,
        relu: bool = False,
        norm: NormLike | None = None,
    ) -> Handle:
        """Add a DEPTHWISE_CONV_2D over one row of samples. Shapes: weight: [C, kernel]."""
        weight, bias = _folded(weight, bias, norm)
        values = np.ascontiguousarray(_array(weight).T)[None, None]
        shape = (1, 1, how.tokens(x.shape[2], values.shape[2]), values.shape[3])
        kernel = self._weights(name, x, values, bias, axis=3)
        y = self._activation(name, shape, *self._ranges.quantization(name))
        options = {**_sliding(how), **_activated(relu), "depth_multiplier": 1}
        self._node("DEPTHWISE_CONV_2D", [x, *kernel], y, **options)
        return y

    def linear(
        self,
        name: str,
        x: Handle,
        weight: TensorLike,
        bias: TensorLike,
        *,
        relu: bool = False,
        norm: NormLike | None = None,
    ) -> Handle:
        """Add a 1x1 CONV_2D. Shapes: weight: [out, C]."""
        weight, bias = _folded(weight, bias, norm)
        values = _array(weight)[:, None, None]
        kernel = self._weights(name, x, values, bias, axis=0)
        shape = (*x.shape[:-1], len(values))
        y = self._activation(name, shape, *self._ranges.quantization(name))
        self._node("CONV_2D", [x, *kernel], y, **_ONE_BY_ONE, **_activated(relu))
        return y

    def matmul(
        self,
        name: str,
        a: Handle,
        b: Handle,
        *,
        transpose_b: bool = False,
        group: str | None = None,
    ) -> Handle:
        """Add a BATCH_MATMUL."""
        columns = b.shape[-2] if transpose_b else b.shape[-1]
        parameters = self._ranges.quantization(group or name)
        y = self._activation(name, (*a.shape[:-1], columns), *parameters)
        self._node(
            "BATCH_MATMUL",
            [a, b],
            y,
            adj_x=False,
            adj_y=transpose_b,
            asymmetric_quantize_inputs=False,
        )
        return y

    def softmax(self, name: str, x: Handle) -> Handle:
        """Add a SOFTMAX over the last axis."""
        y = self._activation(name, x.shape, SOFTMAX_SCALE, SOFTMAX_ZERO_POINT)
        self._node("SOFTMAX", [x], y, beta=1.0)
        return y

    def add(self, name: str, a: Handle, b: Handle, *, relu: bool = False) -> Handle:
        """Add an ADD."""
        y = self._activation(name, a.shape, *self._ranges.quantization(name))
        self._node("ADD", [a, b], y, pot_scale_int16=True, **_activated(relu))
        return y

    def mean(self, name: str, x: Handle, *, group: str | None = None) -> Handle:
        """Add a MEAN over W."""
        shape = (*x.shape[:2], 1, x.shape[3])
        y = self._activation(name, shape, *self._ranges.quantization(group or name))
        self._node("MEAN", [x, self._integers("axes", (2,))], y, keep_dims=True)
        return y

    def constant(self, name: str, value: TensorLike) -> Handle:
        """Add a constant tensor. Shapes: value: [N, W, C]."""
        scale, zero_point = self._ranges.quantization(name)
        codes = quantize_activation(_array(value)[None], scale, zero_point)
        index = self._builder.tensor(
            name, codes.shape, scale=scale, zero_point=zero_point, data=codes
        )
        return Handle(index, codes.shape, scale, zero_point)

    def concat(self, name: str, parts: Sequence[Handle]) -> Handle:
        """Add a CONCATENATION along the last axis."""
        first = parts[0]
        shape = (*first.shape[:-1], sum(p.shape[-1] for p in parts))
        y = self._activation(name, shape, first.scale, first.zero_point)
        self._node(
            "CONCATENATION",
            list(parts),
            y,
            axis=len(shape) - 1,
            fused_activation_function="NONE",
        )
        return y

    def reshape(self, name: str, x: Handle, shape: tuple[int, ...]) -> Handle:
        """Add a RESHAPE."""
        return self._reshaped(name, x, (1, *shape))

    def _reshaped(self, name: str, x: Handle, target: tuple[int, ...]) -> Handle:
        y = self._activation(name, target, x.scale, x.zero_point)
        self._node("RESHAPE", [x, self._integers("shape", target)], y, new_shape=target)
        return y

    def lstm(
        self,
        name: str,
        x: Handle,
        weights: TensorLike,
        recurrent: TensorLike,
        bias: TensorLike,
    ) -> Handle:
        """Add a UNIDIRECTIONAL_SEQUENCE_LSTM, which takes its sequence without the axis N."""
        sequence = self._reshaped(f"{name}/sequence", x, (1, *x.shape[2:]))
        arrays = LstmArrays(_array(weights), _array(recurrent), _array(bias))
        cell_scale = self._ranges.cell_scale(f"{name}/cell")
        number = add_lstm(self._builder, name, sequence.number, x.scale, arrays, cell_scale)
        states = Handle(number, self._builder.shape(number), HIDDEN_SCALE, 0)
        return self._reshaped(f"{name}/tokens", states, (1, *states.shape))

    def tanh(self, name: str, x: Handle) -> Handle:
        """Add a TANH."""
        y = self._activation(name, x.shape, TANH_SCALE, TANH_ZERO_POINT)
        self._node("TANH", [x], y)
        return y

    def absolute(self, name: str, x: Handle) -> Handle:
        """Add an ABS at the scale of its input."""
        y = self._activation(name, x.shape, x.scale, x.zero_point)
        self._node("ABS", [x], y)
        return y

    def transpose(self, name: str, x: Handle, order: tuple[int, int, int]) -> Handle:
        """Add a TRANSPOSE."""
        axes = (0, *order)
        y = self._activation(name, tuple(x.shape[i] for i in axes), x.scale, x.zero_point)
        self._node("TRANSPOSE", [x, self._integers("order", axes)], y)
        return y

    def pick(self, name: str, x: Handle, first: int, count: int, every: int) -> Handle:
        """Add a STRIDED_SLICE of every n-th sample of some channels."""
        samples = x.shape[2]
        shape = (1, 1, -(-samples // every), count)
        y = self._activation(name, shape, x.scale, x.zero_point)
        begin = self._integers("begin", (0, 0, 0, first))
        end = self._integers("end", (1, 1, samples, first + count))
        strides = self._integers("strides", (1, 1, every, 1))
        masks = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")
        self._node("STRIDED_SLICE", [x, begin, end, strides], y, **dict.fromkeys(masks, 0))
        return y

    def reverse(self, name: str, x: Handle) -> Handle:
        """Add a REVERSE_V2 along W."""
        y = self._activation(name, x.shape, x.scale, x.zero_point)
        self._node("REVERSE_V2", [x, self._integers("axes", (2,))], y)
        return y

    def drop(self, x: Handle) -> Handle:
        """Do nothing: an exported model learns nothing."""
        return x

    def batch_values(self, x: Handle) -> None:
        """Return None: an exported model learns nothing."""

    def _weights(
        self,
        name: str,
        x: Handle,
        weight: npt.NDArray[np.float32],
        bias: TensorLike,
        *,
        axis: int,
    ) -> tuple[int, int]:
        """Add weights with a scale per slice along `axis`, and their bias, for the input `x`."""
        codes, scales = quantize_weights(weight, axis=axis)
        weights = self._builder.tensor(
            f"{name}/weights", codes.shape, scale=scales, axis=axis, data=codes
        )
        bias_codes = quantize_bias(_array(bias), x.scale, scales)
        # The product of two snapped scales has at most 24 mantissa bits: exact in float32.
        bias_scales = np.float64(x.scale) * scales.astype(np.float64)
        biases = self._builder.tensor(
            f"{name}/bias", bias_codes.shape, "int32", scale=bias_scales, data=bias_codes
        )
        return weights, biases

    def _activation(
        self,
        name: str,
        shape: tuple[int, ...],
        scale: float,
        zero_point: int,
        dtype: str = "int8",
    ) -> Handle:
        index = self._builder.tensor(name, shape, dtype, scale=scale, zero_point=zero_point)
        return Handle(index, shape, scale, zero_point)

    def _integers(self, what: str, values: tuple[int, ...]) -> int:
        """Return the int32 tensor that holds a shape or axes; equal ones share one."""
        name = f"{what}_" + "x".join(map(str, values))
        if name not in self._constants:
            self._constants[name] = self._builder.tensor(
                name, (len(values),), "int32", data=np.array(values, np.int32)
            )
        return self._constants[name]

    def _node(self, op: str, inputs: Sequence[Handle | int], y: Handle, **options: Any) -> None:
        numbers = [x if isinstance(x, int) else x.number for x in inputs]
        self._builder.node(op, numbers, [y.number], version=_VERSIONS[op], **options)


def _folded(
    weight: TensorLike, bias: TensorLike, norm: NormLike | None
) -> tuple[TensorLike, TensorLike]:
    return (weight, bias) if norm is None else norm.fold_behind(weight, bias)


def _sliding(how: SlidingLike) -> dict[str, Any]:
    """Return the options of a convolution along one row."""
    return {
        "padding": how.padding,
        "stride_w": how.stride,
        "stride_h": 1,
        "dilation_w_factor": how.dilation,
        "dilation_h_factor": 1,
    }


def _activated(relu: bool) -> dict[str, Any]:
    return {"fused_activation_function": "RELU" if relu else "NONE"}


def _array(value: TensorLike) -> npt.NDArray[np.float32]:
    return np.asarray(value.detach(), np.float32)
