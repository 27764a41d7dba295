"""AVERAGE_POOL_2D over whole images: eight channels at a time, sums in 16 bits."""

from __future__ import annotations

from dataclasses import dataclass

from mcu_slm.dsp.specialized import Specialized
from mcu_slm.ops.average_pool_2d import AveragePool2D
from mcu_slm.ops.base import Arguments, struct_call
from mcu_slm.ops.features import Features

_MOST_PIXELS = 255


@dataclass(frozen=True, eq=False)
class GlobalAverage(Specialized):
    """An average over all pixels of each image."""

    kernels = ("dsp_global_average",)

    @property
    def _pixels(self) -> int:
        window = self.plain.window
        return int(window.height.input * window.width.input)

    def clearance(self, position: int) -> int:  # noqa: ARG002
        """Eight channels are written when all their bytes were read; what follows lies higher."""
        return 0

    def features(self) -> Features:
        """Return the channels, eight at a time or one by one, and what they add up."""
        images, pixels = self.plain.batches, self._pixels
        eights, ones = divmod(self.plain.channels, 8)
        return {
            "images": images,
            "eights": images * eights,
            "eight_pixels": images * eights * pixels,
            "ones": images * ones,
            "one_pixels": images * ones * pixels,
        }

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        fields: dict[str, object] = {
            "batches": self.plain.batches,
            "pixels": self._pixels,
            "channels": self.plain.channels,
            "act_min": self.plain.act_min,
            "act_max": self.plain.act_max,
        }
        return struct_call(
            "mcu_slm_dsp_global_average_t",
            "mcu_slm_dsp_global_average",
            fields,
            [arguments.inputs[0], arguments.outputs[0]],
        )


def of_average_pool_2d(plain: AveragePool2D) -> GlobalAverage | None:
    """Return the layer for this kernel, None where a window is less than the image."""
    height, width = plain.window.height, plain.window.width
    is_global = all(
        axis.output == 1 and axis.pad <= 0 and axis.kernel >= axis.input for axis in (height, width)
    )
    if not is_global or height.input * width.input > _MOST_PIXELS:
        return None
    return GlobalAverage(plain)
