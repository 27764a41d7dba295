"""An SPI port of the third generation (CFG1, CFG2, TXDR, RXDR) as a master.

The port counts TSIZE bytes from CSTART on; the last one raises EOT, and then it must be switched
off before it starts again. Modelled are frames of 8 bits in mode 3 with the select pin in software;
a port that is set up in another way, or whose clock nobody selected, exchanges nothing. What is
protected while it is on keeps its value. Not modelled: suspension, endless transfers, DMA, CRC.

Source: ST RM0433 and RM0456, chapter "Serial peripheral interface (SPI)".
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from mcu_slm.simulator.nvic import Clock
from mcu_slm.simulator.spi_bus import SpiBus

_CR1, _CR2, _CFG1, _CFG2, _SR, _IFCR = 0x00, 0x04, 0x08, 0x0C, 0x14, 0x18
_TXDR, _RXDR = 0x20, 0x30
_SPE, _CSTART, _SSI = 1, 1 << 9, 1 << 12
_CR1_OTHERWISE: Final = (1 << 8) | (1 << 11) | 0xE000  # MASRX, HDDIR, CRC sizes
_DSIZE_8, _DSIZE_MASK, _FTHLV_MASK = 7, 31, 15 << 5
_CFG1_AFTER_RESET: Final = 7 << 16 | 7
_READY: Final = (1 << 26) | (3 << 24) | (1 << 22)  # SSM, mode 3, MASTER
# Simplex, another protocol, least significant bit first, select pin driven or inverted, swap.
_OTHERWISE: Final = (3 << 17) | (7 << 19) | (1 << 23) | (3 << 28) | (1 << 30) | (1 << 15)
_RXP, _TXP, _EOT, _TXTF, _OVR, _TXC = 1, 1 << 1, 1 << 3, 1 << 4, 1 << 6, 1 << 12
_PLACES: Final = 8  # of the smallest FIFO


class ThirdSpi(SpiBus):
    """One port; `is_clocked` tells whether a clock that runs is selected for it."""

    def __init__(self, base: int, clock: Clock, is_clocked: Callable[[], bool]) -> None:
        self._is_clocked = is_clocked
        super().__init__(base, clock)

    def reset(self) -> None:
        """Take all registers back to their reset values."""
        super().reset()
        self._registers[_CFG1] = _CFG1_AFTER_RESET
        self._flags = 0
        self._stop()

    def _stop(self) -> None:
        """Do what SPE = 0 does: empty the FIFOs, forget the transfer."""
        self._to_send: deque[int] = deque()
        self._received: deque[int] = deque()
        self._to_write = 0  # bytes that TXDR still takes
        self._has_started = False

    @property
    def _is_on(self) -> bool:
        return bool(self._registers.get(_CR1, 0) & _SPE)

    def read_narrow(self, offset: int, size: int) -> int:
        """Read a register; RXDR gives as many bytes as the access takes."""
        if offset == _SR:
            return self._status()
        if offset == _RXDR:
            taken = [self._received.popleft() for _ in range(size) if self._received]
            self._run()  # there is room again
            return int.from_bytes(bytes(taken), "little")
        return self._registers.get(offset, 0)

    def _status(self) -> int:
        threshold = (self._registers[_CFG1] & _FTHLV_MASK) >> 5
        flags = self._flags | (_TXC if not self._to_send else 0)
        flags |= _RXP if len(self._received) > threshold else 0
        can_take = min(self._to_write, _PLACES - len(self._to_send))
        return flags | (_TXP if self._is_on and can_take > threshold else 0)

    def write_narrow(self, offset: int, size: int, value: int) -> None:
        """Write a register; TXDR takes as many bytes as the access gives."""
        if offset == _CR1:
            self._control(value)
        elif offset == _TXDR:
            for byte in value.to_bytes(4, "little")[:size]:
                self._take(byte)
            self._run()
        elif offset == _IFCR:
            self._flags &= ~value
        elif not (self._is_on and offset in (_CR2, _CFG1, _CFG2)):
            self._registers[offset] = value

    def _control(self, value: int) -> None:
        was_on = self._is_on
        self._registers[_CR1] = value & ~_CSTART
        if not value & _SPE:
            self._stop()
        elif not was_on:
            self._to_write = self._registers.get(_CR2, 0) & 0xFFFF
        elif value & _CSTART:  # a start together with SPE comes too early
            self._has_started = True
            self._run()

    def _take(self, byte: int) -> None:
        if self._is_on and self._to_write and len(self._to_send) < _PLACES:
            self._to_send.append(byte)
            self._to_write -= 1

    @property
    def _is_ready(self) -> bool:
        control, way = self._registers.get(_CR1, 0), self._registers.get(_CFG2, 0)
        is_set_up = control & (_SSI | _CR1_OTHERWISE) == _SSI and way & _READY == _READY
        of_bytes = self._registers[_CFG1] & _DSIZE_MASK == _DSIZE_8
        return is_set_up and of_bytes and not way & _OTHERWISE and self._is_clocked()

    def _run(self) -> None:
        """Exchange what lies ready; the clock waits where there is nothing or no room."""
        while self._has_started and self._to_send and self._is_ready:
            if len(self._received) == _PLACES:
                self._flags |= _OVR  # without MASRX the clock does not wait for room
                self._received.pop()
            byte = self._exchange(self._to_send.popleft(), self._registers[_CFG1] >> 28 & 7)
            self._received.append(byte)
            if not self._to_write and not self._to_send:
                self._has_started = False
                self._flags |= _EOT | _TXTF
