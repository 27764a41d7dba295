"""The divider of an SPI port's clock: a code n divides by 2 to the power of n + 1.

Source: ST RM0390 (SPI_CR1, BR) and RM0433 (SPI_CFG1, MBR).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mcu_slm.errors import BoardError

SPI_MAX_HZ: Final = 5_000_000
"""Half of what the sensors take, for wires between two boards."""

_CODES: Final = 8


@dataclass(frozen=True)
class SpiDivider:
    """The code of a divider, and what it is for."""

    clock_hz: int
    code: int

    @property
    def bus_hz(self) -> int:
        """Clock of the bus."""
        return self.clock_hz >> (self.code + 1)

    @property
    def summary(self) -> str:
        """What it is for, for a comment."""
        return f"{self.bus_hz / 1e6:g} MHz from {self.clock_hz / 1e6:g} MHz"


def divider_for(clock_hz: int) -> SpiDivider:
    """Return the least divider that keeps the bus within its limit.

    Raises:
        BoardError: no divider is large enough.
    """
    for code in range(_CODES):
        if clock_hz <= SPI_MAX_HZ << (code + 1):
            return SpiDivider(clock_hz, code)
    raise BoardError(
        "SPI",
        f"no divider of the port gives {SPI_MAX_HZ:,} Hz or less from {clock_hz:,} Hz",
        f"a clock of at most {SPI_MAX_HZ << _CODES:,} Hz",
        "Choose another clock_hz.",
    )
