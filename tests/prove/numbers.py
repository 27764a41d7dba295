"""Random sizes, scales, zero points and weights, corners included."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from mcu_slm.quant import snap_scale

T = TypeVar("T")
Shape = tuple[int, ...]

MOST_ELEMENTS = 2048
"""Of a tensor: graphs are many, so they are small."""

_LONGEST_AXIS = 17
_MOST_ROWS = 9
FINEST, COARSEST = 1e-8, 1e9
"""Scales stay where a clamp at 6 still fits 32 bits and nothing is infinite."""


class Numbers:
    """A generator with the draws that graphs are made of."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def between(self, low: int, high: int) -> int:
        """Return a whole number, both ends included."""
        return int(self.rng.integers(low, high + 1))

    def pick(self, items: Sequence[T]) -> T:
        return items[self.between(0, len(items) - 1)]

    def log_uniform(self, low: float, high: float) -> float:
        """Return 10 to a power from `low` to `high`."""
        return float(10.0 ** self.rng.uniform(low, high))

    def length(self) -> int:
        """Return the length of an axis: 1 and odd ones often."""
        if self.chance(0.2):
            return 1
        return self.between(1, _MOST_ROWS) if self.chance(0.7) else self.between(1, _LONGEST_AXIS)

    def shape(self, rank: int, most: int = MOST_ELEMENTS) -> Shape:
        """Return a shape of at most `most` elements; images mostly have one batch."""
        sizes = [self.length() for _ in range(rank)]
        if rank >= 3 and self.chance(0.7):
            sizes[0] = 1
        while math.prod(sizes) > most:
            place = sizes.index(max(sizes))
            sizes[place] = (sizes[place] + 1) // 2
        return tuple(sizes)

    def scale(self) -> float:
        """Return a float32 scale: usual ones, powers of two for ties, tiny and huge ones."""
        kind = self.rng.random()
        if kind < 0.65:
            usual = self.log_uniform(-3.0, 0.0)
            return snap_scale(usual) if self.chance(0.5) else float(np.float32(usual))
        if kind < 0.8:
            return 2.0 ** -self.between(0, 10)
        if kind < 0.85:
            return self.pick([1 / 256, 1 / 128, float(np.float32(1 / 255))])
        low, high = (-7.0, -3.0) if kind < 0.93 else (0.0, 3.0)
        return float(np.float32(self.log_uniform(low, high)))

    def zero_point(self, low: int = -128, high: int = 127) -> int:
        """Return a zero point: the middle and both ends often."""
        kind = self.rng.random()
        if kind < 0.2:
            return low
        if kind < 0.35:
            return high
        return (low + high + 1) // 2 if kind < 0.6 else self.between(low, high)

    def output_scale(self, unit: float, usual: float, largest_real: float = 2.0**29) -> float:
        """Return the scale of an output of which `unit` is the real value of one step of the sum.

        Args:
            unit: What one step before requantisation stands for.
            usual: The usual magnitude of the sum in steps.
            largest_real: The real multiplier unit / scale stays below it.
        """
        kind = self.rng.random()
        if kind < 0.72:
            real = 128.0 / usual * self.log_uniform(-1.0, 0.8)
        elif kind < 0.86:  # exact ties, where the unit is round
            real = 2.0 ** (round(math.log2(128.0 / usual)) + self.between(-2, 2))
        elif kind < 0.98:
            real = self.log_uniform(0.0, 2.5) if kind < 0.93 else self.log_uniform(-10.0, -4.0)
        else:
            real = self.log_uniform(0.0, math.log10(largest_real))
        scale = np.float32(min(max(unit / real, FINEST), COARSEST))
        if unit / float(scale) >= largest_real:
            scale = np.float32(unit / largest_real * 1.001)
        return float(scale)

    def output_quantized(
        self, unit: float, usual: float, middle: float = 0.0, largest_real: float = 2.0**29
    ) -> tuple[float, int]:
        """Return scale and zero point of an output; mostly such that `middle` is in the middle.

        Args:
            unit: What one step before requantisation stands for.
            usual: The usual distance of the sum from its middle, in steps.
            middle: Where the sum mostly lies, in steps.
            largest_real: The real multiplier stays below it.
        """
        scale = self.output_scale(unit, usual, largest_real)
        if self.chance(0.3):
            return scale, self.zero_point()
        return scale, int(np.clip(round(-middle * unit / scale), -128, 127))

    def int8(self, shape: Shape) -> npt.NDArray[Any]:
        """Return any int8 values."""
        return self.rng.integers(-128, 128, shape)

    def weights(self, shape: Shape) -> npt.NDArray[Any]:
        """Return weights: noise, narrow noise, sparse ones, both ends, all alike."""
        kind = self.rng.random()
        if kind < 0.5:
            return self.rng.integers(-127, 128, shape)
        if kind < 0.65:
            return np.clip(np.rint(self.rng.normal(0.0, 15.0, shape)), -127, 127)
        if kind < 0.75:
            return self.rng.integers(-127, 128, shape) * (self.rng.random(shape) < 0.2)
        if kind < 0.85:
            return self.rng.choice([-127, 127], shape)
        return np.full(shape, self.pick([0, 127, -127, -128, 1]))

    def weight_scales(self, channels: int) -> npt.NDArray[np.float32]:
        """Return one scale, or one per channel, some of them next to nothing."""
        middle = self.log_uniform(-3.5, -1.0)
        if self.chance(0.4):
            return np.array([snap_scale(middle)], np.float32)
        scales = middle * 10.0 ** self.rng.uniform(-0.7, 0.0, channels)
        if self.chance(0.1):
            scales[self.between(0, channels - 1)] *= self.log_uniform(-12.0, -3.0)
        return scales.astype(np.float32)

    def bias(self, products: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return biases that do not overflow beside sums of up to `products` (per channel)."""
        room = 2**31 - 1 - products
        kind = self.rng.random()
        if kind < 0.15:
            return np.zeros_like(products)
        if kind < 0.95:
            usual = int(products.mean() * self.log_uniform(-2.0, 0.0)) + 10
            spread = np.minimum(room, usual)
            return self.rng.integers(-spread, spread + 1)
        return room * self.rng.choice([-1, 1], products.shape)
