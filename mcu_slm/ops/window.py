"""Windows that slide over two spatial axes: what convolutions and pools share.

Padding is split as TensorFlow does: the smaller half before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcu_slm.ir import Tensor
from mcu_slm.ops.base import Int8, NodeView
from mcu_slm.ops.clearance import clearance

_LONGEST_REACH = 1 << 16
_CHUNK_ELEMENTS = 1 << 24
"""NumPy references take as many windows at a time as this many intermediate elements allow."""


@dataclass(frozen=True)
class Geometry:
    """One spatial axis: sizes, stride, dilation and the padding before it."""

    input: int
    kernel: int
    stride: int
    dilation: int
    output: int
    pad: int

    @classmethod
    def of(cls, size: int, kernel: int, stride: int, dilation: int, padding: str) -> Geometry:
        """Compute output size and padding the way TensorFlow Lite does."""
        reach = (kernel - 1) * dilation + 1
        output = (size + stride - (1 if padding == "SAME" else reach)) // stride
        pad = max((output - 1) * stride + reach - size, 0) // 2
        return cls(size, kernel, stride, dilation, output, pad)

    def sources(self) -> npt.NDArray[np.int64]:
        """Return the input position of each [output, kernel] pair.

        Negative or too large where it is padding.
        """
        starts = np.arange(self.output) * self.stride - self.pad
        return starts[:, None] + np.arange(self.kernel)[None, :] * self.dilation

    def inside(self) -> npt.NDArray[np.bool_]:
        """Return which [output, kernel] pairs lie inside the input."""
        sources = self.sources()
        return (sources >= 0) & (sources < self.input)


@dataclass(frozen=True)
class Window:
    """Both axes."""

    height: Geometry
    width: Geometry

    @property
    def output_pixels(self) -> int:
        """Output positions of one image."""
        return self.height.output * self.width.output

    def taps(
        self, x: npt.NDArray[np.int16], fill: int
    ) -> Iterator[tuple[int, int, npt.NDArray[np.int16]]]:
        """Yield every tap (row, column) with the values under it; `fill` stands for padding.

        Shapes: x: [N, height, width, C] -> values [N, output height, output width, C].
        """
        rows = self.height.sources().clip(0, self.height.input - 1)
        columns = self.width.sources().clip(0, self.width.input - 1)
        inside = self.height.inside()[:, :, None, None] & self.width.inside()
        for ky in range(self.height.kernel):
            for kx in range(self.width.kernel):
                values = x[:, rows[:, ky, None], columns[None, :, kx]]
                yield ky, kx, np.where(inside[:, ky, :, kx, None], values, np.int16(fill))

    def clearance(
        self, batches: int, input_channels: int, output_channels: int, written_last: int
    ) -> int:
        """Return the clearance of the input where outputs are written pixel by pixel.

        A pixel's window is read until only its `written_last` last channels remain to be written.
        """
        rows, columns = (axis.sources()[:, 0].clip(0) for axis in (self.height, self.width))
        corners = rows[:, None] * self.width.input + columns
        images = np.arange(batches)[:, None, None] * (self.height.input * self.width.input)
        pixels = np.arange(batches * self.output_pixels)
        written = (pixels + 1) * output_channels - written_last
        return clearance(written, (images + corners).reshape(-1) * input_channels)

    def fields(self) -> dict[str, object]:
        """Return the fields of the C parameter structs that do not depend on channels."""
        height, width = self.height, self.width
        return {
            "input_height": height.input,
            "input_width": width.input,
            "output_height": height.output,
            "output_width": width.output,
            "kernel_height": height.kernel,
            "kernel_width": width.kernel,
            "stride_height": height.stride,
            "stride_width": width.stride,
            "pad_top": height.pad,
            "pad_left": width.pad,
        }

    def dilations(self) -> dict[str, object]:
        """Return the fields that only convolutions have."""
        return {"dilation_height": self.height.dilation, "dilation_width": self.width.dilation}

    def summary(self) -> str:
        """Return window, stride and dilation for a reader."""
        height, width = self.height, self.width
        text = f"window {height.kernel}x{width.kernel}"
        if (height.stride, width.stride) != (1, 1):
            text += f", stride {height.stride}x{width.stride}"
        if (height.dilation, width.dilation) != (1, 1):
            text += f", dilation {height.dilation}x{width.dilation}"
        return text


def window_of(
    view: NodeView, source: Tensor, kernel: tuple[int, int], *, dilated: bool = True
) -> Window:
    """Return the window of a node over [batch, height, width, channels], from its options."""
    geometry = []
    for letter, length, taps in zip("hw", source.shape[1:3], kernel, strict=True):
        stride = view.option(f"stride_{letter}")
        dilation = view.option(f"dilation_{letter}_factor", 1) if dilated else 1
        view.require(
            stride >= 1 and dilation >= 1, f"stride {stride}, dilation {dilation}", "1 or more"
        )
        view.require(taps >= 1, f"a window of {kernel[0]}x{kernel[1]}", "1x1 or more")
        reach = (taps - 1) * dilation + 1
        if reach > _LONGEST_REACH:
            view.unsupported(f"a window that reaches over {reach:,}", f"at most {_LONGEST_REACH:,}")
        axis = Geometry.of(length, taps, stride, dilation, view.option("padding"))
        view.require(
            axis.output >= 1, f"a window that reaches over {reach}", f"at most the input's {length}"
        )
        geometry.append(axis)
    return Window(*geometry)


def require_rank_4(view: NodeView, tensors: dict[str, Tensor]) -> None:
    """Check that images and weights have four axes."""
    for name, tensor in tensors.items():
        view.require(len(tensor.shape) == 4, f"{name} has rank {len(tensor.shape)}", "4")


def require_channel_axis(view: NodeView, weights: Tensor) -> None:
    """Check that scales per channel lie along an axis of their number, as the judge demands."""
    quantization = weights.quantization
    if quantization is None or not quantization.per_channel:
        return
    axis, count = quantization.axis, len(quantization.scales)
    length = weights.shape[axis] if 0 <= axis < len(weights.shape) else 0
    view.require(
        length == count,
        f"{weights.name} has {count} scales along axis {axis} of length {length}",
        "a scale per element of that axis",
    )


def in_chunks(x: Int8, elements: int, compute: Callable[[Int8], Int8]) -> Int8:
    """Apply `compute` to a bounded number of windows at a time and join the results.

    `elements` is the size of the intermediate array of one window.
    """
    chunk = max(1, _CHUNK_ELEMENTS // max(elements, 1))
    return np.concatenate([compute(x[i : i + chunk]) for i in range(0, len(x), chunk)])
