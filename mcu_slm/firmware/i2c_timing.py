"""TIMINGR of the second generation of I2C ports, computed from the clock of the port.

A half of a bit lasts (SCLL + 1) or (SCLH + 1) ticks of PRESC + 1 clocks, and the time that the port
takes to see the edge: its analog filter and two clocks at least. Data follow the clock's falling
edge by SDADEL ticks and lead its rising edge by SCLDEL + 1.

Source: ST RM0351, chapter "Inter-integrated circuit (I2C) interface", I2C timings and master clock;
limits of the modes: NXP UM10204.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from mcu_slm.errors import BoardError
from mcu_slm.firmware.register_fields import word

_FILTER_MIN_NS: Final = 50
_FILTER_MAX_NS: Final = 260
_FALL_MAX_NS: Final = 300
_PRESCALERS: Final = 16
_DELAY_MAX: Final = 15
_HALF_MAX: Final = 256


@dataclass(frozen=True)
class _Mode:
    """What the bus asks for, in Hz and nanoseconds."""

    bus_hz: int
    low_min: int
    high_min: int
    rise_max: int
    setup_min: int
    valid_max: int


_STANDARD: Final = _Mode(100_000, 4700, 4000, 1000, 250, 3450)
_FAST: Final = _Mode(400_000, 1300, 600, 300, 100, 900)
# Data may be set up 100 ns before an edge: with longer clocks ports are known to miss it.
FAST_FROM_HZ: Final = 10_000_000


@dataclass(frozen=True)
class I2cTiming:
    """Fields of TIMINGR, and what they are for."""

    kernel_hz: int
    bus_hz: int
    presc: int
    scldel: int
    sdadel: int
    sclh: int
    scll: int

    @property
    def value(self) -> int:
        """The register."""
        delays = self.scldel << 20 | self.sdadel << 16
        return self.presc << 28 | delays | self.sclh << 8 | self.scll

    @property
    def word(self) -> str:
        """The register as a C literal."""
        return word(self.value)

    @property
    def summary(self) -> str:
        """What it is for, for a comment."""
        return f"{self.bus_hz // 1000} kHz from {self.kernel_hz / 1e6:g} MHz"


def timing_for(kernel_hz: int) -> I2cTiming:
    """Return the timing for a clock: 400 kHz where it is fast enough for that, else 100 kHz.

    Raises:
        BoardError: the clock is too slow or too fast for any.
    """
    mode = _FAST if kernel_hz >= FAST_FROM_HZ else _STANDARD
    for presc in range(_PRESCALERS):
        found = _timing(kernel_hz, mode, presc)
        if found is not None:
            return found
    raise BoardError(
        "I2C",
        f"no timing of the port gives {mode.bus_hz:,} Hz from {kernel_hz:,} Hz",
        "a clock of 2 to 400 MHz",
        "Choose another clock_hz.",
    )


def _timing(kernel_hz: int, mode: _Mode, presc: int) -> I2cTiming | None:
    """Return the timing with this prescaler, None where a field cannot hold it."""
    clock = Fraction(10**9, kernel_hz)
    tick = (presc + 1) * clock
    seen = _FILTER_MIN_NS + 2 * clock
    if clock >= Fraction(mode.low_min - _FILTER_MAX_NS, 4) or clock >= mode.high_min:
        return None
    scldel = math.ceil((mode.rise_max + mode.setup_min) / tick) - 1
    sdadel = max(0, math.ceil((_FALL_MAX_NS - _FILTER_MIN_NS - 3 * clock) / tick))
    latest = (mode.valid_max - mode.rise_max - _FILTER_MAX_NS - 4 * clock) / tick
    low = max(1, math.ceil((mode.low_min - seen) / tick))
    high = max(1, math.ceil((mode.high_min - seen) / tick))
    spare = max(0, math.ceil((Fraction(10**9, mode.bus_hz) - 2 * seen) / tick) - low - high)
    low, high = low + spare - spare // 2, high + spare // 2
    if max(scldel, sdadel) > _DELAY_MAX or max(low, high) > _HALF_MAX or 0 < sdadel > latest:
        return None
    return I2cTiming(kernel_hz, mode.bus_hz, presc, max(0, scldel), sdadel, high - 1, low - 1)
