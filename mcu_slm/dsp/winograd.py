"""CONV_2D with windows of 3x3, stride 1, by Winograd's F(2x2, 3x3): exact, with 16 products for 36.

The mathematics and the layouts stand in `kernels/dsp/dsp_winograd.h`. The weights are transformed
on the way, or stored transformed, which takes 3.6 times their flash and saves a few percent.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from mcu_slm.dsp.counts import of_form
from mcu_slm.dsp.matrix import Matrix, matrix_of
from mcu_slm.dsp.packing import SCALE_BITS
from mcu_slm.dsp.specialized import Specialized, constant_struct
from mcu_slm.dsp.winograd_strips import (
    Memory,
    Strip,
    choose_strip,
    direct_instructions,
    instructions,
    row_pixels,
    strips_of,
    tiles_of,
)
from mcu_slm.dsp.winograd_text import kernels_of
from mcu_slm.ops.base import Arguments, Constant, GeneratedKernel
from mcu_slm.ops.clearance import clearance
from mcu_slm.ops.conv_2d import Conv2D
from mcu_slm.ops.features import Features, joined
from mcu_slm.ops.window import Window

_LEAST_CHANNELS = 8
_LONGEST_CHUNK = 16  # pairs of channels; the floating-point registers hold two sets of weights


@dataclass(frozen=True, eq=False)
class Winograd(Specialized):
    """A convolution by tiles; `stores_transformed`: its transformed weights stand in flash."""

    kernels = ("dsp_winograd_rows",)

    matrix: Matrix
    chunks: int
    strip: Strip
    stores_transformed: bool

    @property
    def _window(self) -> Window:
        window: Window = self.plain.window
        return window

    @property
    def _weights(self) -> npt.NDArray[np.int8]:
        weights: npt.NDArray[np.int8] = self.plain.linear.weights
        return weights

    @cached_property
    def memory(self) -> Memory:
        """What the layer takes, whatever the strip."""
        return Memory.of(self.plain, self.stores_transformed)

    @property
    def generated(self) -> tuple[GeneratedKernel, ...]:
        """The transforms and the products."""
        return kernels_of(self.matrix, self._weights.shape[3], self.chunks)

    def constants(self) -> tuple[Constant, ...]:
        """Return weights, biases and the numbers of the rescaling."""
        bias = (self.matrix.bias - self.matrix.rescaling.removed) << SCALE_BITS
        scale = next(c for c in self.matrix.constants() if c.suffix == "scale")
        return (
            self._stored(),
            Constant("bias", bias.astype(np.uint32).view(np.int32), True, "256 * bias"),
            scale,
        )

    def _stored(self) -> Constant:
        if self.stores_transformed:
            words = transformed(self._weights, self.chunks)
            axes = "[pair of channels][chunk of inputs][16][pair of inputs][2]"
            return Constant("transformed", words, True, axes)
        outputs, inputs = self._weights.shape[0], self._weights.shape[3]
        parts = self._weights.reshape(outputs, 9, inputs // 4, 4).transpose(0, 2, 1, 3)
        words = np.ascontiguousarray(parts).view(np.uint32)
        return Constant("weights", words, True, "[channel][inputs / 4][tap], four bytes each")

    @property
    def scratch_bytes(self) -> int:
        """Sums and inputs of a strip, weights, and four rows."""
        return self.memory.fixed + self.strip.quads * self.memory.per_quad

    def clearance(self, position: int) -> int:  # noqa: ARG002
        """Two rows are written for each row of tiles, when the inputs it shares were copied."""
        height, width = self._window.height, self._window.width
        starts = np.arange(0, tiles_of(self._window)[0], self.strip.rows)
        written = np.minimum(2 * (starts + self.strip.rows), height.output) * width.output
        unread = np.minimum(2 * (starts + self.strip.rows) + 2 - height.pad, height.input)
        earlier = np.concatenate([[0], written[:-1]]) * self.matrix.channels
        return clearance(
            earlier, np.concatenate([[0], unread[:-1]]) * width.input * self._weights.shape[3]
        )

    def features(self) -> Features:
        """Return what the rows, the transforms, the products and the tiles of all strips take."""
        pairs, outputs = self._weights.shape[3] // 2, self.matrix.channels // 2
        strips = strips_of(self._window, self.strip)
        found = joined(*(self._of_strip(strip, pairs, outputs) for strip in strips))
        builds = len(strips)
        if self.stores_transformed or self.memory.keeps_weights:
            builds = 0 if self.stores_transformed else 1
        built = {"builds": builds * outputs, "built_pairs": builds * outputs * pairs}
        return joined(found, built, self._rows_read(2 * pairs))

    def _of_strip(self, strip: Strip, pairs: int, outputs: int) -> Features:
        """Return transforms of inputs, products and tiles of one strip."""
        row_quads, calls = -(-strip.columns // 4), outputs * self.chunks
        size, quads = pairs // self.chunks, strip.rows * row_quads
        groups = 16 // self.generated[1].values.values
        odd = self._window.width.output % 2  # the last column of tiles by itself
        is_last = strip.is_last and odd > 0
        runs = strip.rows * ((strip.columns - is_last > 0) + is_last)
        tiles = strip.rows * strip.columns * outputs
        return {
            "strips": 1,
            "strip_rows": strip.rows,
            "transforms": strip.rows * pairs // 2,
            "transformed_quads": quads * pairs // 2,
            "pairs": outputs,
            "product_calls": calls,
            "product_groups": calls * groups,
            "group_quads": calls * groups * quads,
            "product_quads": calls * quads,
            "later_quads": outputs * (self.chunks - 1) * quads,
            "product_loads": calls * quads * -(-4 * size // 3),
            "product_pairs": calls * quads * size,
            "loaded_pairs": calls * size,
            "tile_rows": outputs * strip.rows,
            "tile_runs": outputs * runs,
            "tiles": tiles,
            **of_form(self.matrix, "tiles", tiles),
        }

    def _rows_read(self, channels: int) -> Features:
        """Return rows of the input that are copied, with padding around, or filled."""
        height, width = self._window.height, self._window.width
        rows = 2 * tiles_of(self._window)[0] + 2
        inside = sum(0 <= row - height.pad < height.input for row in range(rows))
        words, copied_bytes = row_pixels(self._window) * channels // 4, width.input * channels
        return {
            "read_rows": inside,
            "filled_rows": rows - inside,
            "filled_words": (rows - inside) * words + inside * (words - copied_bytes // 4),
            "copied_16": inside * (copied_bytes // 16),
            "copied_4": inside * (copied_bytes % 16 // 4),
        }

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        fields = self._fields(arguments.constants)
        memory = f"(uint32_t *)(void *)({arguments.scratch})"
        source, target = arguments.inputs[0], arguments.outputs[0]
        return "\n".join(
            [
                *constant_struct("mcu_slm_winograd_t", "layer", fields),
                f"{self.generated[-1].name}(&layer, {source}, {memory}, {target});",
            ]
        )

    def _fields(self, constants: dict[str, str]) -> dict[str, object]:
        height, width = self._window.height, self._window.width
        common = self.matrix.fields({"weights": "0", **constants})
        return {
            "weights": constants.get("weights", "0"),
            "transformed": constants.get("transformed", "0"),
            "bias": constants["bias"],
            "scale": constants["scale"],
            "scale_step": self.matrix.scale_step,
            "input_height": height.input,
            "input_width": width.input,
            "input_channels": self._weights.shape[3],
            "output_height": height.output,
            "output_width": width.output,
            "output_channels": self.matrix.channels,
            "pad_top": height.pad,
            "pad_left": width.pad,
            "zero_point": self.plain.linear.input_zero_point,
            "tile_rows": tiles_of(self._window)[0],
            "tile_columns": tiles_of(self._window)[1],
            "strip_rows": self.strip.rows,
            "strip_columns": self.strip.columns,
            "strip_quads": self.strip.quads,
            "row_pixels": row_pixels(self._window),
            "keeps_weights": int(self.memory.keeps_weights),
            "act_min": common["act_min"],
            "act_max": common["act_max"],
        }


def of_conv_2d(
    plain: Conv2D, *, stores_transformed: bool = False, working_bytes: int | None = None
) -> Winograd | None:
    """Return the layer for these kernels, None where they cannot do it.

    Args:
        plain: The layer.
        stores_transformed: Store the transformed weights: 32 bytes for each 3x3 window of one input
            channel in place of 9.
        working_bytes: Working memory that may be taken; None: as `choose_strip` sees fit.
    """
    outputs, _, _, inputs = plain.linear.weights.shape
    chunks = _chunks(inputs)
    fits = plain.groups == 1 and plain.batches == 1 and outputs % 2 == 0 and _is_3x3(plain.window)
    if not fits or chunks is None:
        return None
    rows = plain.linear.weights.reshape(outputs, -1)
    matrix = matrix_of(plain.linear, rows, list(range(rows.shape[1])))
    memory = Memory.of(plain, stores_transformed)
    strip = choose_strip(plain, memory, working_bytes)
    if matrix is None:
        return None
    return Winograd(plain, matrix, chunks, strip, stores_transformed)


def is_shorter(layer: Winograd) -> bool:
    """Whether the layer is expected to take less than its direct form, by estimates of both."""
    mine = instructions(layer.plain, layer.strip, layer.memory, layer.chunks)
    return mine <= direct_instructions(layer.plain)


def transformed(weights: npt.NDArray[np.int8], chunks: int) -> npt.NDArray[np.uint32]:
    """Return G g G' for every window, in the order of the kernel. Shapes: weights: [O, 3, 3, C]."""
    matrix = np.array([[1, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 1]])
    values = np.einsum("ia,oabc,jb->oijc", matrix, weights.astype(np.int64), matrix)
    outputs, inputs = weights.shape[0], weights.shape[3]
    halves = values.reshape(outputs // 2, 2, 16, inputs // 4, 2, 2)  # a word has two of four bytes
    pairs = halves.transpose(0, 2, 3, 5, 1, 4)  # output pair, 16, inputs / 4, pair, output, half
    shape = (outputs // 2, 16, chunks, inputs // 2 // chunks, 2, 2)
    ordered = pairs.reshape(shape).transpose(0, 2, 1, 3, 4, 5).astype(np.int16)
    words: npt.NDArray[np.uint32] = np.ascontiguousarray(ordered).view(np.uint32)
    return words


def _is_3x3(window: Window) -> bool:
    axes = (window.height, window.width)
    return all((axis.kernel, axis.stride, axis.dilation) == (3, 1, 1) for axis in axes)


def _chunks(inputs: int) -> int | None:
    """Return into how many parts the pairs of input channels fall, None where into none."""
    if inputs % 4 != 0 or inputs < _LEAST_CHANNELS:
        return None
    pairs = inputs // 2
    sizes = range(min(_LONGEST_CHUNK, pairs), 0, -1)
    size = next(size for size in sizes if pairs % size == 0 and size % 2 == 0)
    return pairs // size if size * 2 >= _LEAST_CHANNELS else None
