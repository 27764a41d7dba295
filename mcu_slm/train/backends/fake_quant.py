"""The fake-quantised backend: float arithmetic on int8 grids.

Gradients pass the rounding unchanged (straight through) and stop where a value is clipped. It
differs from the integer kernels by at most the rounding of requantisation; `exact.py` has none of
that difference.
"""
# ruff: noqa: ARG002 - the operators of a backend share their signatures

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch.nn import functional

from mcu_slm.quant import (
    HIDDEN_SCALE,
    INT8_MIN,
    LOG_SOFTMAX_SCALE,
    LOG_SOFTMAX_ZERO_POINT,
    SCALE_MANTISSA_BITS,
    SOFTMAX_SCALE,
    SOFTMAX_ZERO_POINT,
    SURPRISE_SCALE,
    SURPRISE_ZERO_POINT,
    TANH_SCALE,
    TANH_ZERO_POINT,
    cell_scale,
    masked_quantization,
)
from mcu_slm.train.backends.float_ops import convolve, convolve_depthwise, later
from mcu_slm.train.backends.normalization import FoldedBatchNorm, folded_behind
from mcu_slm.train.backends.ranges import QuantState
from mcu_slm.train.backends.recurrent import LstmSteps
from mcu_slm.train.geometry import Sliding


class FakeQuantized(NamedTuple):
    """A tensor whose values lie on the int8 grid of `scale` and `zero_point`."""

    tensor: torch.Tensor
    scale: float
    zero_point: int


def weight_scales(weight: torch.Tensor) -> torch.Tensor:
    """Return the snapped int8 scale per output channel (axis 0), as `quant.quantize_weights`."""
    peaks = weight.detach().flatten(1).abs().amax(1).double().clamp_min(1e-6)
    mantissa, exponent = torch.frexp(peaks / 127.0)
    snapped = torch.round(mantissa * 2**SCALE_MANTISSA_BITS)
    return torch.ldexp(snapped, exponent - SCALE_MANTISSA_BITS).float()


def fake_quantize_weight(weight: torch.Tensor) -> torch.Tensor:
    """Round weights to symmetric int8, per output channel."""
    scales = weight_scales(weight)
    zeros = torch.zeros_like(scales, dtype=torch.int32)
    rounded: torch.Tensor = torch.fake_quantize_per_channel_affine(
        weight, scales, zeros, 0, -127, 127
    )
    return rounded


class FakeQuantOps:
    """PyTorch float32 on int8 grids.

    Args:
        ranges: Where the activation ranges are kept.
        observe: Whether batches still widen or move them.
        momentum: How fast they follow the batches; None keeps the widest range seen.
    """

    def __init__(
        self, ranges: QuantState, *, observe: bool = False, momentum: float | None = None
    ) -> None:
        self._ranges = ranges
        self._observe = observe
        self._momentum = momentum

    def input(self, x: torch.Tensor) -> FakeQuantized:
        """Quantise the network's input. Shapes: x: [B, 1, T, C]."""
        return self._quantize("input", x)

    def conv(
        self,
        name: str,
        x: FakeQuantized,
        weight: torch.Tensor,
        bias: torch.Tensor,
        how: Sliding,
        *,
        relu: bool = False,
        norm: FoldedBatchNorm | None = None,
    ) -> FakeQuantized:
        """Convolve along W."""
        weight, bias = folded_behind(weight, bias, norm)
        y = convolve(x.tensor, fake_quantize_weight(weight), bias, how)
        return self._quantize(name, functional.relu(y) if relu else y)

    def depthwise(
        self,
        name: str,
        x: FakeQuantized,
        weight: torch.Tensor,
        bias: torch.Tensor,
        how: Sliding,
        *,
        relu: bool = False,
        norm: FoldedBatchNorm | None = None,
    ) -> FakeQuantized:
        """Convolve each channel along W."""
        weight, bias = folded_behind(weight, bias, norm)
        y = convolve_depthwise(x.tensor, fake_quantize_weight(weight), bias, how)
        return self._quantize(name, functional.relu(y) if relu else y)

    def linear(
        self,
        name: str,
        x: FakeQuantized,
        weight: torch.Tensor,
        bias: torch.Tensor,
        *,
        relu: bool = False,
        norm: FoldedBatchNorm | None = None,
    ) -> FakeQuantized:
        """Apply one linear layer to every token."""
        weight, bias = folded_behind(weight, bias, norm)
        y = functional.linear(x.tensor, fake_quantize_weight(weight), bias)
        return self._quantize(name, functional.relu(y) if relu else y)

    def matmul(
        self,
        name: str,
        a: FakeQuantized,
        b: FakeQuantized,
        *,
        transpose_b: bool = False,
        group: str | None = None,
    ) -> FakeQuantized:
        """Multiply the last two axes."""
        right = b.tensor.transpose(-1, -2) if transpose_b else b.tensor
        return self._quantize(group or name, a.tensor @ right)

    def softmax(self, name: str, x: FakeQuantized) -> FakeQuantized:
        """Softmax over the last axis."""
        y = functional.softmax(x.tensor, -1)
        return _round_to_grid(y, SOFTMAX_SCALE, SOFTMAX_ZERO_POINT)

    def add(
        self, name: str, a: FakeQuantized, b: FakeQuantized, *, relu: bool = False
    ) -> FakeQuantized:
        """Add two values."""
        y = a.tensor + b.tensor
        return self._quantize(name, functional.relu(y) if relu else y)

    def mean(self, name: str, x: FakeQuantized, *, group: str | None = None) -> FakeQuantized:
        """Average over W."""
        return self._quantize(group or name, x.tensor.mean(2, keepdim=True))

    def constant(self, name: str, value: torch.Tensor) -> FakeQuantized:
        """Quantise a learned tensor."""
        return self._quantize(name, value)

    def concat(self, name: str, parts: Sequence[FakeQuantized]) -> FakeQuantized:
        """Join values of one group along the last axis."""
        joined = torch.cat([p.tensor for p in parts], -1)
        return FakeQuantized(joined, parts[-1].scale, parts[-1].zero_point)

    def reshape(self, name: str, x: FakeQuantized, shape: tuple[int, ...]) -> FakeQuantized:
        """Reshape all but the batch axis."""
        return x._replace(tensor=x.tensor.reshape((x.tensor.shape[0], *shape)))

    def lstm(
        self,
        name: str,
        x: FakeQuantized,
        weights: torch.Tensor,
        recurrent: torch.Tensor,
        bias: torch.Tensor,
    ) -> FakeQuantized:
        """Run a recurrent layer over the tokens; each gate's matrices have their own scale."""
        cell = f"{name}/cell"
        # The first batch ever observed tells the range: until then the cell has the usual scale.
        known = cell in self._ranges or not self._observe
        steps = LstmSteps(
            fake_quantize_weight(weights),
            fake_quantize_weight(recurrent),
            bias,
            self._ranges.cell_scale(cell) if known else cell_scale(0.0),
        )
        hidden, low, high = steps.run(x.tensor[:, 0])
        if self._observe:
            self._ranges.observe(cell, low, high, self._momentum)
        return FakeQuantized(hidden[:, None], HIDDEN_SCALE, 0)

    def tanh(self, name: str, x: FakeQuantized) -> FakeQuantized:
        """Hyperbolic tangent of every value."""
        return _round_to_grid(x.tensor.tanh(), TANH_SCALE, TANH_ZERO_POINT)

    def absolute(self, name: str, x: FakeQuantized) -> FakeQuantized:
        """Absolute value of every value; that of the lowest code is one step too large."""
        return _round_to_grid(x.tensor.abs(), x.scale, x.zero_point)

    def transpose(self, name: str, x: FakeQuantized, order: tuple[int, int, int]) -> FakeQuantized:
        """Reorder the axes behind the batch."""
        return x._replace(tensor=x.tensor.permute(0, *order))

    def reverse(self, name: str, x: FakeQuantized) -> FakeQuantized:
        """Turn the order along W."""
        return x._replace(tensor=x.tensor.flip(2))

    def pick(
        self, name: str, x: FakeQuantized, first: int, count: int, every: int
    ) -> FakeQuantized:
        """Return every n-th sample of some channels."""
        return x._replace(tensor=x.tensor[:, :, ::every, first : first + count])

    def take(self, name: str, x: FakeQuantized, start: int, stop: int) -> FakeQuantized:
        """Return some tokens."""
        return x._replace(tensor=x.tensor[:, :, start:stop])

    def tokenize(
        self, name: str, x: FakeQuantized, channel: int, edges: torch.Tensor
    ) -> FakeQuantized:
        """Return the bin of each sample of one channel."""
        return FakeQuantized(torch.bucketize(x.tensor[..., channel].contiguous(), edges), 1.0, 0)

    def embed(self, name: str, tokens: FakeQuantized, table: torch.Tensor) -> FakeQuantized:
        """Return the row of each token."""
        rows = self._quantize(f"{name}/table", table)
        return rows._replace(tensor=functional.embedding(tokens.tensor, rows.tensor))

    def causal(self, name: str, scores: FakeQuantized) -> FakeQuantized:
        """Bring what comes later to the lowest code, which the softmax gives no weight."""
        scale, zero_point, _ = masked_quantization(scores.scale, scores.zero_point)
        lowest = scale * (INT8_MIN - zero_point)
        y = scores.tensor.masked_fill(later(scores.tensor.shape[-1], scores.tensor.device), lowest)
        return _round_to_grid(y, scale, zero_point)

    def surprise(
        self, name: str, logits: Sequence[FakeQuantized], tokens: Sequence[FakeQuantized]
    ) -> FakeQuantized:
        """Return the mean negative log-likelihood of tokens."""
        found = []
        for scores, numbers in zip(logits, tokens, strict=True):
            likelihood = functional.log_softmax(scores.tensor, -1)
            rounded = _round_to_grid(likelihood, LOG_SOFTMAX_SCALE, LOG_SOFTMAX_ZERO_POINT)
            found.append(rounded.tensor.gather(-1, numbers.tensor.unsqueeze(-1)))
        y = -torch.cat(found, -1).mean((2, 3), keepdim=True)
        self._ranges.fix(name, 0.0, 255 * SURPRISE_SCALE)
        return _round_to_grid(y, SURPRISE_SCALE, SURPRISE_ZERO_POINT)

    def drop(self, x: FakeQuantized) -> FakeQuantized:
        """Do nothing: rounding is noise enough."""
        return x

    def batch_values(self, x: FakeQuantized) -> torch.Tensor | None:
        """Return None: statistics are frozen before quantisation."""
        return None

    def _quantize(self, name: str, y: torch.Tensor) -> FakeQuantized:
        if self._observe:
            low, high = torch.aminmax(y.detach())
            self._ranges.observe(name, float(low), float(high), self._momentum)
        return _round_to_grid(y, *self._ranges.quantization(name))


def _round_to_grid(y: torch.Tensor, scale: float, zero_point: int) -> FakeQuantized:
    rounded = torch.fake_quantize_per_tensor_affine(y, scale, zero_point, -128, 127)
    return FakeQuantized(rounded, scale, zero_point)
