"""The kernels of a recurrent layer: of its inputs, and of its hidden states and cells."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from mcu_slm.dsp.lstm_cells import CellsText
from mcu_slm.dsp.lstm_gates import GateText
from mcu_slm.dsp.matrix import input_order
from mcu_slm.ops.base import GeneratedKernel

_BANK = 16
"""Single-precision registers that hold hidden states; one chunk of them at a time."""

_MOST_PAIRS = 14
"""Pairs of inputs whose values at two steps fit the registers beside four multipliers."""

_MOST_PAIRS_OF_FOUR = 8
"""Pairs of inputs whose values at four steps fit the registers."""

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
