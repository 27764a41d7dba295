"""How `kernels/dsp/dsp_quads.c` finds the windows of four positions at a time, counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from mcu_slm.dsp.counts import widened
from mcu_slm.ops.features import Features, copied, filled, joined
from mcu_slm.ops.window import Geometry, Window


@dataclass(frozen=True)
class Quads:
    """The windows of a convolution over one image, `strip` positions at a time.

    `is_padded`: the image is copied with padding around it first.
    """

    window: Window
    channels: int
    strip: int
    is_padded: bool

    def features(self) -> Features:
        """Return the quads by kind, the runs that are widened, and what is filled at the border."""
        height, taps = self.window.height, run_taps(self.window)
        columns, run_bytes = self.window.width.kernel // taps, taps * self.channels
        inside, anywhere, border = self._spans()
        runs = len(border) * height.kernel * columns
        quads, spans = (sum(inside) + anywhere) * columns, (len(inside) + anywhere) * columns
        return joined(
            {
                "window_strips": -(-self.window.output_pixels // self.strip),
                "windows_inside": len(inside),
                "windows_anywhere": anywhere + len(border),
                "border_runs": runs,
            },
            widened(quads, run_bytes, spans, height.kernel),
            widened(runs, run_bytes),
            self.padding() if self.is_padded else self._border(border),
        )

    def _spans(self) -> tuple[list[int], int, list[int]]:
        """Return how the kernel walks.

        The quads of each stretch of a row without padding, how many others have none, and the
        first positions of those with padding.
        """
        positions, columns = self.window.output_pixels, self.window.width.output
        whole = [True] * positions if self.is_padded else whole_windows(self.window)
        end = columns if self.is_padded else whole_span(self.window.width)[1]
        inside, anywhere, border = [], 0, []
        at = 0
        while at < positions:
            left = min(self.strip - at % self.strip, positions - at)
            quads = min(left, end - at % columns) // 4 if whole[at] else 0
            if quads:
                inside.append(quads)
            elif all(whole[at : at + min(left, 4)]):
                anywhere += 1
            else:
                border.append(at)
            at += 4 * max(quads, 1)
        return inside, anywhere, border

    def padding(self) -> Features:
        """Return what it takes to copy the image."""
        height, width = self.window.height, self.window.width
        return joined(
            {"padded_images": 1},
            filled(1, padded_bytes(self.window, self.channels)),
            copied(height.input, width.input * self.channels),
        )

    def _border(self, quads: list[int]) -> Features:
        """Return the runs with padding that are put together: what is filled, then copied.

        Of an unfinished quad the last position is repeated.
        """
        height, width = (axis.inside() for axis in (self.window.height, self.window.width))
        taps = run_taps(self.window)
        broken, lengths = 0, Counter[int]()
        for position in (first + place for first in quads for place in range(4)):
            y, x = divmod(min(position, self.window.output_pixels - 1), self.window.width.output)
            inside, rows = width[x].reshape(-1, taps).sum(axis=1), int(height[y].sum())
            broken += len(inside) * len(height[y]) - rows * int((inside == taps).sum())
            for length in inside[(inside > 0) & (inside < taps)]:
                lengths[int(length)] += rows
        copies = [copied(count, length * self.channels) for length, count in lengths.items()]
        return joined(filled(broken, taps * self.channels), *copies)


def widen_rows(arguments: str, depth: int) -> str:
    """Return the call that widens rows of `depth` bytes."""
    name = "mcu_slm_dsp_quads_of_rows" if depth % 4 else "mcu_slm_dsp_quads_of_words"
    return f"{name}({arguments});"


def whole_windows(window: Window) -> list[bool]:
    """Return for each position whether its window holds no padding."""
    rows, columns = (
        np.logical_and.reduce(axis.inside(), axis=1) for axis in (window.height, window.width)
    )
    whole: list[bool] = np.logical_and.outer(rows, columns).reshape(-1).tolist()
    return whole


def whole_span(axis: Geometry) -> tuple[int, int]:
    """Return the first output whose taps all lie inside the input, and the one behind the last."""
    whole = np.flatnonzero(axis.inside().all(axis=1))
    return (int(whole[0]), int(whole[-1]) + 1) if whole.size else (0, 0)


def pixel_step(window: Window, *, is_padded: bool) -> int:
    """Return how many pixels apart windows begin which are stretches of pixels, 0 if they are not.

    Those of one row of the image, or windows of the image's whole width, where none holds padding.
    """
    height, width = window.height, window.width
    if width.dilation > 1 or not (is_padded or all(whole_windows(window))):
        return 0
    if height.kernel == 1 and height.output == 1:
        return width.stride
    columns = reach(width) if is_padded else width.input
    is_whole = width.output == 1 and width.kernel == columns and height.dilation == 1
    return height.stride * columns if is_whole else 0


def run_taps(window: Window) -> int:
    """Return how many taps of a row lie side by side."""
    return window.width.kernel if window.width.dilation == 1 else 1


def reach(axis: Geometry) -> int:
    """Return the length of an axis with all padding that windows look at."""
    end = (axis.output - 1) * axis.stride + (axis.kernel - 1) * axis.dilation + 1
    return max(end, axis.pad + axis.input)


def padded_bytes(window: Window, channels: int) -> int:
    """Return the bytes of the image with padding around it."""
    return reach(window.height) * reach(window.width) * channels
