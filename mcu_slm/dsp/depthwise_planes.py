"""Where the channel planes of a depthwise convolution lie: lines of pairs of int16.

A line holds the inputs of one channel along one axis of the image, two in each word, padding
included. The pairs lie along the longer axis; of the other one as many lines are kept as the
outputs made together need.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from mcu_slm.ops.window import Geometry, Window

CHANNELS = 4
"""Channels whose planes are made together: one word of the input."""

_PLANES_BYTES = 2560
"""Working memory of the planes, at most."""

_LINES_AT_ONCE = (12, 8, 6, 4, 5, 3, 2, 1)
"""Output lines that one call makes, the best first."""


@dataclass(frozen=True)
class Planes:
    """Planes of some lines. Units: steps count bytes.

    `along` is the axis of the pairs, `across` that of the lines; `lines_at_once` output lines are
    made from what the planes hold. `is_down`: lines are columns of the image.
    """

    is_down: bool
    along: Geometry
    across: Geometry
    input_step: int
    input_line: int
    output_step: int
    output_line: int
    lines_at_once: int

    @property
    def is_whole(self) -> bool:
        """Whether one strip holds all lines; padding lines are left out then."""
        return self.lines_at_once == self.across.output

    @property
    def lines(self) -> int:
        """Lines of one plane."""
        if self.is_whole:
            return self.across.input
        reach = (self.across.kernel - 1) * self.across.dilation + 1
        return (self.lines_at_once - 1) * self.across.stride + reach

    @property
    def kept_lines(self) -> int:
        """Lines that the next strip needs too."""
        return max(self.lines - self.lines_at_once * self.across.stride, 0)

    @property
    def pairs(self) -> int:
        """Words of one line."""
        reach = (self.along.output - 1) * self.along.stride + self.along.kernel
        return (reach + 1) // 2

    @property
    def plane_words(self) -> int:
        """Words of one channel's plane."""
        return self.lines * self.pairs

    @property
    def bytes(self) -> int:
        """Bytes of the planes of all channels that are made together."""
        return 4 * CHANNELS * self.plane_words

    def line_of(self, output: int, tap: int) -> int | None:
        """Return the line that a tap of an output line reads, None where that is padding."""
        line = output * self.across.stride + tap * self.across.dilation
        if not self.is_whole:
            return line
        line -= self.across.pad
        return line if 0 <= line < self.across.input else None

    def is_in_place(self) -> bool:
        """Whether an output at the input's place overwrites nothing that is still to be read.

        An output pixel then lies on the input pixel of the same number, and its channels on the
        same channels.
        """
        for first in range(0, self.across.output, self.lines_at_once):
            written = min(first + self.lines_at_once, self.across.output) * self.output_line
            top = first * self.across.stride - self.across.pad
            unread = 0 if self.is_whole else (top + self.lines) * self.input_line
            is_last = first + self.lines_at_once >= self.across.output
            if not is_last and written > unread:
                return False
        inputs = self.along.input * self.across.input
        return self.along.output * self.across.output <= inputs


def planes_of(window: Window, inputs: int, outputs: int, most_lines: int) -> Planes | None:
    """Return the planes of a window over `inputs` channels, None where they cannot be.

    Args:
        window: The window.
        inputs: Channels of the input.
        outputs: Channels of the output.
        most_lines: Output lines that one call may make.
    """
    height, width = _without_dilation(window)
    row, output_row = window.width.input * inputs, window.width.output * outputs
    down = Planes(True, height, width, row, inputs, output_row, outputs, 0)
    right = Planes(False, width, height, inputs, row, outputs, output_row, 0)
    if window.height.dilation != height.dilation:
        down = _side_by_side(down)
    if window.width.dilation != width.dilation:
        right = _side_by_side(right)
    shorter_first = (down, right) if height.output > width.output else (right, down)
    for planes in shorter_first:
        whole = replace(planes, lines_at_once=planes.across.output)
        if whole.across.output <= most_lines and _fits(whole):
            return whole
    counts = [count for count in _LINES_AT_ONCE if count <= most_lines]
    counts.sort(key=lambda count: right.across.output % count > 0)
    strips = (replace(right, lines_at_once=count) for count in counts)
    return next((planes for planes in strips if _fits(planes)), None)


def _fits(planes: Planes) -> bool:
    is_plain = planes.along.dilation == 1 and planes.along.kernel > 1
    return is_plain and planes.bytes <= _PLANES_BYTES


def _side_by_side(sequence: Planes) -> Planes:
    """Return the planes of a sequence whose neighbours are as many steps apart as it has lines."""
    count = sequence.across.input
    return replace(
        sequence,
        input_step=sequence.input_step * count,
        input_line=sequence.input_step,
        output_step=sequence.output_step * count,
        output_line=sequence.output_step,
    )


def _without_dilation(window: Window) -> tuple[Geometry, Geometry]:
    """Return both axes, a dilated one of a sequence as several sequences side by side.

    With dilation d every d-th step belongs together.
    """
    height, width = window.height, window.width
    if _is_point(height) and _splits(width):
        return _phases(width), _phase(width)
    if _is_point(width) and _splits(height):
        return _phase(height), _phases(height)
    return height, width


def _is_point(axis: Geometry) -> bool:
    return axis.input == axis.kernel == axis.output == 1


def _splits(axis: Geometry) -> bool:
    lengths = (axis.input, axis.output, axis.pad)
    is_even = all(length % axis.dilation == 0 for length in lengths)
    return axis.dilation > 1 and axis.stride == 1 and is_even


def _phase(axis: Geometry) -> Geometry:
    count = axis.dilation
    return Geometry(axis.input // count, axis.kernel, 1, 1, axis.output // count, axis.pad // count)


def _phases(axis: Geometry) -> Geometry:
    return Geometry(axis.dilation, 1, 1, 1, axis.dilation, 0)
