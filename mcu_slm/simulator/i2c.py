"""An I2C port of the first generation (SR1, SR2, DR) as a master, and the devices on its bus.

A byte takes nine clocks of the bus, by the port's own divider, which counts core clocks here.
Modelled is what decides how many bytes a device is asked for: the shift register beside DR, the
acknowledge bit at the time a byte comes in, POS, and a clock that is held while nobody reads. A
port without clock settings (CR2, CCR, TRISE) starts nothing; while it is on, they are kept.

Source: ST RM0390, chapter "Inter-integrated circuit (I2C) interface", master mode.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from mcu_slm.simulator.i2c_bus import I2cBus
from mcu_slm.simulator.nvic import Clock

_CR1, _CR2, _DR, _SR1, _SR2, _CCR, _TRISE = 0x00, 0x04, 0x10, 0x14, 0x18, 0x1C, 0x20
_PE, _START, _STOP, _ACK, _POS, _SWRST = 1, 1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 15
_TRISE_AFTER_RESET: Final = 2
_MHZ_MASK, _MHZ_MIN, _MHZ_MAX = 63, 2, 50
_SB, _ADDR, _BTF, _RXNE, _TXE, _AF = 1, 2, 4, 1 << 6, 1 << 7, 1 << 10
_ERRORS: Final = 0xF00
_MSL, _BUSY, _TRA = 1, 2, 4
_READING: Final = 1
_PLACES: Final = 2  # DR and the shift register behind it


class FirstI2c(I2cBus):
    """One port."""

    def __init__(self, base: int, clock: Clock) -> None:
        super().__init__(base, clock)
        self.reset()

    def reset(self) -> None:
        """Take all registers back to their reset values; the devices do not notice."""
        self._registers: dict[int, int] = {_TRISE: _TRISE_AFTER_RESET}
        self._stop_port()

    def _stop_port(self) -> None:
        """Do what PE = 0 does: forget the transfer, keep the settings."""
        self._flags = 0
        self._target = None
        self._reading = False
        self._owns_bus = False
        self._received: deque[int] = deque()
        self._is_first_byte = False
        self._refused = False  # the last byte was not acknowledged: no more come
        self._has_register = False

    def read(self, offset: int) -> int:
        """Read a register."""
        if offset == _SR1:
            return self._status()
        if offset == _SR2:
            return self._second_status()
        if offset == _DR and self._reading:
            return self._received.popleft() if self._received else 0
        return self._registers.get(offset, 0)

    def write(self, offset: int, value: int) -> None:
        """Write a register; while the port is held in reset (SWRST) only CR1 takes anything."""
        if offset != _CR1 and self._registers.get(_CR1, 0) & _SWRST:
            return
        if offset == _DR:
            self._send(value & 0xFF)
        elif offset == _SR1:
            self._flags &= ~_ERRORS | value
        elif offset == _CR1:
            self._control(value)
        elif not (offset in (_CCR, _TRISE) and self._registers.get(_CR1, 0) & _PE):
            self._registers[offset] = value

    def _control(self, value: int) -> None:
        if value & _SWRST:
            self.reset()
            self._registers[_CR1] = _SWRST
            return
        if not value & _PE:
            self._stop_port()
        if value & _PE and value & _START and self._has_clock:
            self._owns_bus, self._flags = True, self._flags & ~_ADDR | _SB
            self._received.clear()
            self._target = None
        if value & _STOP:
            self._finish()
        self._registers[_CR1] = value & ~(_START | _STOP)

    @property
    def _has_clock(self) -> bool:
        mhz = self._registers.get(_CR2, 0) & _MHZ_MASK
        divides = self._registers.get(_CCR, 0) & 0xFFF
        return _MHZ_MIN <= mhz <= _MHZ_MAX and divides > 0 and self._registers[_TRISE] > 0

    def _finish(self) -> None:
        """Give the bus back; a byte that is on its way, or was acknowledged for, still comes."""
        if self._reading and not self._refused:
            if len(self._received) < _PLACES:
                self._receive_byte()
            elif self._target is not None:
                self._target.read_byte()  # nobody will see it
        if not self._reading:
            self._target = None
        self._owns_bus, self._refused = False, True

    def _status(self) -> int:
        while self._reading and not self._flags & _ADDR and not self._refused:
            if len(self._received) == _PLACES:
                break
            self._receive_byte()
        flags = self._flags
        if self._reading:
            flags |= _RXNE if self._received else 0
            flags |= _BTF if len(self._received) > 1 else 0
        elif self._target is not None and not flags & _ADDR:
            flags |= _TXE | _BTF
        return flags

    def _second_status(self) -> int:
        if self._flags & _ADDR:
            self._flags &= ~_ADDR
            self._is_first_byte = True
        owned = _MSL | _BUSY if self._owns_bus else 0
        return owned | (_TRA if self._owns_bus and not self._reading else 0)

    def _send(self, byte: int) -> None:
        if self._flags & _SB:
            self._flags &= ~_SB
            self._call(byte)
        elif self._target is not None and not self._reading:
            self._clock_byte()
            self._write_to(self._target, byte)

    def _call(self, byte: int) -> None:
        """Find the device of an address byte."""
        self._clock_byte()
        self._refused = False
        target = self._find_target(byte >> 1)
        self._flags |= _AF if target is None else _ADDR
        self._reading = bool(byte & _READING) and target is not None

    def _receive_byte(self) -> None:
        """Let a byte come in; it is refused where ACK is off by then, with POS not the first."""
        if self._target is None:
            return
        self._clock_byte()
        self._received.append(self._target.read_byte())
        control = self._registers.get(_CR1, 0)
        counts = not (control & _POS and self._is_first_byte)
        self._is_first_byte = False
        self._refused = counts and not control & _ACK

    def _clock_byte(self) -> None:
        """Let the time pass that nine bits take; in fast mode a bit is three times CCR."""
        value = self._registers.get(_CCR, 0)
        halves = 3 if value >> 15 else 2
        self._clock.idle += 9 * halves * (value & 0xFFF)
