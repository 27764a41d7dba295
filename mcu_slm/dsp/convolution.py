"""CONV_2D and FULLY_CONNECTED over several rows, as a matrix product without im2col.

A strip of positions is widened at a time (`dsp_quads`); then all its channels are made
(`dsp_gemm`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar

import numpy as np

from mcu_slm.dsp.counts import of_form, widened_rows
from mcu_slm.dsp.gemm import ALONE, Rests, Sharing, gemm_kernel, quad_bytes
from mcu_slm.dsp.gemv import bank_for
from mcu_slm.dsp.matrix import Matrix, input_order, matrix_of, window_order
from mcu_slm.dsp.quads import (
    Quads,
    padded_bytes,
    pixel_step,
    reach,
    run_taps,
    whole_span,
    whole_windows,
    widen_rows,
)
from mcu_slm.dsp.rows import MOST_ROWS, RowProducts
from mcu_slm.dsp.specialized import Specialized, constant_struct
from mcu_slm.dsp.tuning import Tuning
from mcu_slm.ops.base import Arguments, Constant, GeneratedKernel, Operator
from mcu_slm.ops.clearance import clearance
from mcu_slm.ops.conv_2d import Conv2D
from mcu_slm.ops.features import Features, joined
from mcu_slm.ops.fully_connected import FullyConnected
from mcu_slm.ops.window import Window

_MOST_SINGLE_ROWS = 8
"""More rows are only done four at a time."""

_INSIDE_SHARE = 0.9
"""Below this share of quads without padding the whole image is copied with padding."""


@dataclass(frozen=True, eq=False)
class MatrixProduct(Specialized):
    """Rows times a matrix. `quads_per_strip` are widened at a time.

    `sharing`: what the layers need that share the kernel. `streams`: see `gemm_kernel`.
    """

    kernels: ClassVar[tuple[str, ...]] = ("dsp_pairs", "dsp_quads")

    matrix: Matrix
    positions: int
    quads_per_strip: int
    tuning: Tuning
    sharing: Sharing = field(default=ALONE, kw_only=True)
    streams: bool = field(default=False, kw_only=True)

    @cached_property
    def generated(self) -> tuple[GeneratedKernel, ...]:
        """The matrix kernel."""
        sharing = replace(self.sharing, rests=self.rests | self.sharing.rests)
        return (gemm_kernel(self.matrix, self.tuning, sharing, streams=self.streams),)

    @property
    def rests(self) -> Rests:
        """What the layer has beyond whole quads of positions and pairs of channels."""
        beyond = self.positions % 4
        return Rests(beyond == 1, beyond > 1, self.matrix.channels % 2 != 0)

    @property
    def shift(self) -> int:
        """The last shift of the rescaling."""
        return self.matrix.shift

    def with_shift(self, shift: int, form: str | None = None) -> MatrixProduct | None:
        """Return the layer with another last shift, None where that cannot be proved.

        `form`: the form of the rescaling, by default as it is.
        """
        matrix = self.matrix.with_shift(shift, form)
        return None if matrix is None else replace(self, matrix=matrix)

    def pretending(self, form: str, enters: bool) -> MatrixProduct:
        """Return a layer with the costs of this one in another form, which is not proved.

        `enters`: or by the kernel of a deeper layer.
        """
        sharing = replace(self.sharing, room=self.matrix.depth // 2, stride=0)
        sharing = sharing if enters else self.sharing
        return replace(self, matrix=self.matrix.pretending(form), sharing=sharing)

    def constants(self) -> tuple[Constant, ...]:
        """Return the matrix."""
        return self.matrix.constants()

    @property
    def scratch_bytes(self) -> int:
        """Widened inputs of a strip."""
        return self.quads_per_strip * quad_bytes(self.matrix.depth)

    def clearance(self, position: int) -> int:  # noqa: ARG002
        """A strip is written when all its inputs were read."""
        starts = np.arange(0, self.positions, 4 * self.quads_per_strip)
        return clearance(starts * self.matrix.channels, starts * self.row_bytes)

    @property
    def row_bytes(self) -> int:
        """Inputs of a position."""
        return int(self.plain.linear.weights[0].size)

    def features(self) -> Features:
        """Return the counts of the products and of the widening."""
        return self._products() | self._widening()

    def _products(self) -> Features:
        """Return strips, tiles of two channels by four positions, and what does not fill one."""
        shape, counts = self.generated[0].values, self._counts()
        depth, enters = self.matrix.depth // 2, self.sharing.room > 0
        pairs, alone = divmod(self.matrix.channels, 2)
        unfinished = [n % 4 for n in counts if n % 4 > 1]
        asides, singles = len(unfinished) * pairs, sum(n % 4 == 1 for n in counts) * pairs
        lone = alone * sum(-(-n // 4) for n in counts)
        tiles = sum(n // 4 for n in counts) * pairs + asides + lone
        runs = len(counts) * pairs + lone
        loads = tiles + singles if shape.chunks else runs
        kept = min(depth, shape.rest_pairs) if shape.streams else depth
        return {
            "strips": len(counts),
            "tiles": tiles,
            "tile_pairs": tiles * depth,
            "tiles_at_any_stride": tiles * (self.sharing.stride == 0),
            "loaded_pairs": loads * kept * (not enters) + (tiles + singles) * (depth - kept),
            "streams": (tiles + singles) * len(shape.streams),
            "chunks": tiles * shape.chunks,
            "asides": asides,
            "aside_positions": sum(unfinished) * pairs,
            "singles": singles,
            "single_pairs": singles * depth,
            "lone_quads": lone,
            "entries": tiles * enters,
            "entered_pairs": runs * depth * enters,
            "entered_runs": runs * enters,
            **of_form(self.matrix, "tiles", tiles),
            **of_form(self.matrix, "runs", runs),
        }

    def _widening(self) -> Features:
        """Return the quads of rows, and the words of each."""
        return widened_rows(self._counts(), self.row_bytes)

    def _counts(self) -> list[int]:
        """Return the positions of each strip."""
        strip = 4 * self.quads_per_strip
        return [min(strip, self.positions - at) for at in range(0, self.positions, strip)]

    def call(self, arguments: Arguments) -> str:
        """Return the loop over strips."""
        source, target = arguments.inputs[0], arguments.outputs[0]
        widen = self._rows(source, self.row_bytes)
        return "\n".join([*self._matrix(arguments), *self._strips(widen, target)])

    def _rows(self, source: str, step: int) -> str:
        """Return the call that widens rows which begin `step` bytes apart."""
        place, depth = f"{source} + first * {step}", self.row_bytes
        return widen_rows(f"{place}, {step}, {depth}, count, quads", depth)

    def _matrix_struct(self, arguments: Arguments) -> list[str]:
        fields = self.matrix.fields(arguments.constants)
        return constant_struct("mcu_slm_matrix_t", "matrix", fields)

    def _matrix(self, arguments: Arguments) -> list[str]:
        return [
            *self._matrix_struct(arguments),
            f"uint32_t *quads = (uint32_t *)(void *)({arguments.scratch});",
            "",
        ]

    def _strips(self, widen: str, target: str) -> list[str]:
        strip, name = 4 * self.quads_per_strip, self.generated[0].name
        return [
            f"for (int32_t first = 0; first < {self.positions}; first += {strip}) {{",
            f"    const int32_t left = {self.positions} - first;",
            f"    const int32_t count = left < {strip} ? left : {strip};",
            "",
            f"    {widen}",
            f"    {name}(&matrix, quads, count, {target} + first * {self.matrix.channels});",
            "}",
        ]


@dataclass(frozen=True, eq=False)
class Convolution(MatrixProduct):
    """A convolution over one image.

    `is_padded`: the image is copied with padding around it first, so that no window needs care.
    """

    is_padded: bool

    @property
    def _window(self) -> Window:
        window: Window = self.plain.window
        return window

    @property
    def _channels(self) -> int:
        return int(self.plain.linear.weights.shape[3])

    @property
    def scratch_bytes(self) -> int:
        """Widened inputs of a strip, and the padded image or room for four runs with padding."""
        aside = 0 if self.row_step else 4 * run_taps(self._window) * self._channels
        image = padded_bytes(self._window, self._channels)
        return super().scratch_bytes + (image if self.is_padded else aside)

    def clearance(self, position: int) -> int:  # noqa: ARG002
        """A strip is written when all its windows were read."""
        if self.is_padded:
            return 0  # the image is not looked at any more
        height, width = self._window.height, self._window.width
        rows, columns = (axis.sources()[:, 0].clip(0) for axis in (height, width))
        corners = (rows[:, None] * width.input + columns).reshape(-1) * self._channels
        strip = 4 * self.quads_per_strip
        starts = np.arange(0, self.positions, strip)
        lowest = np.array([corners[first:].min() for first in starts])
        return clearance(starts * self.matrix.channels, lowest)

    @property
    def row_step(self) -> int:
        """How many bytes apart the windows begin if each is a row of bytes, 0 if they are not."""
        pixels = pixel_step(self._window, is_padded=self.is_padded)
        whole_words = run_taps(self._window) * self._channels % 4 == 0
        return pixels * self._channels if whole_words or self._window.height.kernel == 1 else 0

    def _widening(self) -> Features:
        """Return the quads of windows."""
        quads = Quads(self._window, self._channels, 4 * self.quads_per_strip, self.is_padded)
        if not self.row_step:
            return quads.features()
        return joined(super()._widening(), quads.padding() if self.is_padded else {})

    def call(self, arguments: Arguments) -> str:
        """Return the loop over strips."""
        source, aside = arguments.inputs[0], f"{arguments.scratch} + {super().scratch_bytes}"
        lines = self._matrix(arguments)
        if self.is_padded:
            lines.append(self._pad_image(source, aside))
            source = aside
        if self.row_step:
            widen = self._rows(source, self.row_step)
        else:
            widen = (
                f"mcu_slm_dsp_quads_of_windows(&window, {source}, first, count, {aside}, quads);"
            )
            fields = self._window_fields()
            lines = [*constant_struct("mcu_slm_quads_window_t", "window", fields), *lines]
        return "\n".join([*lines, *self._strips(widen, arguments.outputs[0])])

    def _pad_image(self, source: str, target: str) -> str:
        """Return the call that copies the image with padding around it."""
        height, width = self._window.height, self._window.width
        row_bytes = reach(width) * self._channels
        first = height.pad * row_bytes + width.pad * self._channels
        return (
            f"mcu_slm_dsp_pad_image({source}, {height.input}, {width.input * self._channels}, "
            f"{target}, {first},\n    {reach(height)}, {row_bytes}, "
            f"{self.plain.linear.input_zero_point});"
        )

    def _window_fields(self) -> dict[str, object]:
        height, width = self._window.height, self._window.width
        inside = self.is_padded
        top, bottom = (0, height.output) if inside else whole_span(height)
        left, right = (0, width.output) if inside else whole_span(width)
        return {
            "input_height": reach(self._window.height) if inside else height.input,
            "input_width": reach(self._window.width) if inside else width.input,
            "input_channels": self._channels,
            "output_width": width.output,
            "kernel_height": height.kernel,
            "runs_per_row": width.kernel // run_taps(self._window),
            "run_taps": run_taps(self._window),
            "stride_height": height.stride,
            "stride_width": width.stride,
            "dilation_height": height.dilation,
            "dilation_width": width.dilation,
            "pad_top": 0 if inside else height.pad,
            "pad_left": 0 if inside else width.pad,
            "inside_top": top,
            "inside_bottom": bottom,
            "inside_left": left,
            "inside_right": right,
            "zero_point": self.plain.linear.input_zero_point,
        }


def ways_of_fully_connected(plain: FullyConnected, tuning: Tuning) -> list[Operator]:
    """Return the ways these kernels have for the layer, the usual one first."""
    depth = plain.linear.weights.shape[1]
    matrix = matrix_of(plain.linear, plain.linear.weights, input_order(depth))
    return [] if matrix is None else _products(plain, matrix, plain.rows, tuning)


def ways_of_conv_2d(plain: Conv2D, tuning: Tuning) -> list[Operator]:
    """Return the ways these kernels have for the layer, the usual one first."""
    if plain.groups != 1:
        return []
    window, weights = plain.window, plain.linear.weights
    positions = plain.batches * window.output_pixels
    run_bytes = run_taps(window) * weights.shape[3]
    height, width, taps = window.height.kernel, window.width.kernel, run_taps(window)
    by_run = weights.reshape(len(weights), height, width // taps, run_bytes)
    rows = by_run.swapaxes(1, 2).reshape(len(weights), -1)  # as dsp_quads.c takes the runs
    order = window_order(height * width // taps, run_bytes)
    matrix = matrix_of(plain.linear, rows, order)
    if matrix is None:
        return []
    if _is_pointwise(window):
        return _products(plain, matrix, positions, tuning)
    if plain.batches != 1:
        return []
    matrix = matrix.with_packing()
    strip = _strip(matrix, positions, tuning)
    return [
        Convolution(plain, matrix, positions, strip, tuning, is_padded)
        for is_padded in paddings(plain, tuning)
    ]


def _products(
    plain: Conv2D | FullyConnected, matrix: Matrix, positions: int, tuning: Tuning
) -> list[Operator]:
    """Return the products of rows that lie one behind the other."""
    packed = matrix.with_packing()
    strip = _strip(packed, positions, tuning)
    quads = MatrixProduct(plain, packed, positions, strip, tuning)
    if positions > _MOST_SINGLE_ROWS:
        return [quads]
    rows = RowProducts(plain, matrix, positions, bank_for(plain.macs, tuning))
    return [rows, quads] if positions <= MOST_ROWS else [quads, rows]


def paddings(plain: Conv2D, tuning: Tuning) -> list[bool]:
    """Return whether to copy the image with padding around it, the usual answer first.

    That is worth while where many quads of positions touch padding, and possible where the padded
    image is small.
    """
    window, outputs = plain.window, plain.linear.outputs
    most = max(tuning.padded_image_bytes, window.output_pixels * outputs // tuning.padding_share)
    inside = whole_windows(window)
    quads = [all(inside[first : first + 4]) for first in range(0, len(inside), 4)]
    if all(quads) or padded_bytes(window, plain.linear.weights.shape[3]) > most:
        return [False]
    is_usual = sum(quads) < _INSIDE_SHARE * len(quads)
    return [is_usual, not is_usual]


def _is_pointwise(window: Window) -> bool:
    axes = (window.height, window.width)
    return all(axis.kernel == 1 and axis.stride == 1 and axis.pad == 0 for axis in axes)


def _strip(matrix: Matrix, positions: int, tuning: Tuning) -> int:
    quads = -(-positions // 4)
    return max(1, min(tuning.strip_bytes // quad_bytes(matrix.depth), tuning.longest_strip, quads))
