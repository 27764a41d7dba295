"""The depthwise kernel of one shape: the holes of `kernels/dsp/dsp_depthwise.[ch].j2`."""

from __future__ import annotations

from dataclasses import dataclass

from mcu_slm.dsp.depthwise_assembly import parts_of_tiles
from mcu_slm.dsp.depthwise_channels import Channels
from mcu_slm.dsp.depthwise_parts import Part
from mcu_slm.dsp.depthwise_planes import CHANNELS, Planes
from mcu_slm.dsp.depthwise_spread import Pair, SpreadText, spread_text
from mcu_slm.dsp.depthwise_stream import Stream
from mcu_slm.dsp.depthwise_tiles import Tiles
from mcu_slm.ops.base import GeneratedKernel

_LAST_NUMBER = 14
"""The last floating-point register that holds anything but weights."""

_LONG_LINE = 16
"""Inputs of a line from which on four pairs at a time are spread."""


@dataclass(frozen=True)
class LinesText:
    """The assembly that makes `lines` output lines of one channel, 0: as many as it is told to."""

    lines: int
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class DepthwiseText:
    """The holes. Steps count bytes; `along` is the pairs' axis, `across` that of the lines."""

    name: str
    guard: str
    indent: str
    channels: int
    many: int
    group: int
    zero_halves: str
    zero_bytes: str
    form: str
    shift: int
    clamp: bool
    taps_across: int
    taps_along: int
    stride_across: int
    stride_along: int
    dilation_across: int
    pad_across: int
    input_lines: int
    input_step: int
    input_line: int
    output_lines: int
    outputs: int
    output_step: int
    output_line: int
    lines: int
    lines_at_once: int
    kept_lines: int
    kept_fours: int
    kept_rest: int
    pairs: int
    is_whole: bool
    before: int
    first_pair: int
    has_head: bool
    pairs_at_once: int
    loop_pairs: int
    rest_pairs: int
    has_tail: bool
    has_borders: bool
    streams: bool
    spread: SpreadText | None
    bank: str
    advance: int
    variants: tuple[LinesText, ...]


def depthwise_kernel(
    tiles: Tiles | Stream, channels: int, many: int, zero_point: int
) -> GeneratedKernel:
    """Return the kernel for `channels` inputs with `many` outputs each."""
    planes = tiles.planes
    along, across = planes.along, planes.across
    name = _name(tiles, channels, many, zero_point)
    has_head = planes.pad % 2 == 1
    inside = planes.inside - has_head
    at_once = 4 if inside >= _LONG_LINE else 2
    text = DepthwiseText(
        name=name,
        guard=f"{name.upper()}_H",
        indent=" " * len(f"void {name}("),
        channels=channels,
        many=many,
        group=CHANNELS,
        zero_halves=f"0x{(-zero_point & 0xFFFF) * 0x00010001:08x}u",
        zero_bytes=f"0x{(zero_point & 0xFF) * 0x01010101:08x}u",
        form=tiles.form,
        shift=tiles.shift,
        clamp=tiles.is_clamped,
        taps_across=across.kernel,
        taps_along=along.kernel,
        stride_across=across.stride,
        stride_along=along.stride,
        dilation_across=across.dilation,
        pad_across=across.pad,
        input_lines=across.input,
        input_step=planes.input_step,
        input_line=planes.input_line,
        output_lines=across.output,
        outputs=along.output,
        output_step=planes.output_step,
        output_line=planes.output_line,
        lines=planes.lines,
        lines_at_once=planes.lines_at_once,
        kept_lines=planes.kept_lines,
        kept_fours=planes.kept_lines * planes.pairs // 4,
        kept_rest=planes.kept_lines * planes.pairs % 4,
        pairs=planes.pairs,
        is_whole=planes.is_whole,
        before=planes.before,
        first_pair=planes.pad // 2,
        has_head=has_head,
        pairs_at_once=at_once,
        loop_pairs=inside // 2 // at_once * at_once,
        rest_pairs=inside // 2 % at_once,
        has_tail=inside % 2 == 1,
        has_borders=(planes.pad + planes.inside + 1) // 2 < planes.pairs or planes.pad > 1,
        streams=isinstance(tiles, Stream),
        spread=_spread(planes) if channels % CHANNELS == 0 else None,
        bank=", ".join(f'"s{n}"' for n in range(_bank_size(tiles))),
        advance=0 if isinstance(tiles, Stream) else tiles.advance,
        variants=_variants(tiles, many),
    )
    return GeneratedKernel(name, "dsp/dsp_depthwise", text)


def _spread(planes: Planes) -> SpreadText | None:
    """Return the assembly that spreads a line, None where it is C."""
    along, step = planes.along, planes.input_step
    pairs = []
    for word in range(planes.pairs):
        places = [2 * word + half - planes.pad for half in (0, 1)]
        first, second = (n * step if 0 <= n < along.input else None for n in places)
        if first is not None or second is not None:
            pairs.append(Pair(first, second, 4 * word))
    for at_once in (4, 2):
        found = spread_text(pairs, 4 * planes.plane_words, at_once)
        if found is not None:
            return found
    return None


def _bank_size(tiles: Tiles | Stream) -> int:
    """Return how many floating-point registers are used."""
    bank: dict[tuple[int, int], int] = {} if isinstance(tiles, Stream) else tiles.bank
    return 1 + max([_LAST_NUMBER, *bank.values()])


def _variants(tiles: Tiles | Stream, many: int) -> tuple[LinesText, ...]:
    planes = tiles.planes
    if isinstance(tiles, Stream):
        lines = 0 if tiles.has_any_lines else planes.lines_at_once
        return (_variant(tiles, lines, tiles.parts(), many),)
    counts = dict.fromkeys((planes.lines_at_once, planes.across.output % planes.lines_at_once))
    return tuple(
        _variant(tiles, lines, parts_of_tiles(tiles, lines), many) for lines in counts if lines
    )


def _variant(tiles: Tiles | Stream, lines: int, parts: list[Part], many: int) -> LinesText:
    planes = tiles.planes
    taps = planes.across.kernel * planes.along.kernel
    plane_bytes = 4 * planes.plane_words if many == 1 else 0
    channels = Channels(tiles.form, taps, plane_bytes, lines == 0)
    begin = Part(
        tuple(channels.begin()), 1, note="the channel's numbers, and what the next one has"
    )
    end = Part(tuple(channels.end()), 1, note="the next channel; numbers that no word stands for")
    return LinesText(lines, (begin, *(part for part in parts if part.text), end))


def _name(tiles: Tiles | Stream, channels: int, many: int, zero_point: int) -> str:
    """Return a name that says all that the text depends on."""
    planes: Planes = tiles.planes
    axes = "_".join(
        f"{axis.input}k{axis.kernel}s{axis.stride}d{axis.dilation}p{axis.pad}o{axis.output}"
        for axis in (planes.across, planes.along)
    )
    order = "by_column" if planes.input_step > planes.input_line else "by_row"
    tight = "_tight" if planes.is_tight else ""
    zero = f"zm{-zero_point}" if zero_point < 0 else f"z{zero_point}"
    clamp = "_clamped" if tiles.is_clamped else ""
    times = f"x{many}" if many > 1 else ""
    return (
        f"mcu_slm_dsp_depthwise_{axes}_c{channels}{times}_{order}{tight}_{zero}_"
        f"{tiles.form}_{tiles.shift}{clamp}"
    )
