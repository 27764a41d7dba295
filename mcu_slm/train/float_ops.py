"""The float backend: what training runs on, and the float arithmetic of the fake-quantised one."""
# ruff: noqa: ARG002 - the operators of a backend share their signatures

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional

from mcu_slm.train.geometry import same_padding


def convolve(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, stride: int, padding: str
) -> torch.Tensor:
    """Shapes: x: [B, 1, W, C], weight: [out, kernel, C] -> [B, 1, tokens, out]."""
    samples = x[:, 0].transpose(1, 2)
    if padding == "SAME":
        before, after = same_padding(samples.shape[-1], weight.shape[1], stride)
        samples = functional.pad(samples, (before, after))
    y = functional.conv1d(samples, weight.transpose(1, 2), bias, stride=stride)
    return y.transpose(1, 2).unsqueeze(1)


class FloatOps:
    """PyTorch float32. With `learn_statistics`, normalisation uses and learns from the batch."""

    def __init__(self, *, learn_statistics: bool = False) -> None:
        self._learn_statistics = learn_statistics

    def conv(
        self,
        name: str,
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor,
        *,
        stride: int,
        padding: str,
    ) -> torch.Tensor:
        """Convolve along W."""
        return convolve(x, weight, bias, stride, padding)

    def linear(
        self,
        name: str,
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor,
        *,
        relu: bool = False,
    ) -> torch.Tensor:
        """Apply one linear layer to every token."""
        y = functional.linear(x, weight, bias)
        return functional.relu(y) if relu else y

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

    def add(self, name: str, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        """Add two values."""
        return a + b

    def constant(self, name: str, value: torch.Tensor) -> torch.Tensor:
        """Return the learned tensor."""
        return value

    def concat(self, name: str, parts: Sequence[torch.Tensor]) -> torch.Tensor:
        """Join along the last axis."""
        return torch.cat(list(parts), -1)

    def reshape(self, name: str, x: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
        """Reshape all but the batch axis."""
        return x.reshape((x.shape[0], *shape))

    def batch_values(self, x: torch.Tensor) -> torch.Tensor | None:
        """Return `x` when statistics are learned."""
        return x if self._learn_statistics else None
