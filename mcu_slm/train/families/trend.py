"""Trends: where the slow directions of the channels go in a window, and what that means.

    window --the directions in which the channels change slowly--> a few signals
           --polynomials over the whole window--> level, slope, bend of each
           --hidden layers--> linear --> answer

Wear, drift and charge are slow, and every channel shows them with noise of its own. In most
directions of many channels there is nothing but that noise; what is left out at the beginning, no
later layer can learn by heart. Directions and polynomials are where learning begins.

Source: Wiskott, Sejnowski: Slow Feature Analysis, Unsupervised Learning of Invariances (2002).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import nn

from mcu_slm.config import TrendModel
from mcu_slm.train.backends import FoldedBatchNorm, Operators, Value
from mcu_slm.train.families.layers import weight, zeros
from mcu_slm.train.families.student import Head, Shape, Student, Units
from mcu_slm.train.geometry import Sliding

WHOLE = Sliding(1, "VALID")
FITTED_WINDOWS = 16_384
"""About so many windows, evenly spaced, tell the directions at most."""

NOISE_FLOOR = 1e-3
"""Least noise of a channel, of the channels' mean noise: one that rests has some all the same."""


@dataclass(frozen=True)
class TrendShape(Shape):
    """The shape of a network of trends.

    `polynomials`: trends of each direction. `hidden`: neurons of each hidden layer.
    """

    family: ClassVar[str] = "trend"
    directions: int
    polynomials: int
    hidden: tuple[int, ...]

    @classmethod
    def of(cls, model: TrendModel, window: int, channels: int, head: Head) -> Self:
        """Return the shape that a project file describes, before pruning."""
        return cls(
            window=window,
            channels=channels,
            head=head,
            directions=min(model.directions, channels),
            polynomials=min(model.degree + 1, window),
            hidden=(model.hidden,) * model.layers,
        )

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Self:
        """Rebuild a shape from the fields of `to_json`, without the family."""
        return super().from_fields({**fields, "hidden": tuple(fields["hidden"])})


def polynomial_filters(count: int, taps: int) -> torch.Tensor:
    """Return orthonormal polynomials of degree 0, 1, 2 and so on, each positive at its last tap.

    Shapes: [count, taps].
    """
    powers = np.polynomial.legendre.legvander(np.linspace(-1.0, 1.0, taps), count - 1)
    found = np.linalg.qr(powers)[0].T
    return torch.from_numpy(found * np.sign(found[:, -1:])).float()


def slow_directions(x: torch.Tensor, count: int) -> torch.Tensor:
    """Return the directions in which windows differ most for how much their samples do.

    The largest weight of each is positive, and what it gives has a deviation of 1 over all samples.

    Shapes: x: [N, T, C] -> [count, C].
    """
    x = x[:: max(1, len(x) // FITTED_WINDOWS)].double()
    channels = x.shape[2]
    steps = x.diff(dim=1).flatten(0, 1)
    noise = steps.T @ steps / 2 / max(len(steps), 1)
    floor = NOISE_FLOOR * noise.diagonal().mean().clamp_min(1e-6)
    root = torch.linalg.cholesky(noise + floor * torch.eye(channels, dtype=x.dtype))
    whitening = torch.linalg.inv(root)
    _, rising = torch.linalg.eigh(whitening @ _covariance(x.mean(1)) @ whitening.T)
    found = (rising.T @ whitening).flip(0)[:count]
    variance = (found @ _covariance(x.flatten(0, 1)) * found).sum(1, keepdim=True)
    signs = found.gather(1, found.abs().argmax(1, keepdim=True)).sign()
    return torch.mul(found, signs / variance.clamp_min(1e-12).sqrt()).float()


def _covariance(values: torch.Tensor) -> torch.Tensor:
    """Shapes: values: [N, C] -> [C, C]."""
    centred = values - values.mean(0)
    return centred.T @ centred / len(values)


class TrendAnswer(nn.Module):
    """From trends to the answer: hidden layers, then a linear one."""

    def __init__(
        self, trends: int, hidden: tuple[int, ...], head: Head, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.head = head
        widths = (trends, *hidden)
        self.hidden = nn.ParameterList(
            weight((width, widths[i]), widths[i], generator) for i, width in enumerate(hidden)
        )
        self.biases = nn.ParameterList(zeros(width) for width in hidden)
        self.answer = weight((head.outputs, widths[-1]), widths[-1], generator)
        self.answer_bias = zeros(head.outputs)

    def forward(self, ops: Operators[Value], x: Value, tokens: int) -> Value:
        """Shapes: x: [B, 1, 1, F] -> [B, outputs], or [B, 1, outputs] per token."""
        head = self.head
        for i, (weights, bias) in enumerate(zip(self.hidden, self.biases, strict=True)):
            x = ops.linear(f"hidden{i}", x, weights, bias, relu=True)
        weights, bias = self.answer * head.gain, self.answer_bias * head.gain + head.offset
        y = ops.linear("answer", ops.drop(x), weights, bias)
        return ops.reshape("output", y, (tokens,) * head.per_token + (head.outputs,))


class Trend(Student):
    """The whole network."""

    shape: TrendShape

    def __init__(self, shape: TrendShape, generator: torch.Generator | None = None) -> None:
        super().__init__()
        generator = generator or torch.Generator().manual_seed(0)
        self.shape = shape
        count, trends = shape.directions, shape.directions * shape.polynomials
        self.directions = weight((count, 1, shape.channels), shape.channels, generator)
        self.directions_bias = zeros(count)
        # A filter begins with one direction and may learn to look at the others.
        filters = torch.zeros(shape.polynomials, count, shape.window, count)
        each = torch.arange(count)
        filters[:, each, :, each] = polynomial_filters(shape.polynomials, shape.window)
        self.filters = nn.Parameter(filters.flatten(0, 1))
        self.filters_bias, self.norm = zeros(trends), FoldedBatchNorm(trends)
        self.answer = TrendAnswer(trends, shape.hidden, shape.head, generator)

    def fit_inputs(self, x: torch.Tensor) -> None:
        """Find the slow directions. Shapes: x: normalised windows [N, T, C]."""
        with torch.no_grad():
            self.directions.copy_(slow_directions(x, self.shape.directions)[:, None])

    @property
    def tokens(self) -> int:
        """One: a trend is of the whole window."""
        return 1

    def trunk(self, ops: Operators[Value], x: Value) -> Value:
        """Shapes: x: [B, 1, T, C] -> [B, 1, 1, F]."""
        x = ops.conv("directions", x, self.directions, self.directions_bias, WHOLE)
        return ops.conv("trends", x, self.filters, self.filters_bias, WHOLE, norm=self.norm)

    def units(self) -> tuple[Units, ...]:
        """Return the neurons of every hidden layer."""
        found = []
        for i, count in enumerate(self.shape.hidden):
            last = i + 1 == len(self.shape.hidden)
            read = (("answer.answer" if last else f"answer.hidden.{i + 1}", 1),)
            made = ((f"answer.hidden.{i}", 0), (f"answer.biases.{i}", 0))
            found.append(Units(f"hidden{i}", count, (*made, *read), read, together=4))
        return tuple(found)

    def resized(self, counts: Mapping[str, int]) -> Trend:
        """Return an untrained network with other counts of neurons."""
        hidden = tuple(counts.get(f"hidden{i}", n) for i, n in enumerate(self.shape.hidden))
        return Trend(replace(self.shape, hidden=hidden))
