"""How sums of a recurrent layer's inputs and hidden states open its gates.

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

from mcu_slm.ir.recurrent import GATES
from mcu_slm.quant import Multiplier

_SCALE_BITS = 8
_LONGEST_SHIFT = 15
_MOST_RAISED = 7
"""Inputs from 0 to 255, raised, fit 16 bits with a sign."""


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
