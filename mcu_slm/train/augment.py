"""Cheap augmentation: what a differently worn or noisier sensor would have recorded.

Every function works on a whole batch of normalised windows [B, T, C] and draws from the given
generator only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from mcu_slm.config import AugmentConfig

RESPONSE_KNOTS = 24
"""Frequencies whose gain is drawn per window and channel; between them it changes linearly."""
WARP_KNOTS = 5
"""Speeds drawn per window; between them it changes linearly, so the warp is smooth."""


@dataclass(frozen=True, eq=False)
class Channels:
    """Names of the channels, and the normalisation that was applied to them.

    Shapes: mean, std: [C], in the channels' units.
    """

    names: tuple[str, ...]
    mean: torch.Tensor
    std: torch.Tensor

    def indices(self, groups: Sequence[Sequence[str]]) -> torch.Tensor:
        """Return the places [G, 3] of groups of channel names."""
        return torch.tensor([[self.names.index(name) for name in group] for group in groups])


def augment(
    x: torch.Tensor, how: AugmentConfig, channels: Channels, generator: torch.Generator
) -> torch.Tensor:
    """Return changed windows: first what was recorded, then how the sensor sat, then its faults.

    Noise comes after the resampling, which would smooth it.
    """
    if not how.enabled:
        return x
    if how.time_warp > 0:
        x = warp_time(x, how.time_warp, generator)
    if how.crop_fraction > 0:
        x = crop_and_stretch(x, how.crop_fraction, generator)
    if how.rotation_degrees > 0:
        groups = channels.indices(how.rotation_groups)
        x = rotate_groups(x, how.rotation_degrees, groups, channels, generator)
    if how.response_std > 0:
        x = change_response(x, how.response_std, generator)
    x = disturb_values(x, how, generator)
    if how.shift_samples > 0:
        x = shift_in_time(x, how.shift_samples, generator)
    if how.mask_samples > 0:
        x = mask_stretch(x, how.mask_samples, generator)
    if how.start_samples > 0:
        x = start_late(x, how.start_samples, generator)
    if how.channel_drop > 0:
        x = drop_channels(x, how.channel_drop, generator)
    return x


def disturb_values(x: torch.Tensor, how: AugmentConfig, generator: torch.Generator) -> torch.Tensor:
    """Return windows with a random gain and offset per channel, and noise on every value."""
    per_channel = (len(x), 1, x.shape[2])
    if how.scale_std > 0:
        x = x * (1 + how.scale_std * torch.randn(per_channel, generator=generator, dtype=x.dtype))
    if how.offset_std > 0:
        x = x + how.offset_std * torch.randn(per_channel, generator=generator, dtype=x.dtype)
    if how.noise_std > 0:
        x = x + how.noise_std * torch.randn(x.shape, generator=generator, dtype=x.dtype)
    return x


def change_response(x: torch.Tensor, std: float, generator: torch.Generator) -> torch.Tensor:
    """Let each frequency come through stronger or weaker, by a factor of about exp(+- std)."""
    batch, samples, channels = x.shape
    spectrum = torch.fft.rfft(x, dim=1)
    knots = torch.randn(batch, RESPONSE_KNOTS, channels, generator=generator)
    place = torch.linspace(0, RESPONSE_KNOTS - 1, spectrum.shape[1], dtype=torch.float64)
    gain = (std * resample(knots, place.expand(batch, -1))).exp()
    changed: torch.Tensor = torch.fft.irfft(spectrum * gain, n=samples, dim=1)
    return changed


def rotate_groups(
    x: torch.Tensor,
    degrees: float,
    groups: torch.Tensor,
    channels: Channels,
    generator: torch.Generator,
) -> torch.Tensor:
    """Turn all 3-vectors of a window about one random axis, as one body, in physical units.

    Shapes: groups: the channels [G, 3] of each vector; no channel twice.
    """
    mean, std = (values[groups].to(x.dtype) for values in (channels.mean, channels.std))
    physical = x[..., groups] * std + mean
    # The turn less the identity, so that little is lost where the mean is large beside std.
    turns = random_turns(len(x), degrees, generator).to(x.dtype)
    change = torch.einsum("bij,btgj->btgi", turns, physical)
    return x.index_add(2, groups.flatten(), (change / std).flatten(2))


def random_turns(batch: int, degrees: float, generator: torch.Generator) -> torch.Tensor:
    """Return R - I [B, 3, 3] of rotations R by up to `degrees` about axes of any direction.

    Source: Rodrigues' formula, R = I + sin(angle) K + (1 - cos(angle)) K K, where K v = axis x v.
    """
    axis = torch.nn.functional.normalize(torch.randn(batch, 1, 3, generator=generator), dim=-1)
    angle = torch.deg2rad(degrees * torch.rand(batch, 1, 1, generator=generator))
    cross: torch.Tensor = torch.linalg.cross(axis, torch.eye(3).unsqueeze(0)).transpose(1, 2)
    return angle.sin() * cross + (1 - angle.cos()) * (cross @ cross)


def warp_time(x: torch.Tensor, share: float, generator: torch.Generator) -> torch.Tensor:
    """Let time run up to `share` faster or slower, smoothly, between the window's fixed ends."""
    return resample(x, warped_time(len(x), x.shape[1], share, generator))


def warped_time(batch: int, samples: int, share: float, generator: torch.Generator) -> torch.Tensor:
    """Return rising positions [B, T] from 0 to T - 1 with steps of 1 - share to 1 + share."""
    knots = 2 * torch.rand(batch, WARP_KNOTS, 1, generator=generator, dtype=torch.float64) - 1
    between = torch.linspace(0, WARP_KNOTS - 1, samples - 1, dtype=torch.float64)
    bend = resample(knots, between.expand(batch, -1)).squeeze(-1)
    # Without mean the ends stay; what that brings beyond -1 to 1 is scaled back.
    bend = bend - bend.mean(1, keepdim=True)
    bend = bend / bend.abs().amax(1, keepdim=True).clamp(min=1)
    drift = torch.nn.functional.pad(share * bend.cumsum(1)[:, :-1], (1, 1))
    return torch.arange(samples) + drift


def crop_and_stretch(x: torch.Tensor, smallest: float, generator: torch.Generator) -> torch.Tensor:
    """Keep a random part of every window, of its share `smallest` to all, at the full length."""
    batch, samples, _ = x.shape
    draws = torch.rand(2, batch, 1, generator=generator, dtype=torch.float64)
    kept = 1 - (1 - smallest) * draws[0]
    start = (1 - kept) * (samples - 1) * draws[1]
    return resample(x, start + kept * torch.arange(samples))


def resample(x: torch.Tensor, position: torch.Tensor) -> torch.Tensor:
    """Return the values between samples, by linear interpolation.

    Shapes: x: [B, T, C], position: float64 [B, N] in samples, beyond the ends as there -> [B, N, C]
    """
    last, channels = x.shape[1] - 1, x.shape[2]
    position = position.clamp(0, last)
    before = position.long()
    share = (position - before).to(x.dtype).unsqueeze(-1)
    index = before.unsqueeze(-1).expand(-1, -1, channels)
    return torch.lerp(
        torch.gather(x, 1, index), torch.gather(x, 1, (index + 1).clamp(max=last)), share
    )


def drop_channels(x: torch.Tensor, probability: float, generator: torch.Generator) -> torch.Tensor:
    """Set channels of every window to zero, their mean, at random, but never all of a window."""
    draw = torch.rand(len(x), 1, x.shape[2], generator=generator)
    # The channel of the largest draw is the last to go: it stays where all would.
    lost = (draw < probability) & (draw < draw.amax(2, keepdim=True))
    return x.masked_fill(lost, 0.0)


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


def start_late(x: torch.Tensor, most: int, generator: torch.Generator) -> torch.Tensor:
    """Let every window begin up to `most` samples later: until then its first sample repeats."""
    batch, samples, channels = x.shape
    first = torch.randint(0, min(most, samples - 1) + 1, (batch, 1), generator=generator)
    index = torch.maximum(torch.arange(samples), first)
    return torch.gather(x, 1, index.unsqueeze(-1).expand(-1, -1, channels))


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
