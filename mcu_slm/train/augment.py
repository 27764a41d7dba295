"""Cheap augmentation: what a differently worn or noisier sensor would have recorded.

Every function works on a whole batch of normalised windows [B, T, C] and draws from the given
generator only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from mcu_slm.config import AugmentConfig


def augment(x: torch.Tensor, how: AugmentConfig, generator: torch.Generator) -> torch.Tensor:
    """Return windows with random gain, offset, noise, shift in time and a silent stretch."""
    if how.scale_std > 0:
        x = x * (1 + how.scale_std * torch.randn(len(x), 1, x.shape[2], generator=generator))
    if how.offset_std > 0:
        x = x + how.offset_std * torch.randn(len(x), 1, x.shape[2], generator=generator)
    if how.noise_std > 0:
        x = x + how.noise_std * torch.randn(x.shape, generator=generator)
    if how.shift_samples > 0:
        x = shift_in_time(x, how.shift_samples, generator)
    if how.mask_samples > 0:
        x = mask_stretch(x, how.mask_samples, generator)
    return x


def shift_in_time(x: torch.Tensor, most: int, generator: torch.Generator) -> torch.Tensor:
    """Move every window by up to `most` samples either way; the sample at the edge repeats."""
    batch, samples, channels = x.shape
    by = torch.randint(-most, most + 1, (batch, 1), generator=generator)
    index = (torch.arange(samples) + by).clamp(0, samples - 1)
    return torch.gather(x, 1, index.unsqueeze(-1).expand(-1, -1, channels))


def mask_stretch(x: torch.Tensor, longest: int, generator: torch.Generator) -> torch.Tensor:
    """Set a random stretch of up to `longest` samples of every window to zero, the mean."""
    batch, samples, _ = x.shape
    length = torch.randint(0, longest + 1, (batch, 1), generator=generator)
    start = torch.randint(0, samples, (batch, 1), generator=generator)
    time = torch.arange(samples)
    silent = (time >= start) & (time < start + length)
    return x.masked_fill(silent.unsqueeze(-1), 0.0)


@dataclass(frozen=True, eq=False)
class Mix:
    """How the windows of a batch are mixed: a share of each, the rest from a partner [B]."""

    share: float = 1.0
    partner: torch.Tensor | None = None

    def apply(self, values: torch.Tensor) -> torch.Tensor:
        """Mix windows, targets or answers. Shapes: [B, ...] -> the same."""
        if self.partner is None:
            return values
        return self.share * values + (1 - self.share) * values[self.partner]


def draw_mix(count: int, alpha: float, generator: torch.Generator) -> Mix:
    """Draw partners for `count` windows and a share from Beta(alpha, alpha); 0 mixes nothing.

    Source: Zhang et al.: mixup, Beyond Empirical Risk Minimization (2018).
    """
    if alpha <= 0:
        return Mix()
    # PyTorch draws from a Beta distribution only with its global generator.
    seed = int(torch.randint(2**31, (), generator=generator))
    share = float(np.random.default_rng(seed).beta(alpha, alpha))
    return Mix(share, torch.randperm(count, generator=generator))
