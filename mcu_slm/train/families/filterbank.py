"""A bank of filters: how strong each band of the signal is in a window, and what that means.

    window --strided convolution, a filter per band and phase--> tokens
           --mean over time--> strength of each band --hidden layer--> linear --> answer

The filters begin as a spectrum: windowed cosines and sines from 0 to half the sampling rate. Where
in the window something happens is lost, on purpose: a running machine has no beginning. Nothing
before the mean but the filters can learn by heart what one recording looks like, so that other
speeds and loads are answered better than by deeper networks.

Source: Allen, Rabiner: A unified approach to short-time Fourier analysis and synthesis (1977).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from torch import nn

from mcu_slm.config import FilterbankModel
from mcu_slm.train.backends import FoldedBatchNorm, Operators, Value
from mcu_slm.train.families.embedding import Embedding, StemShape
from mcu_slm.train.families.layers import POOLED_FEATURES, norm_slices, weight, zeros
from mcu_slm.train.families.student import Head, Student, Units

PHASES = 2
"""Filters of a band: cosine and sine, as a wave begins anywhere."""


@dataclass(frozen=True)
class FilterbankShape(StemShape):
    """The shape of a bank of filters. `filters`: of all bands and phases."""

    family: ClassVar[str] = "filterbank"
    filters: int
    hidden: int

    @classmethod
    def of(cls, model: FilterbankModel, window: int, channels: int, head: Head) -> Self:
        """Return the shape that a project file describes, before pruning."""
        return cls(
            window=window,
            channels=channels,
            head=head,
            stem_kernel=min(model.stem_samples, window),
            stem_stride=model.stem_stride_samples,
            filters=PHASES * model.bands,
            hidden=model.hidden,
        )


def spectral_filters(
    count: int, taps: int, channels: int, generator: torch.Generator
) -> torch.Tensor:
    """Return windowed waves of rising frequency, each along a random direction of the channels.

    They answer nothing to a constant, and noise of deviation 1 with deviation 1.

    Shapes: [count, taps, channels]; the first half are cosines, the second sines.
    """
    bands = math.ceil(count / PHASES)
    radians = (torch.arange(bands) + 0.5) * (math.pi / bands)
    angle = radians[:, None] * torch.arange(taps)
    waves = torch.cat([angle.cos(), angle.sin()])[:count]
    waves = waves * torch.hann_window(taps + 2, periodic=False)[1:-1]
    waves = nn.functional.normalize(waves - waves.mean(1, keepdim=True), dim=1)
    direction = torch.randn(count, 1, channels, generator=generator)
    return waves[:, :, None] * nn.functional.normalize(direction, dim=2)


class BandAnswer(nn.Module):
    """From the strength of the bands to the answer. A head per token takes that of its token."""

    def __init__(self, filters: int, hidden: int, head: Head, generator: torch.Generator) -> None:
        super().__init__()
        self.head = head
        self.hidden = weight((hidden, filters), filters, generator)
        self.hidden_bias, self.hidden_norm = zeros(hidden), FoldedBatchNorm(hidden)
        self.answer = weight((head.outputs, hidden), hidden, generator)
        self.answer_bias = zeros(head.outputs)

    def forward(self, ops: Operators[Value], x: Value, tokens: int) -> Value:
        """Shapes: x: [B, 1, L, D] -> [B, outputs], or [B, L, outputs] per token."""
        head = self.head
        strength = x if head.per_token else ops.mean(POOLED_FEATURES[1], x)
        # Bands are dropped, not neurons: no single one may decide, as it may change with the load.
        y = ops.linear(
            "hidden",
            ops.drop(strength),
            self.hidden,
            self.hidden_bias,
            relu=True,
            norm=self.hidden_norm,
        )
        weights, bias = self.answer * head.gain, self.answer_bias * head.gain + head.offset
        y = ops.linear("answer", y, weights, bias)
        return ops.reshape("output", y, (tokens,) * head.per_token + (head.outputs,))


class Filterbank(Student):
    """The whole network."""

    shape: FilterbankShape

    def __init__(self, shape: FilterbankShape, generator: torch.Generator | None = None) -> None:
        super().__init__()
        generator = generator or torch.Generator().manual_seed(0)
        self.shape = shape
        filters = shape.filters
        self.stem = Embedding(
            shape, filters, shape.stem_kernel, shape.stem, generator, normalised=True
        )
        with torch.no_grad():
            for weights in self.stem.weights:
                count, taps, channels = weights.shape
                weights.copy_(spectral_filters(count, taps, channels, generator))
        self.answer = BandAnswer(filters, shape.hidden, shape.head, generator)

    @property
    def tokens(self) -> int:
        """Tokens of a window."""
        return self.shape.tokens

    def trunk(self, ops: Operators[Value], x: Value) -> Value:
        """Shapes: x: [B, 1, T, C] -> [B, 1, L, D]."""
        tokens: Value = self.stem(ops, "stem", x)
        return tokens

    def units(self) -> tuple[Units, ...]:
        """Return the filters and the neurons of the hidden layer."""
        bands = (("answer.hidden", 1),)
        made = (*self.stem.slices("stem"), *bands)
        filters = Units("filters", self.shape.filters, made, bands, together=4)
        read = (("answer.answer", 1),)
        own = (("answer.hidden", 0), ("answer.hidden_bias", 0))
        made = (*own, *norm_slices("answer.hidden_norm"), *read)
        return filters, Units("hidden", self.shape.hidden, made, read, together=4)

    def resized(self, counts: Mapping[str, int]) -> Filterbank:
        """Return an untrained network with other counts of filters and neurons."""
        filters = counts.get("filters", self.shape.filters)
        hidden = counts.get("hidden", self.shape.hidden)
        return Filterbank(replace(self.shape, filters=filters, hidden=hidden))
