"""A spectral network: how loud which frequency is in each channel, over time.

    window --transpose--> one row per channel
           --filters, shared by all channels--> tanh --> absolute value --linear--> loudness
           --join the channels of a token--> + slow part of each channel
           --blocks as in the TCN--> attention and mean pooling --> linear --> answer

What tells still postures, slow bearings or silence apart is often a hundred times smaller than what
else the channel holds, and its logarithm matters, not its size. One int8 scale cannot hold both.
Each filter is therefore there with several gains: the tanh, a table on the device, saturates the
large ones early, and together they say what a logarithm would. Filters begin as windowed cosines
and sines of rising frequency and are learned further.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final, Self

import torch
from torch import nn

from mcu_slm.config import SpectralModel
from mcu_slm.train.backends import FoldedBatchNorm, Operators, Value
from mcu_slm.train.backends.float_ops import convolve
from mcu_slm.train.families.layers import (
    Answer,
    norm_slices,
    require_two_tokens,
    weight,
    zeros,
)
from mcu_slm.train.families.student import Head, Shape, Student, Units, without
from mcu_slm.train.families.tcn import Blocks, dilations_of
from mcu_slm.train.geometry import Sliding

SATURATED: Final = 4.0
"""Beyond that a tanh is 1 in all of its 8 bits, so filters need no codes there."""

MAX_FITTED: Final = 512
"""From so many windows it is learned how much passes a filter."""

HIGHEST: Final = 0.45
"""The highest frequency of the first filters, in cycles per sample; beyond 0.5 there is none."""


@dataclass(frozen=True)
class SpectralShape(Shape):
    """The shape of a spectral network.

    Units: taps and stride of the filters in samples, `dilations` in tokens, one per block,
    `deviations` in standard deviations of a channel.
    """

    family: ClassVar[str] = "spectral"
    width: int
    filters: int
    gains: tuple[float, ...]
    loudness: int
    taps: int
    stride: int
    kernel: int
    dilations: tuple[int, ...]
    deviations: float

    def __post_init__(self) -> None:
        require_two_tokens(self.window, self.tokens)

    @classmethod
    def of(cls, model: SpectralModel, window: int, channels: int, head: Head) -> Self:
        """Return the shape that a project file describes, before pruning."""
        return cls(
            window=window,
            channels=channels,
            head=head,
            width=model.width,
            filters=2 * model.frequencies * len(model.gains),
            gains=model.gains,
            loudness=model.loudness_features,
            taps=min(model.filter_samples, window),
            stride=model.filter_stride_samples,
            kernel=model.kernel_tokens,
            dilations=dilations_of(model.blocks, model.dilation_cycle),
            deviations=model.input_deviations,
        )

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Self:
        """Rebuild a shape from the fields of `to_json`, without the family."""
        lists = {name: tuple(fields[name]) for name in ("gains", "dilations")}
        return super().from_fields({**fields, **lists})

    @property
    def sliding(self) -> Sliding:
        """How the filters move: into no zeros around the window, if it holds two tokens."""
        inside = Sliding(self.stride, "VALID")
        return inside if inside.tokens(self.window, self.taps) >= 2 else Sliding(self.stride)

    @property
    def tokens(self) -> int:
        """Tokens of a window."""
        return self.sliding.tokens(self.window, self.taps)


class Spectral(Student):
    """The whole network."""

    shape: SpectralShape

    def __init__(self, shape: SpectralShape, generator: torch.Generator | None = None) -> None:
        super().__init__()
        generator = generator or torch.Generator().manual_seed(0)
        self.shape = shape
        width, channels, loudness = shape.width, shape.channels, shape.loudness
        self.filters, self.filters_bias = nn.Parameter(_waves(shape)), zeros(shape.filters)
        self.loudness = weight((loudness, shape.filters), shape.filters, generator)
        self.loudness_bias, self.loudness_norm = zeros(loudness), FoldedBatchNorm(loudness)
        self.join = weight((width, channels, loudness), channels * loudness, generator)
        self.join_bias, self.join_norm = zeros(width), FoldedBatchNorm(width)
        self.slow = nn.Parameter(torch.full((channels, shape.taps), 1.0 / shape.taps))
        self.slow_bias = zeros(channels)
        self.level = weight((width, channels), channels, generator)
        self.level_bias, self.level_norm = zeros(width), FoldedBatchNorm(width)
        self.blocks = Blocks(width, shape.kernel, shape.dilations, generator)
        self.answer = Answer(width, shape.head, generator, mean=True)

    @property
    def tokens(self) -> int:
        """Tokens of a window."""
        return self.shape.tokens

    def trunk(self, ops: Operators[Value], x: Value) -> Value:
        """Shapes: x: [B, 1, T, C] -> [B, 1, L, D]."""
        level = ops.depthwise("slow", x, self.slow, self.slow_bias, self.shape.sliding)
        level = ops.linear("level", level, self.level, self.level_bias, norm=self.level_norm)
        tokens: Value = self.blocks(
            ops, ops.add("tokens", self._loudness(ops, x), level, relu=True)
        )
        return tokens

    def _loudness(self, ops: Operators[Value], x: Value) -> Value:
        """Return what the spectra of all channels say. Shapes: x: [B, 1, T, C] -> [B, 1, L, D]."""
        rows = ops.transpose("rows", x, (3, 2, 1))
        y = ops.conv("filters", rows, self.filters, self.filters_bias, self.shape.sliding)
        y = ops.absolute("amplitudes", ops.tanh("saturated", y))
        bias, norm = self.loudness_bias, self.loudness_norm
        y = ops.linear("loudness", y, self.loudness, bias, relu=True, norm=norm)
        y = ops.transpose("loudness_by_token", y, (2, 1, 3))
        joined = (1, self.tokens, self.shape.channels * self.shape.loudness)
        y = ops.reshape("loudness_joined", y, joined)
        return ops.linear("join", y, self.join.flatten(1), self.join_bias, norm=self.join_norm)

    def fit_inputs(self, x: torch.Tensor) -> None:
        """Scale each filter: what passes it shall have the size of its gain, over all channels.

        Shapes: x: normalised windows [N, T, C].
        """
        rows = x[:: -(-len(x) // MAX_FITTED)].clamp(*self.input_range).mT[..., None]
        with torch.no_grad():
            passed = convolve(rows, self.filters, self.filters_bias, self.shape.sliding)
            sizes = passed.square().mean((0, 1, 2)).sqrt().clamp_min(1e-6)
            gains = torch.tensor([self._gain(i) for i in range(self.shape.filters)])
            self.filters.mul_((gains / sizes)[:, None, None])

    def _gain(self, number: int) -> float:
        """Return the gain of a filter: a cosine and a sine per gain, then the next frequency."""
        return self.shape.gains[number // 2 % len(self.shape.gains)]

    @property
    def input_range(self) -> tuple[float, float]:
        """A few standard deviations: what lies beyond is loud enough."""
        return -self.shape.deviations, self.shape.deviations

    @property
    def fixed_ranges(self) -> Mapping[str, tuple[float, float]]:
        """The filters' codes end where the tanh does."""
        return {"filters": (-SATURATED, SATURATED)}

    def units(self) -> tuple[Units, ...]:
        """Return the filters, what is kept of a channel's loudness, and the features of a token."""
        filters = Units(
            "filters",
            self.shape.filters,
            (("filters", 0), ("filters_bias", 0), ("loudness", 1)),
            (("loudness", 1),),
            together=4,
        )
        loudness = Units(
            "loudness features",
            self.shape.loudness,
            (
                *(("loudness", 0), ("loudness_bias", 0), ("join", 2)),
                *norm_slices("loudness_norm"),
            ),
            (("join", 2),),
        )
        return filters, loudness, self._channels()

    def _channels(self) -> Units:
        slices = [(f"{name}{part}", 0) for name in ("join", "level") for part in ("", "_bias")]
        slices += norm_slices("join_norm") + norm_slices("level_norm")
        block_slices, block_judged = self.blocks.channels()
        slices += [*block_slices, *self.answer.slices("answer")]
        judged = [("join_norm.gain", 0), ("level_norm.gain", 0), *block_judged]
        return Units("channels", self.shape.width, tuple(slices), tuple(judged), together=4)

    def resized(self, counts: Mapping[str, int]) -> Spectral:
        """Return an untrained network with other counts of filters, loudness features, channels."""
        shape = self.shape
        return Spectral(
            replace(
                shape,
                filters=counts.get("filters", shape.filters),
                loudness=counts.get("loudness features", shape.loudness),
                width=counts.get("channels", shape.width),
            )
        )

    @property
    def depth(self) -> int:
        """Blocks that can be left out."""
        return len(self.shape.dilations)

    def _without_block(self, number: int) -> Spectral:
        """Return an untrained network without one block."""
        return Spectral(replace(self.shape, dilations=without(self.shape.dilations, number)))


def _waves(shape: SpectralShape) -> torch.Tensor:
    """Return cosines and sines under a Hann window, per gain and frequency [filters, taps, 1].

    Frequencies rise evenly from one cycle per filter.
    """
    number = torch.arange(shape.filters)
    pairs = number // 2 // len(shape.gains)
    lowest = 1.0 / shape.taps
    step = (HIGHEST - lowest) / max(int(pairs.max()), 1)
    frequency = (lowest + step * pairs)[:, None]
    time = torch.arange(shape.taps)
    angle = 2.0 * math.pi * frequency * time - (number % 2)[:, None] * math.pi / 2.0
    window = torch.hann_window(shape.taps, periodic=True)
    return (window * torch.cos(angle))[..., None]
