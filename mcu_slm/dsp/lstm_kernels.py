"""The kernels of a recurrent layer: products of inputs and of hidden states, and the cells.

Sums become Q3.12 by three instructions or two, exactly, whatever the sum:

    shift 0 or more   saturate_s16((2^(e-1) + (x * m >> 32)) >> e)               SMMLA, SSAT
    shift -e          saturate_s16((2^(e-1) + (x >> 31) + round(x * m / 2^32)) >> e)
                                                                          ADD, SMMLAR, SSAT

The first rounds once, as the judge does there: x is the sum times 2^k, e = k - 1 - shift. In the
second x is twice the sum; where the multiplier ends in zeros, they are taken from there instead.
"""

from __future__ import annotations

from dataclasses import dataclass

from mcu_slm.ops.base import GeneratedKernel
from mcu_slm.ops.unidirectional_sequence_lstm import GATES, Lstm
from mcu_slm.quant import Multiplier

_BANK = 30
"""Single-precision registers that hold weights or states; one chunk of them at a time."""

_AT_MULTIPLIERS = 16
_SCALE_BITS = 8
_LONGEST_SHIFT = 15
_HALF = 1 << 30


@dataclass(frozen=True)
class GateText:
    """How sums of one gate become Q3.12.

    `lift` or `lower` are the bits by which the sums are shifted before; `factor` is what the sum is
    then multiplied by, for plain C; `multiplier` is the number of the layer.
    """

    name: str
    multiplier: int
    at_multiplier: int
    rounds_twice: bool
    rounding: int
    shift: int
    lift: int
    lower: int
    factor: int

    @property
    def form(self) -> str:
        """What the kernel's name says of it."""
        return f"{'rs'[self.lower == 0] if self.rounds_twice else 'f'}{self.shift}"


@dataclass(frozen=True)
class ChunkText:
    """The s registers that are loaded, as a range and one by one."""

    range: str
    registers: str


@dataclass(frozen=True)
class RowsText:
    """The holes of `kernels/dsp/dsp_lstm_input.[ch].j2` and `dsp_lstm_hidden.[ch].j2`."""

    name: str
    guard: str
    indent: str
    depth: int
    pairs: int
    units: int
    step_bytes: int
    gates: tuple[GateText, ...]
    first_range: str
    first_list: str
    chunks: tuple[ChunkText, ...]
    bank: str


@dataclass(frozen=True)
class CellsText:
    """The holes of `kernels/dsp/dsp_lstm_cells.[ch].j2`."""

    name: str
    guard: str
    indent: str
    half_of_kept: int
    kept_shift: int
    half_of_added: int
    added_shift: int
    clip: int
    tanh_bits: int
    tanh_rounding: int
    tanh_shift: int
    output_multiplier: int
    output_offset: int
    output_shift: int
    hidden_zero_point: int


def gate_texts(multipliers: list[Multiplier], doubled: int) -> tuple[GateText, ...] | None:
    """Return how the sums of the four gates are rescaled, None where a scale is out of reach.

    Args:
        multipliers: The gates'.
        doubled: 1 where the kernel's sums are twice the layer's, 0 otherwise.
    """
    found = [_gate(number, multiplier, doubled) for number, multiplier in enumerate(multipliers)]
    known = tuple(gate for gate in found if gate is not None)
    return known if len(known) == len(found) else None


def _gate(number: int, multiplier: Multiplier, doubled: int) -> GateText | None:
    """Return how the sums of a gate are rescaled; the first of a pair comes 256 times as large."""
    is_first = number % 2 == 0
    bits = doubled + (_SCALE_BITS if is_first else 0)
    name, place = GATES[number], _AT_MULTIPLIERS + 4 * number
    if multiplier.shift >= 0:
        lift = 0 if is_first else _SCALE_BITS
        shift = bits + lift - 1 - multiplier.shift
        if shift < 1:
            return None
        mantissa = multiplier.multiplier
        return GateText(
            name, mantissa, place, False, 1 << (shift - 1), shift, lift, 0, 1 << (bits + lift)
        )
    shift, excess = -multiplier.shift, bits - 1
    if shift > _LONGEST_SHIFT:
        return None
    rounding = 1 << (shift - 1)
    if excess > 0 and multiplier.multiplier % (1 << excess) == 0:
        mantissa = multiplier.multiplier >> excess
        return GateText(name, mantissa, place, True, rounding, shift, 0, 0, 1 << bits)
    return GateText(
        name,
        multiplier.multiplier,
        place,
        True,
        rounding,
        shift,
        max(-excess, 0),
        max(excess, 0),
        2,
    )


def input_kernel(gates: tuple[GateText, ...], depth: int, units: int) -> GeneratedKernel:
    """Return the kernel that multiplies the inputs of four steps. `depth` is even."""
    return _rows_kernel("input", gates, depth, units, 2)


def hidden_kernel(gates: tuple[GateText, ...], units: int) -> GeneratedKernel:
    """Return the kernel that multiplies the hidden states. `units` is even."""
    return _rows_kernel("hidden", gates, units, units, 0)


def _rows_kernel(
    kind: str, gates: tuple[GateText, ...], depth: int, units: int, biases: int
) -> GeneratedKernel:
    """Return a kernel over pairs of rows, each of which begins with some words of biases."""
    forms = "_".join(gate.form for gate in gates)
    name = f"mcu_slm_dsp_lstm_{kind}_{depth}x{units}_{forms}"
    pairs = depth // 2
    first, *rest = _chunks(pairs + biases)
    text = RowsText(
        name=name,
        guard=f"{name.upper()}_H",
        indent=" " * len(f"void {name}("),
        depth=depth,
        pairs=pairs,
        units=units,
        step_bytes=8 * units,
        gates=gates,
        first_range=_range(first),
        first_list=_numbers(biases + 1, first),
        chunks=tuple(ChunkText(_range(words), _numbers(0, words)) for words in rest),
        bank=", ".join(f'"s{register}"' for register in range(first)),
    )
    return GeneratedKernel(name, f"dsp/dsp_lstm_{kind}", text)


def _chunks(words: int) -> list[int]:
    """Return the sizes of about equal parts that fit the registers, the largest first."""
    parts = -(-words // _BANK)
    return [(words + parts - 1 - part) // parts for part in range(parts)]


def cells_kernel(layer: Lstm) -> GeneratedKernel | None:
    """Return the kernel of the cells, None where its sums would not fit 32 bits."""
    output, zero_point = layer.output_hidden, layer.hidden_zero_point
    powers = (layer.forget_cell, layer.input_cell)
    if any(m.multiplier != _HALF or m.shift > -1 for m in powers):
        return None
    kept, added = (1 - m.shift for m in powers)
    is_power = output.multiplier == _HALF
    shift = 1 - output.shift if is_power else -output.shift
    one = 1 if is_power else 0
    offset = (zero_point << shift) + (1 << max(shift - 1, 0)) + one
    fits = shift >= 1 and abs(offset) + _HALF < 1 << 31
    if not fits or layer.tanh_multiplier << 15 >= 1 << 31:
        return None
    clip = layer.cell_clip
    numbers = (kept, added, clip, layer.tanh_multiplier, layer.tanh_shift, shift)
    scale = 0 if is_power else output.multiplier
    last = f"{scale:x}_{zero_point & 0xFF}"
    name = f"mcu_slm_dsp_lstm_cells_{'_'.join(map(str, numbers))}_{last}"
    text = CellsText(
        name=name,
        guard=f"{name.upper()}_H",
        indent=" " * len(f"void {name}("),
        half_of_kept=(1 << (kept - 1)) + 1,
        kept_shift=kept,
        half_of_added=(1 << (added - 1)) + 1,
        added_shift=added,
        clip=clip,
        tanh_bits=(layer.tanh_multiplier // 3).bit_length() - 1,
        tanh_rounding=1 << max(layer.tanh_shift - 1, 0),
        tanh_shift=layer.tanh_shift,
        output_multiplier=scale,
        output_offset=offset,
        output_shift=shift,
        hidden_zero_point=zero_point,
    )
    return GeneratedKernel(name, "dsp/dsp_lstm_cells", text)


def _range(words: int) -> str:
    return "s0" if words == 1 else f"s0-s{words - 1}"


def _numbers(first: int, end: int) -> str:
    return ",".join(map(str, range(first, end)))
