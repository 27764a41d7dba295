"""The numbers of a recurrent layer's cells: of their three products, their limits and their tanh.

Cell scales are powers of two, so two of the products are shifted only. A product p of Q0.15 values
that is shifted by e is rounded twice by the judge; together that is, exactly,

    (p + 2^(e-1) + 1 - (p < 0 ? 2 : 0)) >> e
"""

from __future__ import annotations

from dataclasses import dataclass

from mcu_slm.dsp.lstm_curves import TANH_OFFSET
from mcu_slm.ops.unidirectional_sequence_lstm import Lstm
from mcu_slm.quant import INT32_MAX

_HALF = 1 << 30
"""The mantissa of a power of two, and more than a product of Q0.15 values reaches."""

_KEPT_SHIFT = 15


@dataclass(frozen=True)
class CellsText:
    """What `kernels/dsp/dsp_lstm_steps.c.j2` says of cells.

    `numbers`: the halves of what is added and of what is kept, the output's offset, its multiplier
    or 0, and the tanh's offset.
    """

    label: str
    numbers: tuple[int, ...]
    added_shift: int
    clip: int
    tanh_bits: int
    tanh_factor: int
    tanh_pieces: int
    tanh_rounding: int
    tanh_shift: int
    output_multiplier: int
    output_shift: int
    hidden_zero_point: int


def cells_of(layer: Lstm) -> CellsText | None:
    """Return the numbers of a layer's cells, None where its sums would not fit 32 bits."""
    powers = (layer.forget_cell, layer.input_cell)
    if any(m.multiplier != _HALF or m.shift > -1 for m in powers):
        return None
    output = layer.output_hidden
    is_power = output.multiplier == _HALF
    shift = 1 - output.shift if is_power else -output.shift
    if shift < 1 or layer.tanh_multiplier << _KEPT_SHIFT > INT32_MAX:
        return None
    offset = (layer.hidden_zero_point << shift) + (1 << (shift - 1)) + int(is_power)
    kept, added = (1 - m.shift for m in powers)
    if abs(offset) + _HALF > INT32_MAX or kept != _KEPT_SHIFT or added < _KEPT_SHIFT:
        return None
    return _text(layer, 0 if is_power else output.multiplier, offset, shift, added)


def _text(layer: Lstm, scale: int, offset: int, shift: int, added: int) -> CellsText:
    """Return the numbers; `scale` is 0 where the output's is a power of two."""
    halves = [(1 << (bits - 1)) + 1 for bits in (added, _KEPT_SHIFT)]
    factor = layer.tanh_multiplier // 3
    parts = (added, layer.cell_clip, layer.tanh_multiplier, layer.tanh_shift, shift)
    return CellsText(
        label=f"{'_'.join(map(str, parts))}_{scale:x}_{layer.hidden_zero_point & 0xFF}",
        numbers=(*halves, offset, scale, TANH_OFFSET),
        added_shift=added,
        clip=layer.cell_clip,
        tanh_bits=factor.bit_length() - 1,
        tanh_factor=factor,
        tanh_pieces=768 * factor,
        tanh_rounding=1 << max(layer.tanh_shift - 1, 0),
        tanh_shift=layer.tanh_shift,
        output_multiplier=scale,
        output_shift=shift,
        hidden_zero_point=layer.hidden_zero_point,
    )
