"""The kernel of a recurrent layer's cells, and the numbers of its three products.

Cell scales are powers of two, so two of the products are shifted only. A product p of Q0.15 values
that is shifted by e is rounded twice by the judge; together that is, exactly,

    (p + 2^(e-1) + 1 - (p < 0 ? 2 : 0)) >> e
"""

from __future__ import annotations

from dataclasses import dataclass

from mcu_slm.dsp.lstm_curves import HALF
from mcu_slm.ops.base import GeneratedKernel
from mcu_slm.ops.unidirectional_sequence_lstm import Lstm
from mcu_slm.quant import INT32_MAX

_HALF = 1 << 30
"""The mantissa of a power of two, and more than a product of Q0.15 values reaches."""


@dataclass(frozen=True)
class NumberText:
    """A number and its halves, as MOVW and MOVT want them."""

    value: int

    @property
    def low(self) -> int:
        """The lower 16 bits."""
        return self.value & 0xFFFF

    @property
    def high(self) -> int:
        """The upper 16 bits."""
        return self.value >> 16 & 0xFFFF


@dataclass(frozen=True)
class CellsText:
    """The holes of `kernels/dsp/dsp_lstm_cells.[ch].j2`."""

    name: str
    guard: str
    indent: str
    sigmoid: NumberText
    numbers: tuple[NumberText, ...]
    half_of_kept: int
    kept_shift: int
    half_of_added: int
    added_shift: int
    clip: int
    gate_rise: str
    tanh_bits: int
    tanh_factor: int
    tanh_pieces: int
    pieces_bits: int
    tanh_rounding: int
    tanh_shift: int
    output_multiplier: int
    output_offset: int
    output_shift: int
    hidden_zero_point: int


def cells_kernel(layer: Lstm) -> GeneratedKernel | None:
    """Return the kernel of the cells, None where its sums would not fit 32 bits."""
    powers = (layer.forget_cell, layer.input_cell)
    if any(m.multiplier != _HALF or m.shift > -1 for m in powers):
        return None
    output = layer.output_hidden
    is_power = output.multiplier == _HALF
    shift = 1 - output.shift if is_power else -output.shift
    if shift < 1 or layer.tanh_multiplier << 15 > INT32_MAX:
        return None
    offset = (layer.hidden_zero_point << shift) + (1 << (shift - 1)) + int(is_power)
    if abs(offset) + _HALF > INT32_MAX:
        return None
    scale = 0 if is_power else output.multiplier
    text = _text(layer, scale, offset, shift)
    return GeneratedKernel(text.name, "dsp/dsp_lstm_cells", text)


def _text(layer: Lstm, scale: int, offset: int, shift: int) -> CellsText:
    """Fill the template; `scale` is 0 where the output's is a power of two."""
    kept, added = (1 - m.shift for m in (layer.forget_cell, layer.input_cell))
    halves = [(1 << (bits - 1)) + 1 for bits in (kept, added)]
    numbers = [*halves, offset, scale] if scale else [*halves, offset]
    factor = layer.tanh_multiplier // 3
    parts = (kept, added, layer.cell_clip, layer.tanh_multiplier, layer.tanh_shift, shift)
    last = f"{scale:x}_{layer.hidden_zero_point & 0xFF}"
    name = f"mcu_slm_dsp_lstm_cells_{'_'.join(map(str, parts))}_{last}"
    return CellsText(
        name=name,
        guard=f"{name.upper()}_H",
        indent=" " * len(f"void {name}("),
        sigmoid=NumberText(HALF + (2 << 29)),
        numbers=tuple(map(NumberText, numbers)),
        half_of_kept=halves[0],
        kept_shift=kept,
        half_of_added=halves[1],
        added_shift=added,
        clip=layer.cell_clip,
        gate_rise=" * 3" if layer.tanh_shift else "",
        tanh_bits=factor.bit_length() - 1,
        tanh_factor=factor,
        tanh_pieces=768 * factor,
        pieces_bits=factor.bit_length(),
        tanh_rounding=1 << max(layer.tanh_shift - 1, 0),
        tanh_shift=layer.tanh_shift,
        output_multiplier=scale,
        output_offset=offset,
        output_shift=shift,
        hidden_zero_point=layer.hidden_zero_point,
    )
