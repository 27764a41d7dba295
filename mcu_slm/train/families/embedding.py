"""From samples to tokens: a strided convolution, one for each sensor where there are several.

Sensors may be sampled at different rates: recordings have the rate of the fastest, in which a
slower one repeats its values, and of these only every n-th is looked at. What the sensors say about
the same stretch of time is added up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import torch
from torch import nn

from mcu_slm.config import ModelConfig
from mcu_slm.errors import ConfigError
from mcu_slm.train.backends import FoldedBatchNorm, Operators, Value
from mcu_slm.train.families.layers import norm_slices, require_two_tokens, weight, zeros
from mcu_slm.train.families.student import Sensor, Shape
from mcu_slm.train.geometry import Sliding


@dataclass(frozen=True)
class StemShape(Shape):
    """What networks have in common whose tokens come from a strided convolution.

    Units: kernel and stride in samples.
    """

    stem_kernel: int
    stem_stride: int

    def __post_init__(self) -> None:
        require_two_tokens(self.window, self.tokens)

    @property
    def stem(self) -> Sliding:
        """How the first convolution moves."""
        return Sliding(self.stem_stride)

    @property
    def tokens(self) -> int:
        """Tokens of a window."""
        return self.stem.tokens(self.window, self.stem_kernel)


def sensors_of(model: ModelConfig, channels: tuple[str, ...]) -> tuple[Sensor, ...]:
    """Return the sensors that a project file names, in the order of their channels.

    Raises:
        ConfigError: They are not the channels of the recordings, each once and in that order.
    """
    named = [name for sensor in model.sensors for name in sensor.channels]
    if model.sensors and named != list(channels):
        raise ConfigError(
            "[[model.sensors]] channels",
            ", ".join(named),
            f"all channels of [data], each once and in their order: {', '.join(channels)}",
        )
    found, first = [], 0
    for sensor in model.sensors:
        found.append(Sensor(first, len(sensor.channels), sensor.every_samples))
        first += len(sensor.channels)
    return tuple(found)


class Embedding(nn.Module):
    """The first layer of a student.

    Args:
        shape: Gives window, channels and sensors.
        width: Features of a token.
        kernel: Samples that one token sees.
        how: How the convolution moves, in samples of the fastest sensor.
        normalised: Whether a normalisation and a ReLU follow.

    Raises:
        ConfigError: The samples of a slower sensor do not fall on the tokens.
    """

    def __init__(
        self,
        shape: Shape,
        width: int,
        kernel: int,
        how: Sliding,
        generator: torch.Generator,
        *,
        normalised: bool,
    ) -> None:
        super().__init__()
        self.sensors = shape.sensors or (Sensor(0, shape.channels, 1),)
        self.slides = [_slower(how, sensor) for sensor in self.sensors]
        self.normalised = normalised
        tokens = how.tokens(shape.window, kernel)
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for i, sensor in enumerate(self.sensors):
            taps = math.ceil(kernel / sensor.every)
            samples = math.ceil(shape.window / sensor.every)
            if self.slides[i].tokens(samples, taps) != tokens:
                raise ConfigError(
                    "[[model.sensors]] every_samples",
                    f"every {sensor.every} samples give {self.slides[i].tokens(samples, taps)} "
                    f"tokens of a window of {shape.window}",
                    f"{tokens}, as the fastest sensor",
                    "Take a window and a first layer whose lengths it divides.",
                )
            fan_in = taps * sensor.channels
            self.weights.append(weight((width, taps, sensor.channels), fan_in, generator))
            self.biases.append(zeros(width))
        self.norms = nn.ModuleList(FoldedBatchNorm(width) for _ in self.sensors if self.normalised)

    def forward(self, ops: Operators[Value], name: str, x: Value) -> Value:
        """Shapes: x: [B, 1, T, C] -> [B, 1, L, D]."""
        if len(self.sensors) == 1:
            return self._convolve(ops, name, x, 0, relu=self.normalised)
        total = self._sensor(ops, name, x, 0)
        for i in range(1, len(self.sensors)):
            last = i == len(self.sensors) - 1
            part = self._sensor(ops, name, x, i)
            label = name if last else f"{name}/sum{i}"
            total = ops.add(label, total, part, relu=self.normalised and last)
        return total

    def _sensor(self, ops: Operators[Value], name: str, x: Value, number: int) -> Value:
        sensor = self.sensors[number]
        at = f"{name}/sensor{number}"
        part = ops.pick(f"{at}/samples", x, sensor.first, sensor.channels, sensor.every)
        return self._convolve(ops, at, part, number, relu=False)

    def _convolve(
        self, ops: Operators[Value], name: str, x: Value, number: int, *, relu: bool
    ) -> Value:
        norm = cast("FoldedBatchNorm", self.norms[number]) if self.normalised else None
        how = self.slides[number]
        return ops.conv(
            name, x, self.weights[number], self.biases[number], how, relu=relu, norm=norm
        )

    def slices(self, prefix: str) -> tuple[tuple[str, int], ...]:
        """Return parameters and axes that have an entry per feature of a token."""
        found: list[tuple[str, int]] = []
        for i in range(len(self.sensors)):
            found += [(f"{prefix}.weights.{i}", 0), (f"{prefix}.biases.{i}", 0)]
            if self.normalised:
                found += norm_slices(f"{prefix}.norms.{i}")
        return tuple(found)

    def gains(self, prefix: str) -> tuple[tuple[str, int], ...]:
        """Return the gains of the normalisations."""
        return tuple((f"{prefix}.norms.{i}.gain", 0) for i in range(len(self.norms)))


def _slower(how: Sliding, sensor: Sensor) -> Sliding:
    """Return how the convolution moves in the samples of a sensor.

    Raises:
        ConfigError: Tokens would begin between two of them.
    """
    if how.stride % sensor.every:
        raise ConfigError(
            "[[model.sensors]] every_samples",
            f"{sensor.every}",
            f"a divisor of the {how.stride} samples from one token to the next",
        )
    return Sliding(how.stride // sensor.every, how.padding)
