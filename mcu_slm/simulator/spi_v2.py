"""An SPI port of the second generation (CR2 has DS and FRXTH; FIFOs of four bytes) as a master.

How wide DR is accessed decides how many bytes go in or out: one, or two for a halfword or a word.
Modelled are frames of 8 bits in mode 3 with the select pin in software; a port that is set up in
another way exchanges nothing. CR2 keeps its frame size while the port is on.

Source: ST RM0351, chapter "Serial peripheral interface (SPI)", data packing and FIFOs.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from mcu_slm.simulator.spi_bus import SPE, SpiBus, exchanges_bytes

_CR1, _CR2, _SR, _DR = 0x00, 0x04, 0x08, 0x0C
_DS_MASK, _DS_8, _FRXTH = 15 << 8, 7 << 8, 1 << 12
_CR2_AFTER_RESET: Final = 0x700
_RXNE, _TXE, _OVR = 1, 2, 1 << 6
_FRLVL_POS: Final = 9
_PLACES: Final = 4


class SecondSpi(SpiBus):
    """One port."""

    def reset(self) -> None:
        """Take all registers back to their reset values."""
        super().reset()
        self._registers[_CR2] = _CR2_AFTER_RESET
        self._received: deque[int] = deque()
        self._overrun = 0

    def read_narrow(self, offset: int, size: int) -> int:
        """Read a register; DR gives as many bytes as the access takes, two at most."""
        if offset == _SR:
            return self._status()
        if offset == _DR:
            self._overrun = 0
            taken = [self._received.popleft() for _ in range(min(size, 2)) if self._received]
            return int.from_bytes(bytes(taken), "little")
        return self._registers.get(offset, 0)

    def _status(self) -> int:
        enough = 1 if self._registers[_CR2] & _FRXTH else 2
        level = min(len(self._received), 3) << _FRLVL_POS
        return _TXE | self._overrun | level | (_RXNE if len(self._received) >= enough else 0)

    def write_narrow(self, offset: int, size: int, value: int) -> None:
        """Write a register; DR takes as many bytes as the access gives, two at most."""
        if offset == _DR:
            for byte in value.to_bytes(4, "little")[: min(size, 2)]:
                self._send(byte)
            return
        if offset == _CR2 and self._registers.get(_CR1, 0) & SPE:
            value = value & ~_DS_MASK | self._registers[_CR2] & _DS_MASK
        self._registers[offset] = value

    def _send(self, byte: int) -> None:
        control = self._registers.get(_CR1, 0)
        if not exchanges_bytes(control) or self._registers[_CR2] & _DS_MASK != _DS_8:
            return
        came = self._exchange(byte, control >> 3 & 7)
        if len(self._received) < _PLACES:
            self._received.append(came)
        else:
            self._overrun = _OVR
