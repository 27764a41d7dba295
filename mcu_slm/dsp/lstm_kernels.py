"""The kernels of a recurrent layer that multiply inputs and hidden states.

Sums become Q3.12 by three instructions or two, exactly, whatever the sum:

    shift 0 or more   saturate_s16((2^(e-1) + (x * m >> 32)) >> e)               SMMLA, SSAT
    shift -e          saturate_s16((2^(e-1) + (x >> 31) + round(x * m / 2^32)) >> e)
                                                                          ADD, SMMLAR, SSAT

The first rounds once, as the judge does there: x is the sum times 2^k, e = k - 1 - shift. In the
second x is twice the sum; where the multiplier ends in zeros, they are taken from there instead.
"""

from __future__ import annotations

from dataclasses import dataclass

from mcu_slm.ir.recurrent import GATES
from mcu_slm.ops.base import GeneratedKernel
from mcu_slm.quant import Multiplier

_BANK = 30
"""Single-precision registers that hold weights or states; one chunk of them at a time."""

_AT_MULTIPLIERS = 16
_SCALE_BITS = 8
_LONGEST_SHIFT = 15


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

    def length(self, sums: int) -> int:
        """Return how many instructions rescale some sums, the loading of numbers left out."""
        return sums * (2 + (self.lift > 0 or self.lower > 0) + self.rounds_twice)


@dataclass(frozen=True)
class ChunkText:
    """The s registers that are loaded: how many, as a range and one by one."""

    words: int
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
    first_words: int
    first_range: str
    first_list: str
    chunks: tuple[ChunkText, ...]
    bank: str


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
        first_words=first,
        first_range=_range(first),
        first_list=_numbers(biases + 1, first),
        chunks=tuple(ChunkText(words, _range(words), _numbers(0, words)) for words in rest),
        bank=", ".join(f'"s{register}"' for register in range(first)),
    )
    return GeneratedKernel(name, f"dsp/dsp_lstm_{kind}", text)


def _chunks(words: int) -> list[int]:
    """Return the sizes of about equal parts that fit the registers, the largest first."""
    parts = -(-words // _BANK)
    return [(words + parts - 1 - part) // parts for part in range(parts)]


def _range(words: int) -> str:
    return "s0" if words == 1 else f"s0-s{words - 1}"


def _numbers(first: int, end: int) -> str:
    return ",".join(map(str, range(first, end)))
