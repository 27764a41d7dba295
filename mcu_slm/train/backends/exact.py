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
from mcu_slm.ir.recurrent import LstmArrays, add_lstm
from mcu_slm.ops import parse_graph
from mcu_slm.ops.base import Operator
from mcu_slm.quant import (
    HIDDEN_SCALE,
    INT8_MAX,
    INT8_MIN,
    LOG_SOFTMAX_SCALE,
    LOG_SOFTMAX_ZERO_POINT,
    SOFTMAX_SCALE,
    SOFTMAX_ZERO_POINT,
    SURPRISE_SCALE,
    SURPRISE_ZERO_POINT,
    TANH_SCALE,
    TANH_ZERO_POINT,
    bins_of_codes,
    masked_quantization,
    quantize_activation,
    quantize_bias,
    quantize_multiplier,
    quantize_weights,
    requantize,
    saturate_int8,
    snap_scale,
)
from mcu_slm.train.backends.normalization import FoldedBatchNorm, folded_behind
from mcu_slm.train.backends.ranges import QuantState
from mcu_slm.train.geometry import Sliding

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
        how: Sliding,
        *,
        relu: bool = False,
        norm: FoldedBatchNorm | None = None,
    ) -> Codes:
        """Convolve along W."""
        weight, bias = folded_behind(weight, bias, norm)
        windows = _windows(x, weight.shape[1], how)
        columns = windows.reshape(*windows.shape[:3], -1)
        return self._linear(name, columns, x.scale, weight, bias, relu=relu)

    def depthwise(
        self,
        name: str,
        x: Codes,
        weight: torch.Tensor,
        bias: torch.Tensor,
        how: Sliding,
        *,
        relu: bool = False,
        norm: FoldedBatchNorm | None = None,
    ) -> Codes:
        """Convolve each channel along W."""
        weight, bias = folded_behind(weight, bias, norm)
        windows = _windows(x, weight.shape[1], how)
        codes, scales = quantize_weights(weight.detach().numpy(), axis=0)
        sums = np.einsum("bntkc,ck->bntc", windows, codes.astype(np.float64))
        return self._requantize(name, sums, x.scale, scales, bias, relu=relu)

    def linear(
        self,
        name: str,
        x: Codes,
        weight: torch.Tensor,
        bias: torch.Tensor,
        *,
        relu: bool = False,
        norm: FoldedBatchNorm | None = None,
    ) -> Codes:
        """Apply one linear layer to every token."""
        weight, bias = folded_behind(weight, bias, norm)
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

    def add(self, name: str, a: Codes, b: Codes, *, relu: bool = False) -> Codes:
        """Add two values on a common finer grid."""
        return _sum(a, b, *self._ranges.quantization(name), relu=relu)

    def mean(self, name: str, x: Codes, *, group: str | None = None) -> Codes:
        """Average over W."""
        scale, zero_point = self._ranges.quantization(group or name)
        quantization = (x.scale, x.zero_point, scale, zero_point)
        operator = _mean_operator(x.values.shape[1:], *quantization)
        return Codes(operator.reference([x.values[:, None]])[0][:, 0], scale, zero_point)

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

    def lstm(
        self,
        name: str,
        x: Codes,
        weights: torch.Tensor,
        recurrent: torch.Tensor,
        bias: torch.Tensor,
    ) -> Codes:
        """Run a recurrent layer over the tokens, by the compiler's own reference."""
        arrays = LstmArrays(*(t.detach().numpy() for t in (weights, recurrent, bias)))
        operator = _lstm_operator(x, arrays, self._ranges.cell_scale(f"{name}/cell"))
        return Codes(operator.reference([x.values])[0], HIDDEN_SCALE, 0)

    def tanh(self, name: str, x: Codes) -> Codes:
        """Look the hyperbolic tangent of every code up."""
        output = (TANH_SCALE, TANH_ZERO_POINT)
        return _looked_up(x, _table_of("TANH", (x.scale, x.zero_point), output), output)

    def absolute(self, name: str, x: Codes) -> Codes:
        """Look the absolute value of every code up."""
        same = (x.scale, x.zero_point)
        return _looked_up(x, _table_of("ABS", same, same), same)

    def transpose(self, name: str, x: Codes, order: tuple[int, int, int]) -> Codes:
        """Reorder the axes behind the batch."""
        return x._replace(values=x.values.transpose(0, *order))

    def reverse(self, name: str, x: Codes) -> Codes:
        """Turn the order along W."""
        return x._replace(values=x.values[:, :, ::-1])

    def pick(self, name: str, x: Codes, first: int, count: int, every: int) -> Codes:
        """Return every n-th sample of some channels."""
        return x._replace(values=x.values[:, :, ::every, first : first + count])

    def take(self, name: str, x: Codes, start: int, stop: int) -> Codes:
        """Return some tokens."""
        return x._replace(values=x.values[:, :, start:stop])

    def tokenize(self, name: str, x: Codes, channel: int, edges: torch.Tensor) -> Codes:
        """Look the bin of each sample up."""
        bins = bins_of_codes(edges.numpy(), x.scale, x.zero_point)
        return Codes(bins[x.values[..., channel].astype(np.int64) - INT8_MIN], 1.0, 0)

    def embed(self, name: str, tokens: Codes, table: torch.Tensor) -> Codes:
        """Return the row of each token."""
        rows = self.constant(f"{name}/table", table)
        return rows._replace(values=rows.values[tokens.values.astype(np.int64)])

    def causal(self, name: str, scores: Codes) -> Codes:
        """Take so much off what comes later that it ends at the lowest code."""
        width = scores.values.shape[-1]
        scale, zero_point, penalty = masked_quantization(scores.scale, scores.zero_point)
        mask = np.triu(np.full((1, 1, width, width), -INT8_MAX, np.int8), 1)
        hidden = Codes(mask, snap_scale(penalty / INT8_MAX), 0)
        return _sum(scores, hidden, scale, zero_point, relu=False)

    def surprise(self, name: str, logits: Sequence[Codes], tokens: Sequence[Codes]) -> Codes:
        """Pick the log-likelihood of what came, change its sign, average."""
        products = []
        for scores, numbers in zip(logits, tokens, strict=True):
            operator = _log_softmax_operator(scores.values.shape[-1], *scores[1:])
            likelihood = operator.reference([scores.values])[0].astype(np.int64)
            came = np.arange(likelihood.shape[-1]) == numbers.values[..., None]
            products.append(
                np.where(came, LOG_SOFTMAX_ZERO_POINT - likelihood, 0) + SURPRISE_ZERO_POINT
            )
        codes = np.concatenate(products, -1).astype(np.int8)
        # A one stands for as many as there are tokens, so that the mean is over positions alone.
        scale = SURPRISE_SCALE * logits[0].values.shape[-1]
        quantization = (scale, SURPRISE_ZERO_POINT, SURPRISE_SCALE, SURPRISE_ZERO_POINT)
        operator = _mean_operator(codes.shape[1:], *quantization, axes=(2, 3))
        mean = operator.reference([codes[:, None]])[0][:, 0]
        return Codes(mean, SURPRISE_SCALE, SURPRISE_ZERO_POINT)

    def drop(self, x: Codes) -> Codes:
        """Do nothing: this is how the device answers."""
        return x

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
        codes, scales = quantize_weights(weight.detach().numpy(), axis=0)
        sums = x @ codes.reshape(len(codes), -1).T.astype(np.float64)
        return self._requantize(name, sums, input_scale, scales, bias, relu=relu)

    def _requantize(
        self,
        name: str,
        sums: Float64,
        input_scale: float,
        weight_scales: npt.NDArray[np.float32],
        bias: torch.Tensor,
        *,
        relu: bool,
    ) -> Codes:
        """Add the bias to exact sums [..., out] and bring them to the output's scale."""
        scale, zero_point = self._ranges.quantization(name)
        sums = sums + quantize_bias(bias.detach().numpy(), input_scale, weight_scales)
        multipliers = [quantize_multiplier(input_scale * float(s) / scale) for s in weight_scales]
        mantissas, shifts = np.array(multipliers, np.int64).T
        codes = requantize(sums.astype(np.int64), mantissas, shifts) + zero_point
        return Codes(saturate_int8(codes, _lowest(zero_point, relu)), scale, zero_point)


def _lowest(zero_point: int, relu: bool) -> int:
    """Return the smallest code that an output may have."""
    return max(INT8_MIN, zero_point) if relu else INT8_MIN


def _sum(a: Codes, b: Codes, scale: float, zero_point: int, *, relu: bool) -> Codes:
    """Add two values on a common finer grid and bring the sum to a scale."""
    twice_max = 2.0 * max(a.scale, b.scale)

    def to_common_grid(x: Codes) -> npt.NDArray[np.int64]:
        shifted = (x.values.astype(np.int64) - x.zero_point) << ADD_LEFT_SHIFT
        return requantize(shifted, *quantize_multiplier(x.scale / twice_max))

    total = to_common_grid(a) + to_common_grid(b)
    multiplier = quantize_multiplier(twice_max / ((1 << ADD_LEFT_SHIFT) * scale))
    codes = requantize(total, *multiplier) + zero_point
    return Codes(saturate_int8(codes, _lowest(zero_point, relu)), scale, zero_point)


def _windows(x: Codes, kernel: int, how: Sliding) -> Float64:
    """Return what each output of a convolution sees. Shapes: -> [B, N, tokens, kernel, C]."""
    samples = x.centred()
    # Padding with the zero point is padding with zero once the zero point is subtracted.
    around = how.around(samples.shape[2], kernel)
    samples = np.pad(samples, ((0, 0), (0, 0), around, (0, 0)))
    reach = how.reach(kernel)
    view = np.lib.stride_tricks.sliding_window_view(samples, reach, axis=2)
    return view[:, :, :: how.stride, :, :: how.dilation].swapaxes(-1, -2)


def _looked_up(x: Codes, table: Int8, quantization: tuple[float, int]) -> Codes:
    """Return what a table of all codes, -128 first, gives for each."""
    return Codes(table[x.values.astype(np.int64) - INT8_MIN], *quantization)


@lru_cache(maxsize=256)
def _table_of(op: str, source: tuple[float, int], target: tuple[float, int]) -> Int8:
    """Return what the compiler's reference of an operator of one value gives for every code."""
    builder = GraphBuilder()
    (scale, zero_point), (output_scale, output_zero_point) = source, target
    x = builder.tensor("x", (1, 256), scale=scale, zero_point=zero_point)
    y = builder.tensor("y", (1, 256), scale=output_scale, zero_point=output_zero_point)
    builder.node(op, [x], [y])
    operator = parse_graph(builder.build([x], [y]))[0]
    codes = np.arange(INT8_MIN, INT8_MAX + 1).astype(np.int8)
    return np.asarray(operator.reference([codes[None]])[0][0], np.int8)


@lru_cache(maxsize=256)
def _softmax_operator(width: int, scale: float, zero_point: int) -> Operator:
    """Return the integer softmax over rows of `width`; its table depends on the input scale."""
    builder = GraphBuilder()
    source = builder.tensor("x", (1, width), scale=scale, zero_point=zero_point)
    output = builder.tensor("y", (1, width), scale=SOFTMAX_SCALE, zero_point=SOFTMAX_ZERO_POINT)
    builder.node("SOFTMAX", [source], [output], beta=1.0)
    return parse_graph(builder.build([source], [output]))[0]


@lru_cache(maxsize=256)
def _log_softmax_operator(width: int, scale: float, zero_point: int) -> Operator:
    """Return the integer log-softmax over rows of `width`."""
    builder = GraphBuilder()
    source = builder.tensor("x", (1, width), scale=scale, zero_point=zero_point)
    output = builder.tensor(
        "y", (1, width), scale=LOG_SOFTMAX_SCALE, zero_point=LOG_SOFTMAX_ZERO_POINT
    )
    builder.node("LOG_SOFTMAX", [source], [output])
    return parse_graph(builder.build([source], [output]))[0]


@lru_cache(maxsize=256)
def _mean_operator(
    shape: tuple[int, int, int],
    input_scale: float,
    input_zero_point: int,
    scale: float,
    zero_point: int,
    axes: tuple[int, ...] = (2,),
) -> Operator:
    """Return the integer mean over axes of [1, N, W, C], where `shape` is [N, W, C]."""
    builder = GraphBuilder()
    source = builder.tensor("x", (1, *shape), scale=input_scale, zero_point=input_zero_point)
    named = builder.tensor("axes", (len(axes),), "int32", data=np.array(axes, np.int32))
    averaged = tuple(1 if axis in axes else n for axis, n in enumerate((1, *shape)))
    output = builder.tensor("y", averaged, scale=scale, zero_point=zero_point)
    builder.node("MEAN", [source, named], [output], keep_dims=True)
    return parse_graph(builder.build([source], [output]))[0]


def _lstm_operator(x: Codes, arrays: LstmArrays, cell_scale: float) -> Operator:
    """Return the integer recurrent layer over sequences [N, W, C] of the scale of `x`."""
    builder = GraphBuilder()
    shape = (1, *x.values.shape[2:])
    source = builder.tensor("x", shape, scale=x.scale, zero_point=x.zero_point)
    output = add_lstm(builder, "lstm", source, x.scale, arrays, cell_scale)
    return parse_graph(builder.build([source], [output]))[0]
