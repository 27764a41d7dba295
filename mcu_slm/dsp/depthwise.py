"""DEPTHWISE_CONV_2D by planes: four channels at a time are spread into lines of pairs of int16.

See `kernels/dsp/dsp_depthwise.c.j2` for what the kernel does and why it is exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice

import numpy as np
import numpy.typing as npt

from mcu_slm.dsp.counts import instructions
from mcu_slm.dsp.depthwise_assembly import is_possible, parts_of_tiles
from mcu_slm.dsp.depthwise_kernel import DepthwiseText, depthwise_kernel
from mcu_slm.dsp.depthwise_numbers import SCALE_BITS, numbers_of, table_of
from mcu_slm.dsp.depthwise_parts import Part, price
from mcu_slm.dsp.depthwise_planes import CHANNELS, Planes, planes_of
from mcu_slm.dsp.depthwise_stream import Stream, stream_of
from mcu_slm.dsp.depthwise_tiles import Tiles
from mcu_slm.dsp.packing import PackedRescaling
from mcu_slm.dsp.specialized import Specialized, constant_struct
from mcu_slm.ops.base import Arguments, Constant, GeneratedKernel
from mcu_slm.ops.depthwise_conv_2d import DepthwiseConv2D
from mcu_slm.ops.features import Features, joined
from mcu_slm.ops.linear import Linear
from mcu_slm.quant import INT8_MAX, INT8_MIN

_CHANNEL_CYCLES, _KEPT_WORD_CYCLES = 50, 3
"""About what turning to another channel takes, and a word that the next strip needs too."""

_MOST_LINES = 12
_MOST_LINES_FROM_BANK = 2


@dataclass(frozen=True, eq=False)
class Depthwise(Specialized):
    """A depthwise convolution of one image."""

    rescaling: PackedRescaling
    tiles: Tiles | Stream

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
    def planes(self) -> Planes:
        """Where the inputs are spread to."""
        return self.tiles.planes

    @property
    def shift(self) -> int:
        """The last shift of the rescaling."""
        return self.rescaling.shift

    def with_shift(self, shift: int) -> Depthwise | None:
        """Return the layer with another last shift, None where that cannot be proved."""
        found = numbers_of(self._linear, shift)
        if found is None or found[0] != self.tiles.form:
            return None
        return replace(self, rescaling=found[1], tiles=replace(self.tiles, shift=shift))

    def constants(self) -> tuple[Constant, ...]:
        """Return weights, biases and the numbers of the rescaling."""
        axes = "[pair of channels][line of taps][tap][channel of the pair]"
        names = {"short": "", "signed": ", correction", "extra": ", extra shift"}
        return (
            Constant("weights", self._stored_weights(), True, axes),
            Constant("bias", self._biases(), True, "256 * bias"),
            Constant(
                "scale",
                table_of(self.rescaling),
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
        """The planes of four channels, and what is loaded behind them."""
        slack = self.tiles.slack_bytes if isinstance(self.tiles, Stream) else 0
        return self.planes.bytes + slack

    def is_level(self, position: int) -> bool:  # noqa: ARG002
        """Four channels are read before their outputs are written, on their own inputs."""
        return self.plain.depth_multiplier == 1 and self.planes.is_in_place()

    def features(self) -> Features:
        """Return lines that are spread, kept and cleared, and the instructions of the tiles."""
        text: DepthwiseText = self.generated[0].values
        all_groups = -(-text.channels // CHANNELS)
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
        found = joined(found, self._spread(text, spread, all_groups))
        made = [self._made(lines, text) for lines in strips]
        return joined(found, *made)

    def _spread(self, text: DepthwiseText, lines: int, all_groups: int) -> Features:
        """Return what it takes to spread some lines: assembly, or C that may read single bytes."""
        if text.spread is not None:
            parts = ((text.spread.before, 1), (text.spread.behind, 1))
            found = [instructions(part, lines * times) for part, times in parts]
            found.append(instructions(text.spread.loop, lines * text.spread.rounds))
            return joined({"spread_lines": lines}, *found)
        groups, rest = divmod(text.channels, CHANNELS)
        at_once, suffix = text.pairs_at_once, "_by_bytes" if rest else "_in_c"
        found_in_c: Features = {
            f"spread_lines{suffix}": lines,
            f"spread_{at_once}_pairs{suffix}": lines * text.loop_pairs // at_once,
            f"spread_pairs{suffix}": lines * (text.rest_pairs + text.has_head + text.has_tail),
        }
        if rest:
            inputs = 2 * (text.loop_pairs + text.rest_pairs) + text.has_head + text.has_tail
            lines //= all_groups
            found_in_c |= {"whole_words": lines * groups * inputs, "part_words": lines * inputs}
            found_in_c |= {"part_bytes": lines * inputs * rest}
        return found_in_c

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
        variant = next(v for v in text.variants if v.lines in (0, lines))
        channels = text.channels * text.many
        found: Features = {"clamped_channels": channels * text.clamp}
        for part in variant.parts:
            times = channels * part.times * (lines if part.is_of_line else 1)
            found = joined(found, instructions(part.text, times))
        return found

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
    numbers = numbers_of(linear) if plain.batches == 1 else None
    if numbers is None:
        return None
    form, rescaling = numbers
    is_clamped = (linear.act_min, linear.act_max) != (INT8_MIN, INT8_MAX)
    tiles = _tiles(plain, form, rescaling.shift, is_clamped=is_clamped)
    return None if tiles is None else Depthwise(plain, rescaling, tiles)


def _tiles(
    plain: DepthwiseConv2D, form: str, shift: int, *, is_clamped: bool
) -> Tiles | Stream | None:
    """Return how the outputs are made, None where registers do not suffice for any way."""
    outputs = plain.linear.outputs
    inputs = outputs // plain.depth_multiplier
    found: list[tuple[float, Tiles | Stream]] = []
    for planes in planes_of(plain.window, inputs, outputs):
        stream = stream_of(planes, form, shift, is_clamped=is_clamped)
        if stream is not None:
            found.append((_price(stream.parts(), stream.planes), stream))
            break
    for most_lines in (_MOST_LINES, _MOST_LINES_FROM_BANK):
        for planes in islice(planes_of(plain.window, inputs, outputs, most_lines), 1):
            tiles = Tiles(planes, form, shift, is_clamped)
            may_be = tiles.is_resident or most_lines == _MOST_LINES_FROM_BANK
            if may_be and is_possible(tiles):
                found.append((_price(parts_of_tiles(tiles, planes.lines_at_once), planes), tiles))
        if any(isinstance(tiles, Tiles) for _, tiles in found):
            break
    return min(found, key=lambda way: way[0])[1] if found else None


def _price(parts: Sequence[Part], planes: Planes) -> float:
    """Return the price of an output line, with what a strip takes beside its outputs."""
    kept = _KEPT_WORD_CYCLES * planes.kept_lines * planes.pairs
    return (price(parts, planes.lines_at_once) + _CHANNEL_CYCLES + kept) / planes.lines_at_once
