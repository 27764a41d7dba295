"""An I2C port of the second generation (CR2, ISR, RXDR, TXDR) as a master.

The port counts NBYTES itself: behind the last byte comes STOP (AUTOEND) or a clock that is held
until the next START (TC). A byte takes nine clocks of the bus by TIMINGR, which counts core clocks
here. Not modelled: RELOAD, addresses of 10 bits, the port as a slave, interrupts and DMA.

Source: ST RM0351, chapter "Inter-integrated circuit (I2C) interface", master mode.
"""

from __future__ import annotations

from typing import Final

from mcu_slm.simulator.i2c_bus import I2cBus
from mcu_slm.simulator.nvic import Clock

_CR1, _CR2, _TIMINGR, _ISR, _ICR, _RXDR, _TXDR = 0x00, 0x04, 0x10, 0x18, 0x1C, 0x24, 0x28
_PE: Final = 1
_RD_WRN, _START, _STOP, _NACK, _AUTOEND = 1 << 10, 1 << 13, 1 << 14, 1 << 15, 1 << 25
_TXE, _TXIS, _RXNE, _NACKF, _STOPF, _TC, _BUSY = 1, 2, 4, 1 << 4, 1 << 5, 1 << 6, 1 << 15
_CLEARED_BY_ICR: Final = 0x3F38
_SEES_EDGES: Final = 4  # clocks a bit, beside the two halves


class SecondI2c(I2cBus):
    """One port."""

    def __init__(self, base: int, clock: Clock) -> None:
        super().__init__(base, clock)
        self.reset()

    def reset(self) -> None:
        """Take all registers back to their reset values; the devices do not notice."""
        self._registers: dict[int, int] = {}
        self._stop_port()

    def _stop_port(self) -> None:
        """Do what PE = 0 does: forget the transfer, keep the settings."""
        self._flags = 0
        self._target = None
        self._reading = self._owns_bus = self._has_register = False
        self._left = 0
        self._to_send: int | None = None
        self._received: int | None = None

    def read(self, offset: int) -> int:
        """Read a register."""
        if offset == _ISR:
            return self._status()
        if offset == _RXDR:
            byte, self._received = self._received, None
            return byte or 0
        return self._registers.get(offset, 0)

    def write(self, offset: int, value: int) -> None:
        """Write a register."""
        enabled = self._registers.get(_CR1, 0) & _PE
        if offset == _CR1 and not value & _PE:
            self._stop_port()
        if offset == _TXDR:
            if enabled:
                self._to_send = value & 0xFF
                self._send()
        elif offset == _ISR:
            if value & _TXE:
                self._to_send = None
        elif offset == _ICR:
            self._flags &= ~(value & _CLEARED_BY_ICR)
        elif offset == _TIMINGR and enabled:
            pass  # the manual forbids it; the old value stays
        else:
            self._registers[offset] = value
        if offset == _CR2 and enabled:
            self._control(value)

    def _control(self, value: int) -> None:
        self._registers[_CR2] = value & ~(_START | _STOP | _NACK)
        if value & _START:
            self._call(value)
        elif value & _STOP and self._owns_bus:
            self._finish()

    def _call(self, value: int) -> None:
        """Find the device; where nobody answers, STOP follows by itself."""
        self._flags &= ~_TC
        self._owns_bus = True
        self._reading = bool(value & _RD_WRN)
        self._left = value >> 16 & 0xFF
        self._received = None
        self._clock_byte()
        if self._find_target(value >> 1 & 0x7F) is None:
            self._flags |= _NACKF
            self._finish()
        else:
            self._send()

    def _send(self) -> None:
        """Let the byte in TXDR out, where a transfer asks for it."""
        target, byte = self._target, self._to_send
        if target is None or byte is None or self._reading or not self._left:
            return
        self._clock_byte()
        self._to_send = None
        self._write_to(target, byte)
        self._count()

    def _count(self) -> None:
        """Count a byte; behind the last one comes STOP, or the clock is held."""
        self._left -= 1
        if not self._left:
            if self._registers[_CR2] & _AUTOEND:
                self._finish()
            else:
                self._flags |= _TC

    def _finish(self) -> None:
        self._target, self._owns_bus, self._left = None, False, 0
        self._flags = self._flags & ~_TC | _STOPF

    def _status(self) -> int:
        if self._reading and self._target is not None and self._left and self._received is None:
            self._clock_byte()
            self._received = self._target.read_byte()
            self._count()
        flags = self._flags | (_BUSY if self._owns_bus else 0)
        flags |= _RXNE if self._received is not None else 0
        if self._to_send is None:
            asks = self._target is not None and not self._reading and self._left
            flags |= _TXE | (_TXIS if asks else 0)
        return flags

    def _clock_byte(self) -> None:
        """Let the time pass that nine bits take."""
        timing = self._registers.get(_TIMINGR, 0)
        halves = (timing & 0xFF) + (timing >> 8 & 0xFF) + 2
        self._clock.idle += 9 * (halves * ((timing >> 28) + 1) + _SEES_EDGES)
