"""DEPTHWISE_CONV_2D by planes: four channels at a time are spread into lines of pairs of int16.

See `kernels/dsp/dsp_depthwise.c.j2` for what the kernel does and why it is exact.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from mcu_slm.dsp.counts import instructions
from mcu_slm.dsp.depthwise_assembly import is_possible
from mcu_slm.dsp.depthwise_kernel import DepthwiseText, depthwise_kernel
from mcu_slm.dsp.depthwise_planes import CHANNELS, Planes, planes_of
from mcu_slm.dsp.depthwise_tiles import Tiles
from mcu_slm.dsp.packing import SCALE_BITS, PackedRescaling, pack
from mcu_slm.dsp.rescaling import ShortRescaling, Sums, accumulator_range, shorten
from mcu_slm.dsp.specialized import Specialized, constant_struct
from mcu_slm.ops.base import Arguments, Constant, GeneratedKernel
from mcu_slm.ops.depthwise_conv_2d import DepthwiseConv2D
from mcu_slm.ops.features import Features, joined
from mcu_slm.ops.linear import Linear
from mcu_slm.quant import INT8_MAX, INT8_MIN

_MOST_LINES = 12
_MOST_LINES_FROM_BANK = 2


@dataclass(frozen=True, eq=False)
class Depthwise(Specialized):
    """A depthwise convolution of one image."""

    planes: Planes
    rescaling: PackedRescaling
    tiles: Tiles

    @cached_property
    def generated(self) -> tuple[GeneratedKernel, ...]:
        """The kernel for the shape."""
        linear = self._linear
        many = self.plain.depth_multiplier
        return (
            depthwise_kernel(self.tiles, linear.outputs // many, many, linear.input_zero_point),
        )

    @property
    def _linear(self) -> Linear:
        linear: Linear = self.plain.linear
        return linear

    @property
    def shift(self) -> int:
        """The last shift of the rescaling."""
        return self.rescaling.shift

    def with_shift(self, shift: int) -> Depthwise | None:
        """Return the layer with another last shift, None where that cannot be proved."""
        found = shorten(_sums(self._linear), SCALE_BITS, shift)
        if found is None or found.is_mixed or _form(found) != self.tiles.form:
            return None
        packed = pack(_sums(self._linear), found)
        return replace(self, rescaling=packed, tiles=replace(self.tiles, shift=shift))

    def constants(self) -> tuple[Constant, ...]:
        """Return weights, biases and the numbers of the rescaling."""
        names = {"short": "", "signed": ", correction", "extra": ", extra shift"}
        axes = "[pair of channels][line of taps][tap][channel of the pair]"
        return (
            Constant("weights", self._stored_weights(), True, axes),
            Constant("bias", self._biases(), True, "256 * bias"),
            Constant(
                "scale",
                self.rescaling.table(),
                False,
                "a word per channel (dsp_rescale.h), then multiplier, offset"
                f"{names[self.tiles.form]} of those without",
            ),
        )

    def _stored_weights(self) -> npt.NDArray[np.int8]:
        axes = (2, 1, 0) if self.planes.is_down else (2, 0, 1)
        kept = (~self.rescaling.is_constant).astype(np.int8)
        weights = np.transpose(self._linear.weights * kept, axes)
        channels = weights.shape[0]
        if channels % 2:
            weights = np.concatenate([weights, np.zeros((1, *weights.shape[1:]), np.int8)])
        pairs = weights.reshape(-1, 2, *weights.shape[1:])
        return np.ascontiguousarray(np.moveaxis(pairs, 1, -1))

    def _biases(self) -> npt.NDArray[np.int32]:
        scaled = self.rescaling.biases(self._linear.bias.astype(np.int64)) << SCALE_BITS
        return scaled.astype(np.uint32).view(np.int32)  # modulo 2^32, as the kernel adds

    @property
    def scratch_bytes(self) -> int:
        """The planes of four channels."""
        return self.planes.bytes

    def is_level(self, position: int) -> bool:  # noqa: ARG002
        """Four channels are read before their outputs are written, on their own inputs."""
        return self.plain.depth_multiplier == 1 and self.planes.is_in_place()

    def features(self) -> Features:
        """Return lines that are spread, kept and cleared, and the instructions of the tiles."""
        text: DepthwiseText = self.generated[0].values
        groups, rest = divmod(text.channels, CHANNELS)
        all_groups = groups + (rest > 0)
        at_once = text.lines_at_once
        strips = [min(at_once, text.output_lines - n) for n in range(0, text.output_lines, at_once)]
        spread, cleared = (all_groups * count for count in self._lines(text))
        cleared += text.lines * text.has_borders
        kept = all_groups * (len(strips) - 1) * CHANNELS * (text.kept_lines > 0)
        found: Features = {
            "groups": all_groups,
            "strips": all_groups * len(strips),
            "cleared_lines": cleared,
            "cleared_words": cleared * text.pairs,
            "kept_planes": kept,
            "kept_fours": kept * text.kept_fours,
            "kept_words": kept * text.kept_rest,
            "channels": text.channels * text.many * len(strips),
        }
        at_once, suffix = text.pairs_at_once, "_by_bytes" if rest else ""
        found |= {
            f"spread_lines{suffix}": spread,
            f"spread_{at_once}_pairs{suffix}": spread * text.loop_pairs // at_once,
            f"spread_pairs{suffix}": spread * (text.rest_pairs + text.has_head + text.has_tail),
        }
        if rest:
            inputs = 2 * (text.loop_pairs + text.rest_pairs) + text.has_head + text.has_tail
            lines = spread // all_groups
            found |= {"whole_words": lines * groups * inputs, "part_words": lines * inputs}
            found |= {"part_bytes": lines * inputs * rest}
        made = [self._made(lines, text) for lines in strips]
        return joined(found, *made)

    def _lines(self, text: DepthwiseText) -> tuple[int, int]:
        """Return how many lines a group of channels spreads, and how many it clears."""
        if text.is_whole:
            return text.lines, 0
        spread = cleared = 0
        for line in range(0, text.output_lines, text.lines_at_once):
            top = line * text.stride_across - text.pad_across
            kept = text.kept_lines if line else 0
            inside = sum(0 <= n < text.input_lines for n in range(top + kept, top + text.lines))
            spread, cleared = spread + inside, cleared + text.lines - kept - inside
        return spread, cleared

    def _made(self, lines: int, text: DepthwiseText) -> Features:
        """Return the instructions that make some output lines of all channels."""
        variant = next(variant for variant in text.variants if variant.lines == lines)
        channels, tiles = text.channels * text.many, self.tiles.whole_tiles
        return joined(
            {"clamped_channels": channels * text.clamp, "tiles": channels * tiles * text.loops},
            instructions(text.start, channels),
            instructions(variant.tile, channels * tiles),
            instructions(variant.rest, channels),
        )

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        constants, linear = arguments.constants, self._linear
        fields = {
            "weights": constants["weights"],
            "bias": constants["bias"],
            "scale": constants["scale"],
            "middle": self.rescaling.middle,
            "scale_step": int(not self.rescaling.is_uniform),
            "act_min": linear.act_min,
            "act_max": linear.act_max,
        }
        planes = f"(uint32_t *)(void *)({arguments.scratch})"
        return "\n".join(
            [
                *constant_struct("mcu_slm_dsp_depthwise_t", "layer", fields),
                f"{self.generated[0].name}(&layer, {arguments.inputs[0]}, {planes}, "
                f"{arguments.outputs[0]});",
            ]
        )


def of_depthwise_conv_2d(plain: DepthwiseConv2D) -> Depthwise | None:
    """Return the layer for these kernels, None where they cannot do it."""
    linear = plain.linear
    if plain.batches != 1:
        return None
    rescaling = shorten(_sums(linear), SCALE_BITS)
    if rescaling is None or rescaling.is_mixed:
        return None
    form = _form(rescaling)
    is_clamped = (linear.act_min, linear.act_max) != (INT8_MIN, INT8_MAX)
    inputs = linear.outputs // plain.depth_multiplier
    for most_lines in (_MOST_LINES, _MOST_LINES_FROM_BANK):
        planes = planes_of(plain.window, inputs, linear.outputs, most_lines)
        if planes is None:
            return None
        tiles = Tiles(planes, form, rescaling.shift, is_clamped)
        if (tiles.is_resident or most_lines == _MOST_LINES_FROM_BANK) and is_possible(tiles):
            return Depthwise(plain, planes, pack(_sums(linear), rescaling), tiles)
    return None


def _form(rescaling: ShortRescaling) -> str:
    """Return how sums become int8, as the kernel template calls it."""
    if rescaling.is_signed:
        return "signed"
    return "extra" if rescaling.extra_shift.any() else "short"


def _sums(linear: Linear) -> Sums:
    rows = np.moveaxis(linear.weights, 2, 0)
    low, high = accumulator_range(rows, linear.bias, linear.input_zero_point)
    return Sums(
        low,
        high,
        linear.multipliers,
        linear.output_zero_point,
        linear.act_min,
        linear.act_max,
    )
