"""The matrix kernels, made for a depth.

`gemm` does two output channels at four positions at a time, `gemv` eight channels for one row.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from mcu_slm.dsp.matrix import Matrix
from mcu_slm.dsp.tuning import SIZE, Tuning
from mcu_slm.ops.base import GeneratedKernel

PAIR_BYTES, ENTRY_BYTES, WRAPPER_BYTES = 44, 4, 460
"""Code of `dsp_gemm` for a pair of inputs, for entering the loop there, and around the loop."""

_WALK = (
    *("bias", "weights", "words", "scale", "step", "middle", "next_output", "quads"),
    *("whole_end", "whole_stride", "channels", "pairs", "rest", "chunks", "limits", "act_max"),
    "middle_b",
)
"""What `dsp_gemm` copies of mcu_slm_pairs_t, in its order."""

_BOOKKEEPING = ("kept", "first", "left", "fetched", "entry", "entry_single", "load")
"""Words of its frame."""

_MOST_PAIRS = 32
_MOST_STREAMED_PAIRS = 64
_RESIDENT_PAIRS = 24
"""Registers for weights; pairs of inputs that code goes on for; those whose weights stay."""

_LONGEST_STRIDE, _LONGEST_STRIDE_ASIDE = 4095 // 4, 128

CHANNELS: Final = 8
"""Channels that the kernels for one row do together."""

MANY_BLOCKS: Final = 3
_LEAST_CHUNK = 18
"""With fewer blocks to load inputs for, or fewer pairs of them to load, sums need not wait."""

_AT_SCALE = 48
_FEW_MACS = 8192
_CHUNKS_PER_MORE = 4


@dataclass(frozen=True)
class Rests:
    """Whether there are one or several positions beyond whole quads, and a lone channel."""

    single: bool = False
    several: bool = False
    channel: bool = False

    def __or__(self, other: Rests) -> Rests:
        """Return what either has."""
        return Rests(
            self.single or other.single,
            self.several or other.several,
            self.channel or other.channel,
        )

    @property
    def positions(self) -> bool:
        """Whether there are positions beyond whole quads."""
        return self.single or self.several

    @property
    def suffix(self) -> str:
        """What the name of a kernel says of it."""
        return "_one" * self.single + "_few" * self.several + "_lone" * self.channel


@dataclass(frozen=True)
class Sharing:
    """What layers that share a kernel need of it.

    Attributes:
        room: Pairs of inputs of the deepest layer, where others enter its loop; 0: all have one
            depth.
        rests: What they have beyond whole quads of positions and pairs of channels.
        stride: The channels of all layers, 0 where they differ.
    """

    room: int = 0
    rests: Rests = Rests()
    stride: int = 0


ALONE = Sharing()


@dataclass(frozen=True)
class Stream:
    """Weights that are fetched for each tile: the registers they fill, by range and by number."""

    bank: str
    registers: str


@dataclass(frozen=True)
class GemmText:
    """The holes of `kernels/dsp/dsp_gemm.[ch].j2`."""

    name: str
    guard: str
    indent: str
    inputs: str
    pairs: int
    chunks: int
    chunk_pairs: int
    rest_pairs: int
    chunk_list: str
    rest_list: str
    rest_bank: str
    bank: str
    shift: int
    form: str
    clamp: bool
    frame: dict[str, int]
    numbers: str
    enters: bool
    streams: tuple[Stream, ...]
    rests: Rests
    stride: int


@dataclass(frozen=True)
class GemvText:
    """The holes of `kernels/dsp/dsp_gemv.[ch].j2`."""

    name: str
    guard: str
    inputs: str
    pairs: int
    chunks: int
    chunk_pairs: int
    rest_pairs: int
    chunk_list: str
    rest_list: str
    rest_bank: str
    bank: str
    shift: int
    form: str
    clamp: bool
    uniform: bool
    scale_words: int


@dataclass(frozen=True)
class PanelsText:
    """The holes of `kernels/dsp/dsp_gemv_panels.[ch].j2`.

    `at_act`: where the bounds of the activation stand in the frame; `last_words`: the registers
    that its last words come through, but for the last one.
    """

    name: str
    guard: str
    inputs: str
    panel: int
    chunk_pairs: int
    rest_pairs: int
    chunk_list: str
    rest_list: str
    rest_bank: str
    bank: str
    shift: int
    form: str
    clamp: bool
    uniform: bool
    scale_words: int
    at_act: int
    frame_bytes: int
    last_words: str


def panel_chunk(depth: int, blocks: int, tuning: Tuning) -> int:
    """Return how many pairs of inputs a panel takes at a time, 0 where panels gain nothing."""
    bank = _fitting_bank(depth // 2, tuning.bank)
    chunks, _ = _chunks(depth // 2, bank)
    has_gain = chunks > 0 and bank >= _LEAST_CHUNK and blocks >= MANY_BLOCKS
    return bank if tuning.panel > 1 and has_gain else 0


def panels_kernel(matrix: Matrix, tuning: Tuning) -> GeneratedKernel:
    """Return the kernel that multiplies a matrix by one row, panel by panel."""
    pairs = matrix.depth // 2
    tuning = replace(tuning, bank=_fitting_bank(pairs, tuning.bank))
    chunks, rest = _chunks(pairs, tuning.bank)
    is_uniform, scale_words = matrix.rescaling.is_uniform, _scale_words(matrix)
    numbers = scale_words if is_uniform else 1
    last = numbers + 2 * matrix.is_clamped
    name = f"mcu_slm_dsp_gemv_panels_{_depths(matrix, chunks, rest, tuning)}_{_variant(matrix)}"
    text = PanelsText(
        name=name,
        guard=f"{name.upper()}_H",
        inputs=_inputs(matrix, chunks, rest, tuning),
        panel=tuning.panel,
        chunk_pairs=tuning.bank,
        rest_pairs=rest,
        chunk_list=_numbers(tuning.bank),
        rest_list=_numbers(rest),
        rest_bank=_bank(rest),
        bank=_registers(tuning.bank),
        shift=matrix.shift,
        form=matrix.form,
        clamp=matrix.is_clamped,
        uniform=is_uniform,
        scale_words=scale_words,
        at_act=_AT_SCALE + 4 * numbers,
        frame_bytes=-(-(_AT_SCALE + 4 * last) // 8) * 8,
        last_words=f"r1-r{1 + last}",
    )
    return GeneratedKernel(name, "dsp/dsp_gemv_panels", text)


def gemv_kernel(matrix: Matrix, tuning: Tuning) -> GeneratedKernel:
    """Return the kernel that multiplies a matrix by one row, block by block."""
    pairs, shift = matrix.depth // 2, matrix.shift
    tuning = replace(tuning, bank=_fitting_bank(pairs, tuning.bank))
    chunks, rest = _chunks(pairs, tuning.bank)
    name = f"mcu_slm_dsp_gemv_{_depths(matrix, chunks, rest, tuning)}_{_variant(matrix)}"
    text = GemvText(
        name=name,
        guard=f"{name.upper()}_H",
        inputs=_inputs(matrix, chunks, rest, tuning),
        pairs=pairs,
        chunks=chunks,
        chunk_pairs=tuning.bank,
        rest_pairs=rest,
        chunk_list=_numbers(tuning.bank),
        rest_list=_numbers(rest),
        rest_bank=_bank(rest),
        bank=_registers(tuning.bank if chunks else rest),
        shift=shift,
        form=matrix.form,
        clamp=matrix.is_clamped,
        uniform=matrix.rescaling.is_uniform,
        scale_words=_scale_words(matrix),
    )
    return GeneratedKernel(name, "dsp/dsp_gemv", text)


def gemm_kernel(
    matrix: Matrix, tuning: Tuning, sharing: Sharing = ALONE, *, streams: bool = False
) -> GeneratedKernel:
    """Return the kernel that multiplies by a matrix.

    Args:
        matrix: The weights.
        tuning: How far to unroll.
        sharing: What layers that share the kernel need of it.
        streams: Keep some weights in registers and fetch the others for each tile, in code for all
            of them, where by default a loop fetches all.
    """
    pairs, rests = sharing.room or matrix.depth // 2, sharing.rests
    kept = _RESIDENT_PAIRS if streams else pairs
    tuning = replace(tuning, bank=_fitting_bank(kept, tuning.bank))
    chunks, rest = _chunks(kept, tuning.bank)
    clamp = "_clamped" if matrix.is_clamped else ""
    by = f"_by{sharing.stride}" if sharing.stride else ""
    depths, inputs = _depths(matrix, chunks, rest, tuning), _inputs(matrix, chunks, rest, tuning)
    if sharing.room:
        depths, inputs = f"to{2 * pairs}", f"up to {2 * pairs}"
    depths += "_streamed" * streams
    name = f"mcu_slm_dsp_gemm_{depths}_{matrix.form}_{matrix.shift}{clamp}{rests.suffix}{by}"
    text = GemmText(
        name=name,
        guard=f"{name.upper()}_H",
        indent=" " * len(f"void {name}("),
        inputs=inputs,
        pairs=pairs,
        chunks=chunks,
        chunk_pairs=tuning.bank,
        rest_pairs=rest,
        chunk_list=_numbers(tuning.bank),
        rest_list=_numbers(rest) if chunks else _numbers(rest)[2:],  # the first stands apart
        rest_bank=_bank(rest),
        bank=_registers(_MOST_PAIRS if streams else tuning.bank if chunks else rest),
        shift=matrix.shift,
        form=matrix.form,
        clamp=matrix.is_clamped,
        frame=_frame(matrix, sharing, begins=8 if chunks else 2),  # one per sum, or per channel
        numbers="r6, r7, r9, r10" if _scale_words(matrix) == 2 else "r6-r11",
        enters=sharing.room > 0,
        streams=_streams(pairs) if streams else (),
        rests=rests,
        stride=sharing.stride,
    )
    return GeneratedKernel(name, "dsp/dsp_gemm", text)


def may_stream(pairs: int) -> bool:
    """Return whether a kernel can keep some of the weights of a depth and fetch the others."""
    return _MOST_PAIRS < pairs <= _MOST_STREAMED_PAIRS


def _streams(pairs: int) -> tuple[Stream, ...]:
    """Return what weights beyond those kept fill, one time after the other."""
    room = _MOST_PAIRS - _RESIDENT_PAIRS
    counts = [min(room, pairs - first) for first in range(_RESIDENT_PAIRS, pairs, room)]
    registers = [range(_RESIDENT_PAIRS, _RESIDENT_PAIRS + count) for count in counts]
    return tuple(Stream(_range(r), ",".join(map(str, r))) for r in registers)


def _frame(matrix: Matrix, sharing: Sharing, begins: int) -> dict[str, int]:
    """Return where `dsp_gemm` keeps what its loops need, in bytes above the end of the stack."""
    words = {"numbers": 2 * _scale_words(matrix), "output": 1, "stride": 1, "end": 1}
    words |= {"begin": begins} | dict.fromkeys(_BOOKKEEPING, 1)
    words |= {"streams": _MOST_STREAMED_PAIRS // (_MOST_PAIRS - _RESIDENT_PAIRS)}
    words |= {"walk": 0} | dict.fromkeys(_WALK, 1)
    apart = sharing.stride or 2  # the outputs of a quad that is made aside
    words |= {"aside": -(-(3 * apart + 2) // 4) if sharing.rests.several else 0}
    ends = itertools.accumulate(words.values(), initial=0)
    return {name: 4 * place for name, place in zip([*words, "bytes"], ends, strict=True)}


def quad_bytes(depth: int) -> int:
    """Return the bytes of the widened inputs of four positions."""
    return 8 * depth


def bank_for(macs: int, tuning: Tuning) -> Tuning:
    """Return the tuning for a layer: little work does not pay for long code."""
    return replace(tuning, bank=min(tuning.bank, SIZE.bank)) if macs < _FEW_MACS else tuning


def fixed_stride(channels: Iterable[int], rests: Rests) -> int:
    """Return what outputs of layers that share a kernel are apart if it can be made for that.

    A lone channel's outputs are made aside at other places, those of an unfinished quad on the
    stack, and offsets in instructions are limited.
    """
    strides = set(channels)
    most = _LONGEST_STRIDE_ASIDE if rests.several else _LONGEST_STRIDE
    is_fixed = len(strides) == 1 and not rests.channel and max(strides) <= most
    return strides.pop() if is_fixed else 0


def _fitting_bank(pairs: int, bank: int) -> int:
    """Return how many registers to fill at a time so that nothing is left, if nearly all do.

    What is left takes code of its own; a few more chunks take hardly longer.
    """
    least = -(-pairs // bank)
    counts = range(least, least + least // _CHUNKS_PER_MORE + 1)
    return next((pairs // count for count in counts if pairs % count == 0), bank)


def _chunks(pairs: int, bank: int) -> tuple[int, int]:
    """Return how often the registers are filled in a loop, and the pairs of inputs left."""
    return (0, pairs) if pairs <= bank else divmod(pairs, bank)


def _variant(matrix: Matrix) -> str:
    """Return how a kernel for one row makes its outputs, as its name says it."""
    one = "_uniform" if matrix.rescaling.is_uniform else ""
    clamp = "_clamped" if matrix.is_clamped else ""
    return f"{matrix.form}_{matrix.shift}{one}{clamp}"


def _depths(matrix: Matrix, chunks: int, rest: int, tuning: Tuning) -> str:
    """Return which depths a kernel is for, as its name says it."""
    if not chunks:
        return str(matrix.depth)
    return f"n{2 * tuning.bank}" + (f"p{2 * rest}" if rest else "")


def _inputs(matrix: Matrix, chunks: int, rest: int, tuning: Tuning) -> str:
    """Return which depths a kernel is for, as its comment says it."""
    if not chunks:
        return str(matrix.depth)
    return f"a multiple of {2 * tuning.bank}" + (f" and {2 * rest}" if rest else "")


def _registers(used: int) -> str:
    """Return the registers that a kernel fills, as the compiler is told."""
    return ", ".join(f'"s{register}"' for register in range(used))


def _bank(used: int) -> str:
    """Return the same registers as the assembler is told."""
    return _range(range(max(used, 1)))


def _range(registers: range) -> str:
    """Return some registers as the assembler is told."""
    first, last = f"s{registers[0]}", f"s{registers[-1]}"
    return first if first == last else f"{first}-{last}"


def _scale_words(matrix: Matrix) -> int:
    return 2 + (matrix.form in {"signed", "extra"})


def _numbers(count: int) -> str:
    return ",".join(map(str, range(count)))
