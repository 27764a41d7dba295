"""What layers done by Winograd's method have in common, whatever the side of their tiles.

The mathematics and the layouts stand in `kernels/dsp/dsp_winograd.h`. The weights are transformed
on the way, or stored transformed, which takes more flash and fewer instructions.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from mcu_slm.dsp.matrix import Matrix
from mcu_slm.dsp.packing import SCALE_BITS, PackedRescaling
from mcu_slm.dsp.specialized import Specialized, constant_struct
from mcu_slm.dsp.winograd_strips import (
    Memory,
    Strip,
    instructions,
    row_pixels,
    strips_of,
    tiles_of,
    values_of,
)
from mcu_slm.dsp.winograd_text import kernels_of
from mcu_slm.ops.base import Arguments, Constant, GeneratedKernel
from mcu_slm.ops.clearance import clearance
from mcu_slm.ops.features import Features, joined
from mcu_slm.ops.window import Window
from mcu_slm.quant import Int64


@dataclass(frozen=True, eq=False)
class WinogradLayer(Specialized):
    """A convolution by tiles.

    Subclasses give `side` and `transform` (G), `_offsets` and `_of_strip`. `shares_more`: a layer
    whose channels fall into several chunks shares the kernels.
    """

    kernels = ("dsp_winograd_rows",)
    side: ClassVar[int]
    transform: ClassVar[tuple[tuple[int, int, int], ...]]

    matrix: Matrix
    chunks: int
    strip: Strip
    memory: Memory
    shares_more: bool = field(default=False, kw_only=True)

    @property
    def window(self) -> Window:
        """The windows of the layer."""
        window: Window = self.plain.window
        return window

    @cached_property
    def weights(self) -> npt.NDArray[np.int8]:
        """Its weights, 0 for channels that never change. Shapes: [outputs, 3, 3, inputs]."""
        weights: npt.NDArray[np.int8] = self.plain.linear.weights
        return weights * (~self._packed.is_constant[:, None, None, None]).astype(np.int8)

    @property
    def _packed(self) -> PackedRescaling:
        assert self.matrix.packed is not None
        return self.matrix.packed

    @property
    def generated(self) -> tuple[GeneratedKernel, ...]:
        """The transforms, the products and the tiles."""
        has_more = self.shares_more or self.chunks > 1
        return kernels_of(self.matrix, self.side, self.weights.shape[3], self.chunks, has_more)

    def with_shift(self, shift: int, form: str) -> Self | None:
        """Return the layer with another last shift and form, None where that cannot be proved."""
        matrix = self.matrix.with_shift(shift, form)
        return None if matrix is None else replace(self, matrix=matrix)

    @property
    def estimate(self) -> float:
        """Instructions, estimated without measured costs."""
        return instructions(self.plain, self.strip, self.memory, self.chunks)

    def constants(self) -> tuple[Constant, ...]:
        """Return weights, biases and the numbers of the rescaling."""
        bias = (self._packed.biases(self.matrix.bias) + self._offsets()) << SCALE_BITS
        scale = next(c for c in self.matrix.constants() if c.suffix == "scale")
        return (
            self._stored(),
            Constant("bias", bias.astype(np.uint32).view(np.int32), True, "256 * bias"),
            scale,
        )

    @property
    def spent_weight_bytes(self) -> int:
        """What stored transformed weights take more than those of the file."""
        return self._stored().data.nbytes - self.weights.nbytes

    @abstractmethod
    def _offsets(self) -> Int64:
        """Return what the kernel's inputs ask to be added to each bias."""

    def _stored(self) -> Constant:
        if self.memory.stores_transformed:
            words = transformed(self.weights, self.chunks, self.transform)
            values = values_of(self.side)
            axes = f"[pair of channels][chunk of inputs][{values}][pair of inputs][2]"
            return Constant("transformed", words, True, axes)
        outputs, inputs = self.weights.shape[0], self.weights.shape[3]
        parts = self.weights.reshape(outputs, 9, inputs // 4, 4).transpose(0, 2, 1, 3)
        words = np.ascontiguousarray(parts).view(np.uint32)
        return Constant("weights", words, True, "[channel][inputs / 4][tap], four bytes each")

    @property
    def scratch_bytes(self) -> int:
        """Sums and inputs of a strip, weights, and the rows under a row of tiles."""
        return self.memory.fixed + self.strip.quads * self.memory.per_quad

    def clearance(self, position: int) -> int:  # noqa: ARG002
        """A row of tiles is written when the inputs it shares with the next one were copied."""
        height, width = self.window.height, self.window.width
        starts = np.arange(0, tiles_of(self.window, self.side)[0], self.strip.rows)
        ends = self.side * (starts + self.strip.rows)
        written = np.minimum(ends, height.output) * width.output
        unread = np.minimum(ends + 2 - height.pad, height.input)
        earlier = np.concatenate([[0], written[:-1]]) * self.matrix.channels
        return clearance(
            earlier, np.concatenate([[0], unread[:-1]]) * width.input * self.weights.shape[3]
        )

    def features(self) -> Features:
        """Return what the rows, the transforms, the products and the tiles of all strips take."""
        strips = strips_of(self.window, self.strip)
        builds = self.memory.builds(len(strips))
        pairs = self.weights.shape[3] // 2
        built = {"builds": builds, "built_pairs": builds * pairs}
        return joined(
            *(self._of_strip(strip) | self._products_of(strip) for strip in strips),
            built,
            self._rows_read(),
        )

    @abstractmethod
    def _of_strip(self, strip: Strip) -> Features:
        """Return what transforms of inputs and tiles of one strip take."""

    def _products_of(self, strip: Strip) -> Features:
        """Return what the products of one strip take."""
        outputs = self.matrix.channels // 2
        calls, quads = outputs * self.chunks, strip.quads
        size = self.weights.shape[3] // 2 // self.chunks
        groups = values_of(self.side) // self.generated[1].values.values
        return {
            "product_calls": calls,
            "product_groups": calls * groups,
            "group_quads": calls * groups * quads,
            "product_quads": calls * quads,
            "later_quads": outputs * (self.chunks - 1) * quads,
            "product_loads": calls * quads * -(-4 * size // 3),
            "product_pairs": calls * quads * size,
            "loaded_pairs": calls * size,
        }

    def _rows_read(self) -> Features:
        """Return rows of the input that are copied, with padding around, or filled."""
        height, width, channels = self.window.height, self.window.width, self.weights.shape[3]
        rows = self.side * tiles_of(self.window, self.side)[0] + 2
        inside = sum(0 <= row - height.pad < height.input for row in range(rows))
        words = row_pixels(self.window, self.side) * channels // 4
        copied_bytes = width.input * channels
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
        height, width = self.window.height, self.window.width
        common = self.matrix.fields({"weights": "0", **constants})
        return {
            "weights": constants.get("weights", "0"),
            "transformed": constants.get("transformed", "0"),
            "bias": constants["bias"],
            "scale": constants["scale"],
            "scale_step": self.matrix.scale_step,
            "middle": common["middle"],
            "input_height": height.input,
            "input_width": width.input,
            "input_channels": self.weights.shape[3],
            "output_height": height.output,
            "output_width": width.output,
            "output_channels": self.matrix.channels,
            "pad_top": height.pad,
            "pad_left": width.pad,
            "zero_point": self.plain.linear.input_zero_point,
            "tile_rows": tiles_of(self.window, self.side)[0],
            "tile_columns": tiles_of(self.window, self.side)[1],
            "strip_rows": self.strip.rows,
            "strip_columns": self.strip.columns,
            "strip_quads": self.strip.quads,
            "row_pixels": row_pixels(self.window, self.side),
            "kept_pairs": self.memory.kept_pairs,
            "act_min": common["act_min"],
            "act_max": common["act_max"],
        }


def transformed(
    weights: npt.NDArray[np.int8], chunks: int, transform: tuple[tuple[int, int, int], ...]
) -> npt.NDArray[np.uint32]:
    """Return G g G' for every window, in the order of the kernel. Shapes: weights: [O, 3, 3, C]."""
    matrix = np.array(transform)
    values = np.einsum("ia,oabc,jb->oijc", matrix, weights.astype(np.int64), matrix)
    outputs, inputs, count = weights.shape[0], weights.shape[3], len(matrix) ** 2
    halves = values.reshape(outputs // 2, 2, count, inputs // 4, 2, 2)  # words: two of four bytes
    pairs = halves.transpose(0, 2, 3, 5, 1, 4)  # output pair, value, inputs / 4, pair, output, half
    shape = (outputs // 2, count, chunks, inputs // 2 // chunks, 2, 2)
    ordered = pairs.reshape(shape).transpose(0, 2, 1, 3, 4, 5).astype(np.int16)
    words: npt.NDArray[np.uint32] = np.ascontiguousarray(ordered).view(np.uint32)
    return words
