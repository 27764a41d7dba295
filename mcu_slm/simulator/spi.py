"""An SPI port of the first generation (CR1, CR2, SR, DR; no FIFO) as a master.

Modelled are frames of 8 bits in mode 3 with the select pin in software; a port that is set up in
another way exchanges nothing. A byte that comes while the last one was not taken is lost (OVR).

Source: ST RM0008 and RM0390, chapter "Serial peripheral interface (SPI)".
"""

from __future__ import annotations

from mcu_slm.simulator.spi_bus import SpiBus, exchanges_bytes

_CR1, _SR, _DR = 0x00, 0x08, 0x0C
_RXNE, _TXE, _OVR = 1, 2, 1 << 6


class FirstSpi(SpiBus):
    """One port."""

    def reset(self) -> None:
        """Take all registers back to their reset values."""
        super().reset()
        self._received: int | None = None
        self._overrun = 0

    def read_narrow(self, offset: int, size: int) -> int:  # noqa: ARG002 - one byte in any case
        """Read a register."""
        if offset == _SR:
            return _TXE | self._overrun | (_RXNE if self._received is not None else 0)
        if offset == _DR:
            value, self._received, self._overrun = self._received or 0, None, 0
            return value
        return self._registers.get(offset, 0)

    def write_narrow(self, offset: int, size: int, value: int) -> None:  # noqa: ARG002
        """Write a register."""
        if offset != _DR:
            self._registers[offset] = value
            return
        control = self._registers.get(_CR1, 0)
        if not exchanges_bytes(control):
            return
        byte = self._exchange(value & 0xFF, control >> 3 & 7)
        if self._received is None:
            self._received = byte
        else:
            self._overrun = _OVR
