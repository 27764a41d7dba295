"""Batch normalisation that never costs an operator: it is part of a linear layer's weights."""

from __future__ import annotations

import torch
from torch import nn


class FoldedBatchNorm(nn.Module):
    """A per-channel affine map from batch statistics (training) or running averages.

    It stands in front of a linear layer, W (gain x + shift) + b, and `fold` moves it into W and b,
    also in training. Or it stands behind one, gain (W x + b) + shift, and `fold_behind` moves it
    into W and b once its statistics rest.
    """

    running_mean: torch.Tensor
    running_variance: torch.Tensor

    def __init__(self, channels: int, momentum: float = 0.1, epsilon: float = 1e-5) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(channels))
        self.shift = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_variance", torch.ones(channels))
        self.momentum = momentum
        self.epsilon = epsilon

    def affine(self, values: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        """Return gain and shift per channel; `values` [..., channels] is a batch to learn from."""
        mean, variance = self.running_mean, self.running_variance
        if values is not None:
            flat = values.reshape(-1, values.shape[-1])
            variance, mean = torch.var_mean(flat, dim=0, correction=0)
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_variance.lerp_(variance, self.momentum)
        gain = self.gain * torch.rsqrt(variance + self.epsilon)
        return gain, self.shift - mean * gain

    def fold_behind(
        self, weight: torch.Tensor, bias: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return weight and bias of a layer that takes over the affine map of its output.

        Shapes: weight: [channels, ...], bias: [channels].
        """
        gain, shift = self.affine(None)
        per_channel = gain.reshape(-1, *[1] * (weight.dim() - 1))
        return weight * per_channel, bias * gain + shift


def fold(
    weight: torch.Tensor, bias: torch.Tensor, affine: tuple[torch.Tensor, torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return weight and bias of a linear layer that takes over the affine map of its input.

    Shapes: weight: [out, channels], bias: [out], affine: two of [channels].
    """
    gain, shift = affine
    return weight * gain, bias + weight @ shift


def folded_behind(
    weight: torch.Tensor, bias: torch.Tensor, norm: FoldedBatchNorm | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return weight and bias with the normalisation behind the layer, if there is one."""
    return (weight, bias) if norm is None else norm.fold_behind(weight, bias)
