"""The independent watchdog: resets the chip unless it is fed, on an oscillator of its own.

The oscillator runs at the data sheets' typical 32 kHz; a chip's may be half as fast or half as fast
again.

Source: ST RM0390, chapter "Independent watchdog (IWDG)". Registers KR, PR, RLR, SR, and WINR of
later families.
"""

from __future__ import annotations

from typing import Final

from mcu_slm.boards import Chip
from mcu_slm.simulator.nvic import Clock

_KR, _PR, _RLR, _WINR = 0x00, 0x04, 0x08, 0x10
_START, _FEED, _UNLOCK = 0xCCCC, 0xAAAA, 0x5555
_OSCILLATOR_HZ: Final = 32_000
_MOST_COUNTS: Final = 0xFFF


class IndependentWatchdog:
    """The registers and the counter; `has_expired` stays until the reset that it asks for."""

    size_bytes = 0x400

    def __init__(self, chip: Chip, clock: Clock, clock_hz: int) -> None:
        self.base = chip.family.watchdog.base
        self._clock = clock
        self._clocks_per_tick = clock_hz / _OSCILLATOR_HZ
        self.reset()

    def reset(self) -> None:
        """Stop it; a reset of the chip does so."""
        self._registers = {_RLR: _MOST_COUNTS, _WINR: _MOST_COUNTS}
        self._unlocked = False
        self._fed_at: int | None = None
        self.has_expired = False

    @property
    def next_event(self) -> int | None:
        """When it resets the chip, unless it is fed before."""
        if self._fed_at is None or self.has_expired:
            return None
        return self._fed_at + round(self._clocks_per_tick * self._ticks)

    def advance(self) -> None:
        """Let time pass."""
        due = self.next_event
        if due is not None and self._clock.now >= due:
            self.has_expired = True

    def read(self, offset: int) -> int:
        """Read a register; the key reads as zero."""
        return 0 if offset == _KR else self._registers.get(offset, 0)

    def write(self, offset: int, value: int) -> None:
        """Write a register; prescaler, reload value and window take a key before."""
        if offset == _KR:
            self._unlocked = value == _UNLOCK
            if value == _START or (value == _FEED and self._fed_at is not None):
                self._fed_at = self._clock.now
        elif offset in {_PR, _RLR, _WINR} and self._unlocked:
            self._registers[offset] = value & (7 if offset == _PR else _MOST_COUNTS)

    @property
    def _ticks(self) -> int:
        """Ticks of the oscillator from feeding to the reset."""
        prescaler = 4 << min(self._registers.get(_PR, 0), 6)
        return prescaler * (self._registers[_RLR] + 1)
