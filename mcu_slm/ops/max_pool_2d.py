"""MAX_POOL_2D: y = clamp(max(x)) over the elements of the window that lie inside the input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mcu_slm.ops.base import Int8, NodeView
from mcu_slm.ops.features import Features, pooled
from mcu_slm.ops.pool import Pool, parse_pool
from mcu_slm.ops.window import in_chunks
from mcu_slm.quant import INT8_MIN, saturate_int8


@dataclass(frozen=True, eq=False)
class MaxPool2D(Pool):
    """A maximum over windows."""

    kernels = ("max_pool_2d_s8",)

    def reference(self, inputs: Sequence[Int8]) -> list[Int8]:
        """Keep the largest value."""
        return [in_chunks(inputs[0], self.elements_per_window, self._maximum)]

    def features(self) -> Features:
        """Return windows, and what they compare."""
        return pooled(self.window, self.batches, self.channels)

    def _maximum(self, x: Int8) -> Int8:
        images = x.reshape(self.image_shape).astype(np.int16)
        shape = (len(images), *self.output_shape[2:])
        largest = np.full(shape, INT8_MIN, np.int16)
        for _, _, values in self.window.taps(images, INT8_MIN):
            largest = np.maximum(largest, values)
        return saturate_int8(largest, self.act_min, self.act_max).reshape(self.output_shape)


def parse(view: NodeView) -> MaxPool2D:
    """Check a MAX_POOL_2D node."""
    return MaxPool2D(*parse_pool(view))
