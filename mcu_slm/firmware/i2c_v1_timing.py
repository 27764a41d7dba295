"""CR2, CCR and TRISE of the first generation of I2C ports, computed from the clock of the port.

CR2 holds the clock in whole MHz. A half of a bit lasts CCR clocks; in fast mode the low half lasts
twice as long as the high one, and CCR is the high one. TRISE is the longest rise in clocks, plus 1.

Source: ST RM0008 and RM0390, chapter "Inter-integrated circuit (I2C) interface", I2C_CR2, I2C_CCR,
I2C_TRISE; limits of the modes: NXP UM10204.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mcu_slm.errors import BoardError
from mcu_slm.firmware.i2c_timing import FAST_FROM_HZ

_FAST_HZ: Final = 400_000
# Between 88 and 100 kHz a repeated START is known to be set up for less than the bus asks for.
_STANDARD_HZ: Final = 88_000
_CLOCK_MIN_HZ: Final = 2_000_000
_CLOCK_MAX_HZ: Final = 50_000_000
_FAST_BIT: Final = 1 << 15


@dataclass(frozen=True)
class FirstI2cTiming:
    """Values of the registers, and what they are for."""

    clock_hz: int
    bus_hz: int
    mhz: int
    ccr: int
    trise: int

    @property
    def ccr_word(self) -> str:
        """CCR as a C literal."""
        return f"0x{self.ccr:04X}u"

    @property
    def summary(self) -> str:
        """What it is for, for a comment."""
        return f"at most {self.bus_hz // 1000} kHz from {self.clock_hz / 1e6:g} MHz"


def first_timing_for(clock_hz: int) -> FirstI2cTiming:
    """Return the timing for a clock: 400 kHz where it is fast enough for that, else 88 kHz.

    Raises:
        BoardError: the port cannot run on such a clock.
    """
    if not _CLOCK_MIN_HZ <= clock_hz <= _CLOCK_MAX_HZ:
        raise BoardError(
            "I2C",
            f"the port's clock is {clock_hz:,} Hz",
            f"{_CLOCK_MIN_HZ:,} to {_CLOCK_MAX_HZ:,} Hz",
            "Choose another clock_hz.",
        )
    mhz = clock_hz // 1_000_000
    if clock_hz >= FAST_FROM_HZ:
        high = -(-clock_hz // (3 * _FAST_HZ))
        return FirstI2cTiming(clock_hz, _FAST_HZ, mhz, _FAST_BIT | high, mhz * 300 // 1000 + 1)
    half = -(-clock_hz // (2 * _STANDARD_HZ))
    return FirstI2cTiming(clock_hz, _STANDARD_HZ, mhz, half, mhz + 1)
