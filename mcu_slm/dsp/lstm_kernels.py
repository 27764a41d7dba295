"""The kernels of a recurrent layer that multiply inputs and hidden states.

Sums become Q3.12 by three instructions or two, exactly, whatever the sum:

    shift 0 or more   saturate_s16((2^(e-1) + (x * m >> 32)) >> e)               SMMLA, SSAT
    shift -e          saturate_s16((2^(e-1) + (x >> 31) + round(x * m / 2^32)) >> e)
                                                                          ADD, SMMLAR, SSAT

The first rounds once, as the judge does there: x is the sum times 2^k, e = k - 1 - shift. In the
second x is twice the sum; where the multiplier ends in zeros, they are taken from there instead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

from mcu_slm.dsp.lstm_cells import CellsText
from mcu_slm.dsp.matrix import input_order
from mcu_slm.ir.recurrent import GATES
from mcu_slm.ops.base import GeneratedKernel
from mcu_slm.quant import Multiplier

_BANK = 16
"""Single-precision registers that hold hidden states; one chunk of them at a time."""

_MOST_PAIRS = 14
"""Pairs of inputs whose values at two steps fit the registers beside four multipliers."""

_MOST_PAIRS_OF_FOUR = 8
"""Pairs of inputs whose values at four steps fit the registers."""

_SCALE_BITS = 8
_LONGEST_SHIFT = 15
_MOST_RAISED = 7
"""Inputs from 0 to 255, raised, fit 16 bits with a sign."""

_ORDERS = ((0, 1, 2, 3), (0, 1, 3, 2), (1, 0, 2, 3), (1, 0, 3, 2))
"""In which gates may be rescaled: pair by pair."""

_RESTS: tuple[tuple[tuple[int, int | None], ...], ...] = (
    (),
    ((0, None),),
    ((0, 1),),
    ((0, 2), (1, None)),
)
"""Bytes of one to three inputs that make words."""


@dataclass(frozen=True)
class GateText:
    """How sums of one gate become Q3.12.

    `lift` or `lower` are the bits by which the sums are shifted before; `factor` is what the sum is
    then multiplied by, for plain C; `multiplier` is the number of the layer.
    """

    name: str
    multiplier: int
    rounds_twice: bool
    rounding: int
    shift: int
    lift: int
    lower: int
    factor: int

    @property
    def form(self) -> str:
        """What the kernel's name says of it."""
        kind = "rs"[self.lower == 0] if self.rounds_twice else "f"
        return f"{kind}{self.shift}{'l' if self.lift else ''}"

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
class BankText:
    """Registers that hold the four multipliers as two d, and a list of all that are used."""

    multipliers: tuple[str, str]
    used: str


@dataclass(frozen=True)
class InputText:
    """The holes of `kernels/dsp/dsp_lstm_input.[ch].j2`.

    `rest`: the bytes that make words behind whole ones, by twos; None where nothing is left.
    """

    name: str
    guard: str
    indent: str
    depth: int
    pairs: int
    rest: tuple[tuple[int, int | None], ...]
    raised: int
    mask: NumberText
    units: int
    step_bytes: int
    gates: tuple[GateText, ...]
    order: tuple[int, ...]
    fits_registers: bool
    bank: BankText


@dataclass(frozen=True)
class StepsText:
    """The holes of `kernels/dsp/dsp_lstm_steps.[ch].j2`."""

    name: str
    guard: str
    pairs: int
    units: int
    odd_units: int
    gates: tuple[GateText, ...]
    order: tuple[int, ...]
    cells: CellsText
    first_words: int
    first_range: str
    first_list: str
    chunks: tuple[ChunkText, ...]
    bank: tuple[str, ...]


def gate_texts(multipliers: list[Multiplier], raised: int) -> tuple[GateText, ...] | None:
    """Return how the sums of the four gates are rescaled, None where a scale is out of reach.

    Args:
        multipliers: The gates'.
        raised: The power of two by which the kernel's sums are larger than the layer's.
    """
    found = [_gate(number, multiplier, raised) for number, multiplier in enumerate(multipliers)]
    known = [gate for gate in found if gate is not None]
    if len(known) != len(found):
        return None
    return tuple(_alike(gate, known[(number + 2) % 4]) for number, gate in enumerate(known))


def _alike(gate: GateText, other: GateText) -> GateText:
    """Return a gate with the shift of the other if that is smaller and costs no bit."""
    spare = gate.shift - other.shift
    if gate.rounds_twice or other.rounds_twice or spare <= 0 or gate.multiplier % (1 << spare):
        return gate
    return replace(
        gate,
        multiplier=gate.multiplier >> spare,
        rounding=other.rounding,
        shift=other.shift,
    )


def raised_gates(
    multipliers: list[Multiplier], fits: Callable[[tuple[GateText, ...]], bool]
) -> tuple[int, tuple[GateText, ...]] | None:
    """Return by how many bits inputs are raised with least work, and how sums are rescaled then.

    Args:
        multipliers: The gates'.
        fits: Whether all sums fit 32 bits.
    """
    ways = ((raised, gate_texts(multipliers, raised)) for raised in range(_MOST_RAISED + 1))
    found = [(raised, gates) for raised, gates in ways if gates is not None and fits(gates)]
    return min(found, key=lambda way: sum(gate.length(1) for gate in way[1]), default=None)


def _gate(number: int, multiplier: Multiplier, raised: int) -> GateText | None:
    """Return how the sums of a gate are rescaled; the first of a pair comes 256 times as large."""
    is_first = number % 2 == 0
    bits = raised + (_SCALE_BITS if is_first else 0)
    name = GATES[number]
    if multiplier.shift >= 0:
        lift = 0 if bits - 1 - multiplier.shift >= 1 else _SCALE_BITS
        shift = bits + lift - 1 - multiplier.shift
        if shift < 1:
            return None
        mantissa = multiplier.multiplier
        return GateText(name, mantissa, False, 1 << (shift - 1), shift, lift, 0, 1 << (bits + lift))
    shift, excess = -multiplier.shift, bits - 1
    if shift > _LONGEST_SHIFT:
        return None
    rounding = 1 << (shift - 1)
    if excess > 0 and multiplier.multiplier % (1 << excess) == 0:
        mantissa = multiplier.multiplier >> excess
        return GateText(name, mantissa, True, rounding, shift, 0, 0, 1 << bits)
    return GateText(
        name,
        multiplier.multiplier,
        True,
        rounding,
        shift,
        max(-excess, 0),
        max(excess, 0),
        2,
    )


def steps_at_once(gates: tuple[GateText, ...], inputs: int) -> int:
    """Return of how many steps a kernel multiplies the inputs: four where they fit registers.

    Both pairs of gates must be rescaled alike then.
    """
    forms = [gate.form for gate in gates]
    fits = len(input_order(inputs)) // 2 <= _MOST_PAIRS_OF_FOUR
    return 4 if fits and forms[:2] == forms[2:] else 2


def input_kernel(
    gates: tuple[GateText, ...], inputs: int, units: int, raised: int
) -> GeneratedKernel:
    """Return the kernel that multiplies the inputs of some steps. `units` is even."""
    at_once = steps_at_once(gates, inputs)
    kind = {2: "input", 4: "four"}[at_once]
    name = f"mcu_slm_dsp_lstm_{kind}_{inputs}x{units}_{_forms(gates)}"
    name += f"_raised_{raised}" if raised else ""
    pairs = len(input_order(inputs)) // 2
    words = at_once * pairs + (4 if at_once == 2 else 0)
    text = InputText(
        name=name,
        guard=f"{name.upper()}_H",
        indent=" " * len(f"void {name}("),
        depth=inputs,
        pairs=pairs,
        rest=_RESTS[inputs % 4],
        raised=raised,
        mask=NumberText(0x00FF00FF << raised),
        units=units,
        step_bytes=8 * units,
        gates=gates,
        order=_order(gates),
        fits_registers=pairs <= _MOST_PAIRS,
        bank=BankText((f"d{pairs}", f"d{pairs + 1}"), ", ".join(_listed(0, words))),
    )
    return GeneratedKernel(name, f"dsp/dsp_lstm_{kind}", text)


def steps_kernel(gates: tuple[GateText, ...], units: int, cells: CellsText) -> GeneratedKernel:
    """Return the kernel of hidden states and cells."""
    pairs = -(-units // 2)
    name = f"mcu_slm_dsp_lstm_steps_{units}_{_forms(gates)}_{cells.label}"
    first, *rest = _chunks(pairs)
    text = StepsText(
        name=name,
        guard=f"{name.upper()}_H",
        pairs=pairs,
        units=2 * pairs,
        odd_units=units % 2,
        gates=gates,
        order=_order(gates),
        cells=cells,
        first_words=first,
        first_range=_range(first),
        first_list=_numbers(1, first),
        chunks=tuple(ChunkText(words, _range(words), _numbers(0, words)) for words in rest),
        bank=(*_listed(0, first), *_listed(_BANK, 2 * _BANK)),
    )
    return GeneratedKernel(name, "dsp/dsp_lstm_steps", text)


def _order(gates: tuple[GateText, ...]) -> tuple[int, ...]:
    """Return the order of gates in which what they are rounded by changes least often."""

    def changes(order: tuple[int, ...]) -> int:
        return sum(gates[a].rounding != gates[b].rounding for a, b in pairwise(order))

    return min(_ORDERS, key=changes)


def _forms(gates: tuple[GateText, ...]) -> str:
    return "_".join(gate.form for gate in gates)


def _chunks(words: int) -> list[int]:
    """Return the sizes of about equal parts that fit the registers, the largest first."""
    parts = -(-words // _BANK)
    return [(words + parts - 1 - part) // parts for part in range(parts)]


def _range(words: int) -> str:
    return "s0" if words == 1 else f"s0-s{words - 1}"


def _numbers(first: int, end: int) -> str:
    return ",".join(map(str, range(first, end)))


def _listed(first: int, end: int) -> list[str]:
    return [f'"s{register}"' for register in range(first, end)]
