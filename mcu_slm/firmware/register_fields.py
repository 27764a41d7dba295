"""Fields of registers that get a value, as templates place them in C."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from mcu_slm.boards.families import Family


def word(value: int) -> str:
    """Return a register's value or address as a C literal."""
    return f"0x{value:08X}u"


@dataclass(frozen=True)
class FieldValue:
    """A field of a register and its value, as C literals; `name` is for a comment."""

    name: str
    address: str
    mask: str
    value: str

    @classmethod
    def of(cls, name: str, address: int, mask: int, value: int) -> Self:
        """Return the literals of numbers that are in their places already."""
        return cls(name, word(address), word(mask), word(value))

    @classmethod
    def at(cls, family: Family, place: str, value: int, name: str) -> Self:
        """Return the literals for a place as chip files write it: `RCC+0x50:12-14`.

        The name of its block precedes `name`.
        """
        field = family.place(place)
        title = f"{place.partition('+')[0]}_{name}"
        return cls.of(title, field.address, field.mask, value << field.shift)
