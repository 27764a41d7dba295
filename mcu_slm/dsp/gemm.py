"""The matrix kernel, made for a depth: two output channels at four positions at a time."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, replace

from mcu_slm.dsp.banks import (
    bank_of,
    chunks_of,
    depths_of,
    fitting_bank,
    inputs_of,
    numbered,
    range_of,
    registers_of,
    scale_words_of,
)
from mcu_slm.dsp.matrix import Matrix
from mcu_slm.dsp.tuning import Tuning
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
    tuning = replace(tuning, bank=fitting_bank(kept, tuning.bank))
    chunks, rest = chunks_of(kept, tuning.bank)
    clamp = "_clamped" if matrix.is_clamped else ""
    by = f"_by{sharing.stride}" if sharing.stride else ""
    depths, inputs = (
        depths_of(matrix, chunks, rest, tuning),
        inputs_of(matrix, chunks, rest, tuning),
    )
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
        chunk_list=numbered(tuning.bank),
        rest_list=numbered(rest) if chunks else numbered(rest)[2:],  # the first stands apart
        rest_bank=bank_of(rest),
        bank=registers_of(_MOST_PAIRS if streams else tuning.bank if chunks else rest),
        shift=matrix.shift,
        form=matrix.form,
        clamp=matrix.is_clamped,
        frame=_frame(matrix, sharing, begins=8 if chunks else 2),  # one per sum, or per channel
        numbers="r6, r7, r9, r10" if scale_words_of(matrix) == 2 else "r6-r11",
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
    return tuple(Stream(range_of(r), ",".join(map(str, r))) for r in registers)


def _frame(matrix: Matrix, sharing: Sharing, begins: int) -> dict[str, int]:
    """Return where `dsp_gemm` keeps what its loops need, in bytes above the end of the stack."""
    words = {"numbers": 2 * scale_words_of(matrix), "output": 1, "stride": 1, "end": 1}
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


def fixed_stride(channels: Iterable[int], rests: Rests) -> int:
    """Return what outputs of layers that share a kernel are apart if it can be made for that.

    A lone channel's outputs are made aside at other places, those of an unfinished quad on the
    stack, and offsets in instructions are limited.
    """
    strides = set(channels)
    most = _LONGEST_STRIDE_ASIDE if rests.several else _LONGEST_STRIDE
    is_fixed = len(strides) == 1 and not rests.channel and max(strides) <= most
    return strides.pop() if is_fixed else 0
