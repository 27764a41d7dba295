"""AVERAGE_POOL_2D: y = clamp(sum(x) / n), n the elements of the window that lie inside the input.

The quotient is rounded to the nearest integer, halves away from zero; zero points take no part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mcu_slm.ops.base import Int8, NodeView
from mcu_slm.ops.features import Features, pooled
from mcu_slm.ops.pool import Pool, parse_pool
from mcu_slm.ops.window import in_chunks
from mcu_slm.quant import saturate_int8


@dataclass(frozen=True, eq=False)
class AveragePool2D(Pool):
    """An average over windows."""

    kernels = ("average_pool_2d_s8",)

    def reference(self, inputs: Sequence[Int8]) -> list[Int8]:
        """Add, count and divide."""
        return [in_chunks(inputs[0], self.elements_per_window, self._average)]

    def features(self) -> Features:
        """Return windows, and what they add up."""
        return pooled(self.window, self.batches, self.channels)

    def _average(self, x: Int8) -> Int8:
        images = x.reshape(self.image_shape).astype(np.int16)
        total = sum(values.astype(np.int64) for _, _, values in self.window.taps(images, 0))
        rows, columns = self.window.height.inside(), self.window.width.inside()
        count = np.outer(rows.sum(axis=1), columns.sum(axis=1))[:, :, None]
        quotient = (np.abs(total) + count // 2) // count
        y = saturate_int8(np.sign(total) * quotient, self.act_min, self.act_max)
        return y.reshape(self.output_shape)


def parse(view: NodeView) -> AveragePool2D:
    """Check an AVERAGE_POOL_2D node."""
    return AveragePool2D(*parse_pool(view))
