"""The float backend: what training runs on, and the float arithmetic of the fake-quantised one."""
# ruff: noqa: ARG002 - the operators of a backend share their signatures

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional

from mcu_slm.train.backends.normalization import FoldedBatchNorm, folded_behind
from mcu_slm.train.backends.recurrent import lstm
from mcu_slm.train.geometry import Sliding


def convolve(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, how: Sliding
) -> torch.Tensor:
    """Convolve along W.

    Shapes: x: [B, N, W, C], weight: [out, kernel, C] -> [B, N, tokens, out].
    """
    samples = x.flatten(0, 1).transpose(1, 2)
    samples = functional.pad(samples, how.around(samples.shape[-1], weight.shape[1]))
    taps = weight.transpose(1, 2)
    y = functional.conv1d(samples, taps, bias, stride=how.stride, dilation=how.dilation)
    return y.transpose(1, 2).reshape(*x.shape[:2], -1, len(weight))


def convolve_depthwise(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, how: Sliding
) -> torch.Tensor:
    """Convolve each channel along W. Shapes: x: [B, 1, W, C], weight: [C, kernel] -> like `x`.

    Adding up shifted copies takes two thirds of the time of PyTorch's grouped convolution where
    taps are dilated, and no more where they are not.
    """
    kernel = weight.shape[1]
    tokens = how.tokens(x.shape[2], kernel)
    padded = functional.pad(x, (0, 0, *how.around(x.shape[2], kernel)))
    reach = (tokens - 1) * how.stride + 1
    y = bias
    for tap in range(kernel):
        first = tap * how.dilation
        y = torch.addcmul(y, padded[:, :, first : first + reach : how.stride], weight[:, tap])
    return y


def later(tokens: int, device: torch.device) -> torch.Tensor:
    """Return which tokens (columns) come after which (rows)."""
    return torch.ones(tokens, tokens, dtype=torch.bool, device=device).triu(1)


class FloatOps:
    """PyTorch float32.

    With `learn_statistics`, normalisation uses and learns from the batch, and the share `dropout`
    of what `drop` is given is set to zero.
    """

    def __init__(self, *, learn_statistics: bool = False, dropout: float = 0.0) -> None:
        self._learn_statistics = learn_statistics
        self._dropout = dropout

    def conv(
        self,
        name: str,
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor,
        how: Sliding,
        *,
        relu: bool = False,
        norm: FoldedBatchNorm | None = None,
    ) -> torch.Tensor:
        """Convolve along W."""
        weight, bias = self._with(norm, weight, bias)
        y = convolve(x, weight, bias, how)
        return self._finish(y, norm, relu=relu)

    def depthwise(
        self,
        name: str,
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor,
        how: Sliding,
        *,
        relu: bool = False,
        norm: FoldedBatchNorm | None = None,
    ) -> torch.Tensor:
        """Convolve each channel along W."""
        weight, bias = self._with(norm, weight, bias)
        return self._finish(convolve_depthwise(x, weight, bias, how), norm, relu=relu)

    def linear(
        self,
        name: str,
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor,
        *,
        relu: bool = False,
        norm: FoldedBatchNorm | None = None,
    ) -> torch.Tensor:
        """Apply one linear layer to every token."""
        weight, bias = self._with(norm, weight, bias)
        return self._finish(functional.linear(x, weight, bias), norm, relu=relu)

    def matmul(
        self,
        name: str,
        a: torch.Tensor,
        b: torch.Tensor,
        *,
        transpose_b: bool = False,
        group: str | None = None,
    ) -> torch.Tensor:
        """Multiply the last two axes."""
        return a @ (b.transpose(-1, -2) if transpose_b else b)

    def softmax(self, name: str, x: torch.Tensor) -> torch.Tensor:
        """Softmax over the last axis."""
        return functional.softmax(x, -1)

    def add(
        self, name: str, a: torch.Tensor, b: torch.Tensor, *, relu: bool = False
    ) -> torch.Tensor:
        """Add two values."""
        return functional.relu(a + b) if relu else a + b

    def mean(self, name: str, x: torch.Tensor, *, group: str | None = None) -> torch.Tensor:
        """Average over W."""
        return x.mean(2, keepdim=True)

    def constant(self, name: str, value: torch.Tensor) -> torch.Tensor:
        """Return the learned tensor."""
        return value

    def concat(self, name: str, parts: Sequence[torch.Tensor]) -> torch.Tensor:
        """Join along the last axis."""
        return torch.cat(list(parts), -1)

    def reshape(self, name: str, x: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
        """Reshape all but the batch axis."""
        return x.reshape((x.shape[0], *shape))

    def lstm(
        self,
        name: str,
        x: torch.Tensor,
        weights: torch.Tensor,
        recurrent: torch.Tensor,
        bias: torch.Tensor,
    ) -> torch.Tensor:
        """Run a recurrent layer over the tokens."""
        return lstm(x[:, 0], weights, recurrent, bias)[:, None]

    def tanh(self, name: str, x: torch.Tensor) -> torch.Tensor:
        """Hyperbolic tangent of every value."""
        return x.tanh()

    def absolute(self, name: str, x: torch.Tensor) -> torch.Tensor:
        """Absolute value of every value."""
        return x.abs()

    def transpose(self, name: str, x: torch.Tensor, order: tuple[int, int, int]) -> torch.Tensor:
        """Reorder the axes behind the batch."""
        return x.permute(0, *order)

    def reverse(self, name: str, x: torch.Tensor) -> torch.Tensor:
        """Turn the order along W."""
        return x.flip(2)

    def pick(self, name: str, x: torch.Tensor, first: int, count: int, every: int) -> torch.Tensor:
        """Return every n-th sample of some channels."""
        return x[:, :, ::every, first : first + count]

    def take(self, name: str, x: torch.Tensor, start: int, stop: int) -> torch.Tensor:
        """Return some tokens."""
        return x[:, :, start:stop]

    def tokenize(
        self, name: str, x: torch.Tensor, channel: int, edges: torch.Tensor
    ) -> torch.Tensor:
        """Return the bin of each sample of one channel."""
        return torch.bucketize(x[..., channel].contiguous(), edges)

    def embed(self, name: str, tokens: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
        """Return the row of each token."""
        return functional.embedding(tokens, table)

    def causal(self, name: str, scores: torch.Tensor) -> torch.Tensor:
        """Make the softmax give no weight to what comes later."""
        return scores.masked_fill(later(scores.shape[-1], scores.device), -torch.inf)

    def surprise(
        self, name: str, logits: Sequence[torch.Tensor], tokens: Sequence[torch.Tensor]
    ) -> torch.Tensor:
        """Return the mean negative log-likelihood of tokens."""
        found = [
            functional.log_softmax(scores, -1).gather(-1, numbers.unsqueeze(-1))
            for scores, numbers in zip(logits, tokens, strict=True)
        ]
        return -torch.cat(found, -1).mean((2, 3), keepdim=True)

    def drop(self, x: torch.Tensor) -> torch.Tensor:
        """Set a share of the values to zero while statistics are learned."""
        return functional.dropout(x, self._dropout, self._learn_statistics)

    def batch_values(self, x: torch.Tensor) -> torch.Tensor | None:
        """Return `x` when statistics are learned."""
        return x if self._learn_statistics else None

    def _with(
        self, norm: FoldedBatchNorm | None, weight: torch.Tensor, bias: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return weight and bias; normalisation that rests is part of them."""
        return (weight, bias) if self._learn_statistics else folded_behind(weight, bias, norm)

    def _finish(self, y: torch.Tensor, norm: FoldedBatchNorm | None, *, relu: bool) -> torch.Tensor:
        """Apply what follows a layer's sums."""
        if norm is not None and self._learn_statistics:
            gain, shift = norm.affine(y)
            y = y * gain + shift
        return functional.relu(y) if relu else y
