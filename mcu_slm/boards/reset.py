"""Why a chip was reset, as its family's file says; firmware and simulator share it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mcu_slm.boards.families import Family

RESET_CAUSES: Final = (
    "power",
    "pin",
    "brown_out",
    "software",
    "watchdog",
    "window_watchdog",
    "low_power",
)
"""Causes in the order of their bits in the protocol."""


@dataclass(frozen=True)
class ResetFlags:
    """The register that tells why the chip was reset. Flags stay until software clears them.

    `bits` are one per cause of `RESET_CAUSES`; None where the family has no such flag. Where one
    flag means power-on or brown-out, it counts as both.
    """

    register: int
    clear_bit: int
    bits: tuple[int | None, ...]

    @property
    def mask(self) -> int:
        """All flags."""
        return sum({1 << bit for bit in self.bits if bit is not None})

    def flag(self, cause: str) -> int:
        """Return the mask of a cause; 0 where there is no such flag."""
        bit = self.bits[RESET_CAUSES.index(cause)]
        return 0 if bit is None else 1 << bit


def reset_flags_of(family: Family) -> ResetFlags:
    """Return where a chip of a family tells why it was reset."""
    cause = family.reset_cause
    bits = tuple(getattr(cause.flags, name) for name in RESET_CAUSES)
    register = family.place(cause.register).address
    return ResetFlags(register, cause.clear_bit, bits)
