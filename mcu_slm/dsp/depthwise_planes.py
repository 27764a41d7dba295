"""Where the channel planes of a depthwise convolution lie: lines of pairs of int16.

A line holds the inputs of one channel along one axis of the image, two in each word, padding
included. The pairs lie along the longer axis; of the other one as many lines are kept as the
outputs made together need.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from mcu_slm.ops.window import Geometry, Window

CHANNELS = 4
"""Channels whose planes are made together: one word of the input."""

MANY = 1 << 16
"""As many lines at once as there are."""

_PLANES_BYTES = 2560
"""Working memory of the planes; a third of the input is not too much either."""
_PARTS = 3
_MOST_PLANES_BYTES = 6144

_BORDER_SHARE = 3
"""Lines of padding are left out where at least one output line in so many meets some."""

_LINES_AT_ONCE = (12, 8, 6, 4, 5, 3, 2, 1)
"""Output lines that one call makes, the best first."""


@dataclass(frozen=True)
class Planes:
    """Planes of some lines. Units: steps count bytes.

    `along` is the axis of the pairs, `across` that of the lines; `lines_at_once` output lines are
    made from what the planes hold. `is_down`: lines are columns of the image; `is_whole`: the
    planes hold all lines of the image, and none of padding; `is_tight`: lines begin with an input
    that would else be the second one of a pair, and end with the last one.
    """

    is_down: bool
    along: Geometry
    across: Geometry
    input_step: int
    input_line: int
    output_step: int
    output_line: int
    lines_at_once: int
    is_whole: bool = False
    is_tight: bool = False

    @property
    def before(self) -> int:
        """Inputs of padding that are left out before the first pair."""
        return self.along.pad % 2 if self.is_tight else 0

    @property
    def pad(self) -> int:
        """Inputs of padding before a line."""
        return self.along.pad - self.before

    @property
    def inside(self) -> int:
        """Inputs of a line that are not padding."""
        return min(self.along.input, 2 * self.pairs - self.pad)

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
        if self.lines_at_once >= self.across.output:
            return 0
        return max(self.lines - self.lines_at_once * self.across.stride, 0)

    @property
    def pairs(self) -> int:
        """Words of one line."""
        reach = (self.along.output - 1) * self.along.stride + self.along.kernel - self.before
        if self.is_tight:
            reach = min(reach, self.pad + self.along.input)
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


def planes_of(
    window: Window, inputs: int, outputs: int, most_lines: int = MANY
) -> Iterator[Planes]:
    """Yield the planes of a window over `inputs` channels that there may be, the best first.

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
    room = _PLANES_BYTES
    if most_lines == MANY:
        room = min(max(row * window.height.input // _PARTS, room), _MOST_PLANES_BYTES)
    shorter_first = (down, right) if height.output > width.output else (right, down)
    for planes in shorter_first:
        whole = replace(planes, lines_at_once=planes.across.output, is_whole=True)
        is_short = most_lines != MANY or _BORDER_SHARE * _border_lines(whole) >= whole.across.output
        if whole.across.output <= most_lines and is_short and _fits(whole, room):
            yield whole
    strips = (replace(right, lines_at_once=count) for count in _strips(right, most_lines))
    yield from (planes for planes in strips if _fits(planes, room))


def _border_lines(whole: Planes) -> int:
    """Return the output lines that have padding in their windows, all lines if they are few."""
    taps = range(whole.across.kernel)
    lines = [[whole.line_of(n, tap) for tap in taps] for n in range(whole.across.output)]
    found = sum(None in line for line in lines)
    return len(lines) if found == 0 else found


def _strips(right: Planes, most_lines: int) -> list[int]:
    """Return how many output lines may be made at once, the best number first."""
    output = right.across.output
    if most_lines == MANY:
        return [-(-output // count) for count in range(1, output + 1)]
    counts = [count for count in _LINES_AT_ONCE if count <= most_lines]
    return sorted(counts, key=lambda count: output % count > 0)


def _fits(planes: Planes, room: int) -> bool:
    is_plain = planes.along.dilation == 1 and planes.along.kernel > 1
    return is_plain and planes.bytes <= room


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
