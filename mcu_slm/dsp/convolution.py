"""CONV_2D and FULLY_CONNECTED over several rows, as a matrix product without im2col.

A strip of positions is widened at a time (`dsp_quads`); then all its channels are made
(`dsp_gemm`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mcu_slm.dsp.gemm import bank_for, gemm_kernel, quad_bytes
from mcu_slm.dsp.matrix import Matrix, input_order, matrix_of
from mcu_slm.dsp.rows import MOST_ROWS, RowProducts
from mcu_slm.dsp.specialized import Specialized, constant_struct
from mcu_slm.dsp.tuning import Tuning
from mcu_slm.ops.base import Arguments, Constant, GeneratedKernel
from mcu_slm.ops.clearance import clearance
from mcu_slm.ops.conv_2d import Conv2D
from mcu_slm.ops.fully_connected import FullyConnected
from mcu_slm.ops.window import Geometry, Window

_INSIDE_SHARE = 0.9
"""Below this share of quads without padding the whole image is copied with padding."""


@dataclass(frozen=True, eq=False)
class MatrixProduct(Specialized):
    """Rows times a matrix. `quads_per_strip` are widened at a time."""

    kernels = ("dsp_quads",)

    matrix: Matrix
    positions: int
    quads_per_strip: int
    tuning: Tuning

    @property
    def generated(self) -> tuple[GeneratedKernel, ...]:
        """The matrix kernel."""
        return (gemm_kernel(self.matrix, self.tuning),)

    @property
    def shift(self) -> int:
        """The last shift of the rescaling."""
        return self.matrix.shift

    def with_shift(self, shift: int) -> MatrixProduct | None:
        """Return the layer with another last shift, None where that cannot be proved."""
        matrix = self.matrix.with_shift(shift)
        return None if matrix is None else replace(self, matrix=matrix)

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
        return clearance(starts * self.matrix.channels, starts * self._row_bytes)

    @property
    def _row_bytes(self) -> int:
        return int(self.plain.linear.weights[0].size)

    def call(self, arguments: Arguments) -> str:
        """Return the loop over strips."""
        source, target = arguments.inputs[0], arguments.outputs[0]
        widen = f"mcu_slm_dsp_quads_of_rows({source} + first * {self._row_bytes}, "
        return "\n".join(
            [
                *self._matrix(arguments),
                *self._strips(f"{widen}{self._row_bytes}, count, quads);", target),
            ]
        )

    def _matrix(self, arguments: Arguments) -> list[str]:
        fields = self.matrix.fields(arguments.constants)
        return [
            *constant_struct("mcu_slm_matrix_t", "matrix", fields),
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
        aside = 4 * _run_taps(self._window) * self._channels
        image = _reach(self._window.height) * _reach(self._window.width) * self._channels
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

    def call(self, arguments: Arguments) -> str:
        """Return the loop over strips."""
        source, aside = arguments.inputs[0], f"{arguments.scratch} + {super().scratch_bytes}"
        lines = [
            *constant_struct("mcu_slm_quads_window_t", "window", self._window_fields()),
            *self._matrix(arguments),
        ]
        if self.is_padded:
            height, width = self._window.height, self._window.width
            lines += [
                f"mcu_slm_dsp_pad_image(&window, {height.pad}, {width.pad}, {source}, "
                f"{height.input}, {width.input}, {aside});",
            ]
            source = aside
        widen = f"mcu_slm_dsp_quads_of_windows(&window, {source}, first, count, {aside}, quads);"
        return "\n".join([*lines, *self._strips(widen, arguments.outputs[0])])

    def _window_fields(self) -> dict[str, object]:
        height, width = self._window.height, self._window.width
        inside = self.is_padded
        return {
            "input_height": _reach(self._window.height) if inside else height.input,
            "input_width": _reach(self._window.width) if inside else width.input,
            "input_channels": self._channels,
            "output_width": width.output,
            "kernel_height": height.kernel,
            "runs_per_row": width.kernel // _run_taps(self._window),
            "run_taps": _run_taps(self._window),
            "stride_height": height.stride,
            "stride_width": width.stride,
            "dilation_height": height.dilation,
            "dilation_width": width.dilation,
            "pad_top": 0 if inside else height.pad,
            "pad_left": 0 if inside else width.pad,
            "zero_point": self.plain.linear.input_zero_point,
        }


def of_fully_connected(plain: FullyConnected, tuning: Tuning) -> MatrixProduct | RowProducts | None:
    """Return the layer for these kernels, None where they cannot do it."""
    depth = plain.linear.weights.shape[1]
    matrix = matrix_of(plain.linear, plain.linear.weights, input_order(depth))
    if matrix is None:
        return None
    return _product(plain, matrix, plain.rows, tuning)


def of_conv_2d(plain: Conv2D, tuning: Tuning) -> MatrixProduct | RowProducts | None:
    """Return the layer for these kernels, None where they cannot do it."""
    if plain.groups != 1:
        return None
    window, weights = plain.window, plain.linear.weights
    channels, depth = weights.shape[0], weights.shape[3]
    rows = weights.reshape(channels, -1)
    positions = plain.batches * window.output_pixels
    run_bytes = _run_taps(window) * depth
    runs = rows.shape[1] // run_bytes
    order = [
        place if place < 0 else run * run_bytes + place
        for run in range(runs)
        for place in input_order(run_bytes)
    ]
    matrix = matrix_of(plain.linear, rows, order)
    if matrix is None:
        return None
    if _is_pointwise(window):
        return _product(plain, matrix, positions, tuning)
    if plain.batches != 1:
        return None
    matrix = matrix.with_packing()
    strip = _strip(matrix, positions, tuning)
    spare = max(tuning.padded_image_bytes, positions * channels // tuning.padding_share)
    padded = _pays_padding(window, depth, spare)
    return Convolution(plain, matrix, positions, strip, tuning, padded)


def _product(
    plain: Conv2D | FullyConnected, matrix: Matrix, positions: int, tuning: Tuning
) -> MatrixProduct | RowProducts:
    """Return the product of rows that lie one behind the other."""
    if positions <= MOST_ROWS:
        return RowProducts(plain, matrix, positions, bank_for(plain.macs, tuning))
    matrix = matrix.with_packing()
    return MatrixProduct(plain, matrix, positions, _strip(matrix, positions, tuning), tuning)


def _is_pointwise(window: Window) -> bool:
    axes = (window.height, window.width)
    return all(axis.kernel == 1 and axis.stride == 1 and axis.pad == 0 for axis in axes)


def _pays_padding(window: Window, channels: int, most_bytes: int) -> bool:
    """Whether many quads of positions touch padding, and the padded image is small."""
    rows, columns = (
        np.logical_and.reduce(axis.inside(), axis=1) for axis in (window.height, window.width)
    )
    inside = np.logical_and.outer(rows, columns).reshape(-1).tolist()
    quads = [all(inside[first : first + 4]) for first in range(0, len(inside), 4)]
    size = _reach(window.height) * _reach(window.width) * channels
    return size <= most_bytes and sum(quads) < _INSIDE_SHARE * len(quads)


def _reach(axis: Geometry) -> int:
    """Return the length of an axis with all padding that windows look at."""
    end = (axis.output - 1) * axis.stride + (axis.kernel - 1) * axis.dilation + 1
    return max(end, axis.pad + axis.input)


def _run_taps(window: Window) -> int:
    return window.width.kernel if window.width.dilation == 1 else 1


def _strip(matrix: Matrix, positions: int, tuning: Tuning) -> int:
    quads = -(-positions // 4)
    return max(1, min(tuning.strip_bytes // quad_bytes(matrix.depth), tuning.longest_strip, quads))
