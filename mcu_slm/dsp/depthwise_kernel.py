"""The depthwise kernel of one shape: the holes of `kernels/dsp/dsp_depthwise.[ch].j2`."""

from __future__ import annotations

from dataclasses import dataclass

from mcu_slm.dsp.depthwise_assembly import start, tile
from mcu_slm.dsp.depthwise_planes import CHANNELS, Planes
from mcu_slm.dsp.depthwise_tiles import Tiles
from mcu_slm.ops.base import GeneratedKernel

_LONG_LINE = 16
"""Inputs of a line from which on four pairs at a time are spread."""


@dataclass(frozen=True)
class LinesText:
    """The assembly that makes `lines` output lines of one channel."""

    lines: int
    tile: tuple[str, ...]
    rest: tuple[str, ...]


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
    first_pair: int
    has_head: bool
    pairs_at_once: int
    loop_pairs: int
    rest_pairs: int
    has_tail: bool
    has_borders: bool
    scale_words: int
    bank: str
    advance: int
    loops: bool
    end_register: str
    start: tuple[str, ...]
    variants: tuple[LinesText, ...]


def depthwise_kernel(tiles: Tiles, channels: int, many: int, zero_point: int) -> GeneratedKernel:
    """Return the kernel for `channels` inputs with `many` outputs each."""
    planes = tiles.planes
    along, across = planes.along, planes.across
    name = _name(tiles, channels, many, zero_point)
    has_head = along.pad % 2 == 1
    inside = min(along.input, 2 * planes.pairs - along.pad) - has_head
    at_once = 4 if inside >= _LONG_LINE else 2
    counts = {planes.lines_at_once: None, across.output % planes.lines_at_once: None}
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
        first_pair=along.pad // 2,
        has_head=has_head,
        pairs_at_once=at_once,
        loop_pairs=inside // 2 // at_once * at_once,
        rest_pairs=inside // 2 % at_once,
        has_tail=inside % 2 == 1,
        has_borders=(along.pad + inside + has_head + 1) // 2 < planes.pairs or along.pad > 1,
        scale_words=2 + (tiles.form != "short"),
        bank=", ".join(f'"s{n}"' for n in range(max([6, *tiles.bank.values()]) + 1)),
        advance=tiles.advance,
        loops=tiles.loops,
        end_register=tiles.end_register,
        start=tuple(start(tiles)),
        variants=tuple(_variant(tiles, lines) for lines in counts if lines),
    )
    return GeneratedKernel(name, "dsp/dsp_depthwise", text)


def _variant(tiles: Tiles, lines: int) -> LinesText:
    whole = tile(tiles, tiles.outputs, lines) if tiles.whole_tiles else []
    rest = tile(tiles, tiles.rest, lines) if tiles.rest else []
    return LinesText(lines, tuple(whole), tuple(rest))


def _name(tiles: Tiles, channels: int, many: int, zero_point: int) -> str:
    """Return a name that says all that the text depends on."""
    planes: Planes = tiles.planes
    axes = "_".join(
        f"{axis.input}k{axis.kernel}s{axis.stride}d{axis.dilation}p{axis.pad}o{axis.output}"
        for axis in (planes.across, planes.along)
    )
    order = "by_column" if planes.input_step > planes.input_line else "by_row"
    zero = f"zm{-zero_point}" if zero_point < 0 else f"z{zero_point}"
    clamp = "_clamped" if tiles.is_clamped else ""
    times = f"x{many}" if many > 1 else ""
    return (
        f"mcu_slm_dsp_depthwise_{axes}_c{channels}{times}_{order}_{zero}_"
        f"{tiles.form}_{tiles.shift}{clamp}"
    )
