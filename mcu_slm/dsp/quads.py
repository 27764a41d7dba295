"""How `kernels/dsp/dsp_quads.c` finds the windows of four positions at a time, counted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mcu_slm.dsp.counts import widened
from mcu_slm.ops.features import Features, copied, filled, joined
from mcu_slm.ops.window import Geometry, Window

_INSIDE, _ANYWHERE, _BORDER = "inside", "anywhere", "border"
"""Without padding and in one row; without padding; with padding."""


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
        runs = height.kernel * self.window.width.kernel // taps
        kinds = self._kinds()
        inside, border = kinds.count(_INSIDE), kinds.count(_BORDER)
        found = {
            "windows_inside": inside,
            "windows_anywhere": len(kinds) - inside,
            "window_rows": len(kinds) * height.kernel,
            "border_runs": border * runs,
            **widened(len(kinds) * runs, taps * self.channels),
        }
        return joined(found, self.padding() if self.is_padded else self._border(kinds))

    def _kinds(self) -> list[str]:
        """Return how the windows of each quad of positions are found."""
        positions, columns = self.window.output_pixels, self.window.width.output
        whole = [True] * positions if self.is_padded else whole_windows(self.window)
        found = []
        for first in range(0, positions, 4):
            left = min(self.strip - first % self.strip, positions - first)
            if left >= 4 and first % columns + 4 <= columns and whole[first] and whole[first + 3]:
                found.append(_INSIDE)
            else:
                found.append(_ANYWHERE if all(whole[first : first + min(left, 4)]) else _BORDER)
        return found

    def padding(self) -> Features:
        """Return what it takes to copy the image."""
        height, width = self.window.height, self.window.width
        return joined(
            {"padded_images": 1},
            filled(1, padded_bytes(self.window, self.channels)),
            copied(height.input, width.input * self.channels),
        )

    def _border(self, kinds: list[str]) -> Features:
        """Return the taps of runs with padding: those that are filled, those that are copied.

        Of an unfinished quad the last position is repeated.
        """
        height, width = (axis.inside() for axis in (self.window.height, self.window.width))
        taps = run_taps(self.window)
        filled_taps = copied_taps = 0
        for quad, kind in enumerate(kinds):
            for place in range(4) if kind == _BORDER else ():
                position = min(4 * quad + place, self.window.output_pixels - 1)
                y, x = divmod(position, self.window.width.output)
                runs = width[x].reshape(-1, taps)
                broken = runs[~runs.all(axis=1)]
                rows = int(height[y].sum())
                filled_taps += rows * int((~broken).sum()) + (len(height[y]) - rows) * runs.size
                copied_taps += rows * int(broken.sum())
        return joined(
            {"filled_runs": (filled_taps + copied_taps) / taps},
            filled(filled_taps, self.channels),
            copied(copied_taps, self.channels),
        )


def whole_windows(window: Window) -> list[bool]:
    """Return for each position whether its window holds no padding."""
    rows, columns = (
        np.logical_and.reduce(axis.inside(), axis=1) for axis in (window.height, window.width)
    )
    whole: list[bool] = np.logical_and.outer(rows, columns).reshape(-1).tolist()
    return whole


def whole_span(axis: Geometry) -> tuple[int, int]:
    """Return the outputs whose taps all lie inside the input: the first, and the one behind them."""
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
