"""What a board has for a model's constants and its memory, and how flash that is left is spent.

Without a board nothing is spent: weights take the bytes that they take in the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mcu_slm.costs import predict
from mcu_slm.dsp import winograd, winograd4
from mcu_slm.dsp.specialized import Specialized
from mcu_slm.ops.base import Operator
from mcu_slm.ops.conv_2d import Conv2D


@dataclass(frozen=True)
class Budget:
    """Bytes of flash for weights and tables, and of RAM for arena and state; None: no limit known.

    Flash that is not known is not spent.
    """

    flash_bytes: int | None = None
    ram_bytes: int | None = None


NO_LIMIT = Budget()


@dataclass(frozen=True, eq=False)
class _Offer:
    """Another way for layer `number`: what it saves, and what flash it takes beyond today's."""

    number: int
    way: Operator
    cycles: float
    flash_bytes: int

    @property
    def worth(self) -> float:
        """Cycles saved per byte."""
        return self.cycles / max(self.flash_bytes, 1)


def constant_bytes(operator: Operator) -> int:
    """Return the flash that a layer's constants take."""
    return sum(constant.data.nbytes for constant in operator.constants())


def spend_flash(operators: Sequence[Operator], flash_bytes: int) -> list[Operator]:
    """Return the layers with transformed weights stored where that saves most cycles per byte.

    One layer after the other, the one that gains most per byte first, while all constants together
    stay within `flash_bytes`.
    """
    found = list(operators)
    spare = flash_bytes - sum(constant_bytes(operator) for operator in found)
    offers = [offer for number in range(len(found)) for offer in _offers(number, found[number])]
    for offer in sorted(offers, key=lambda offer: -offer.worth):
        if offer.flash_bytes <= spare and found[offer.number] is operators[offer.number]:
            found[offer.number] = offer.way
            spare -= offer.flash_bytes
    return found


def _offers(number: int, operator: Operator) -> Iterator[_Offer]:
    """Give the ways with stored weights that take fewer cycles than the one that was chosen."""
    plain = operator.plain if isinstance(operator, Specialized) else operator
    if not isinstance(plain, Conv2D):
        return
    taken = predict(operator)
    for make in (winograd.of_conv_2d, winograd4.of_conv_2d):
        way = make(plain, stores_transformed=True)
        cost = None if way is None else predict(way)
        if way is None or cost is None or taken is None or cost.cycles >= taken.cycles:
            continue
        more = constant_bytes(way) - constant_bytes(operator)
        yield _Offer(number, way, taken.cycles - cost.cycles, more)
