"""The kernels for one row of inputs: eight channels at a time, block by block or panel by panel."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Final

from mcu_slm.dsp.banks import (
    bank_of,
    chunks_of,
    depths_of,
    fitting_bank,
    inputs_of,
    numbered,
    registers_of,
    scale_words_of,
)
from mcu_slm.dsp.matrix import Matrix
from mcu_slm.dsp.tuning import SIZE, Tuning
from mcu_slm.ops.base import GeneratedKernel

CHANNELS: Final = 8
"""Channels that the kernels for one row do together."""

MANY_BLOCKS: Final = 3
_LEAST_CHUNK = 18
"""With fewer blocks to load inputs for, or fewer pairs of them to load, sums need not wait."""

_AT_SCALE = 48
_FEW_MACS = 8192


@dataclass(frozen=True)
class GemvText:
    """The holes of `kernels/dsp/dsp_gemv.[ch].j2`, and of its panels."""

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
class PanelsText(GemvText):
    """The holes of `kernels/dsp/dsp_gemv_panels.[ch].j2`.

    `at_act`: where the bounds of the activation stand in the frame; `last_words`: the registers
    that its last words come through, but for the last one.
    """

    panel: int
    at_act: int
    frame_bytes: int
    last_words: str


def panel_chunk(depth: int, blocks: int, tuning: Tuning) -> int:
    """Return how many pairs of inputs a panel takes at a time, 0 where panels gain nothing."""
    bank = fitting_bank(depth // 2, tuning.bank)
    chunks, _ = chunks_of(depth // 2, bank)
    has_gain = chunks > 0 and bank >= _LEAST_CHUNK and blocks >= MANY_BLOCKS
    return bank if tuning.panel > 1 and has_gain else 0


def panels_kernel(matrix: Matrix, tuning: Tuning) -> GeneratedKernel:
    """Return the kernel that multiplies a matrix by one row, panel by panel."""
    common = _text("mcu_slm_dsp_gemv_panels", matrix, tuning)
    numbers = common.scale_words if common.uniform else 1
    last = numbers + 2 * common.clamp
    text = PanelsText(
        **{part.name: getattr(common, part.name) for part in fields(common)},
        panel=tuning.panel,
        at_act=_AT_SCALE + 4 * numbers,
        frame_bytes=-(-(_AT_SCALE + 4 * last) // 8) * 8,
        last_words=f"r1-r{1 + last}",
    )
    return GeneratedKernel(text.name, "dsp/dsp_gemv_panels", text)


def gemv_kernel(matrix: Matrix, tuning: Tuning) -> GeneratedKernel:
    """Return the kernel that multiplies a matrix by one row, block by block."""
    text = _text("mcu_slm_dsp_gemv", matrix, tuning)
    return GeneratedKernel(text.name, "dsp/dsp_gemv", text)


def _text(family: str, matrix: Matrix, tuning: Tuning) -> GemvText:
    """Return what both ways have in common; `family` begins the name."""
    pairs = matrix.depth // 2
    tuning = replace(tuning, bank=fitting_bank(pairs, tuning.bank))
    chunks, rest = chunks_of(pairs, tuning.bank)
    name = f"{family}_{depths_of(matrix, chunks, rest, tuning)}_{_variant(matrix)}"
    return GemvText(
        name=name,
        guard=f"{name.upper()}_H",
        inputs=inputs_of(matrix, chunks, rest, tuning),
        pairs=pairs,
        chunks=chunks,
        chunk_pairs=tuning.bank,
        rest_pairs=rest,
        chunk_list=numbered(tuning.bank),
        rest_list=numbered(rest),
        rest_bank=bank_of(rest),
        bank=registers_of(tuning.bank if chunks else rest),
        shift=matrix.shift,
        form=matrix.form,
        clamp=matrix.is_clamped,
        uniform=matrix.rescaling.is_uniform,
        scale_words=scale_words_of(matrix),
    )


def bank_for(macs: int, tuning: Tuning) -> Tuning:
    """Return the tuning for a layer: little work does not pay for long code."""
    return replace(tuning, bank=min(tuning.bank, SIZE.bank)) if macs < _FEW_MACS else tuning


def _variant(matrix: Matrix) -> str:
    """Return how a kernel for one row makes its outputs, as its name says it."""
    one = "_uniform" if matrix.rescaling.is_uniform else ""
    clamp = "_clamped" if matrix.is_clamped else ""
    return f"{matrix.form}_{matrix.shift}{one}{clamp}"
