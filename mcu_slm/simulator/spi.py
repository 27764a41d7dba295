"""An SPI port of the STM32F4 as a master, and the device behind its select pin.

A byte takes eight clocks of the bus, by the port's own divider, which counts core clocks here. The
device speaks mode 3 and sees nothing while its select pin is high.

Source: ST RM0390, chapter "Serial peripheral interface (SPI)".
"""

from __future__ import annotations

from typing import Final, Protocol

from mcu_slm.simulator.nvic import Clock

_CR1, _SR, _DR = 0x00, 0x08, 0x0C
_READY: Final = (1 << 9) | (1 << 8) | (1 << 6) | (1 << 2) | 3  # SSM, SSI, SPE, MSTR, mode 3
_RXNE, _TXE = 1, 2
_NOBODY: Final = 0xFF


class SpiTarget(Protocol):
    """A device on the bus."""

    def select_register(self, first_byte: int) -> None:
        """Take the first byte of a transfer."""

    def exchange(self, value: int) -> int:
        """Take another byte, give one."""


class SimulatedSpi:
    """One port. `target` is what is connected, None for nothing.

    Args:
        base: Address of its registers.
        clock: Board time.

    `select` is the device's select pin: address of its GPIO port, and number.
    """

    size_bytes = 0x400
    next_event = None

    def __init__(self, base: int, clock: Clock) -> None:
        self.base = base
        self.target: SpiTarget | None = None
        self.select: tuple[int, int] | None = None
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        """Take all registers back to their reset values."""
        self._registers: dict[int, int] = {}
        self._received: int | None = None
        self._is_inside = self._is_selected = False

    def advance(self) -> None:
        """Do nothing: bytes are exchanged when they are written."""

    def note_pins(self, port: int, levels: int) -> None:
        """Hear how a GPIO port is driven: when select goes low, a register's number comes next."""
        if self.select is not None and port == self.select[0]:
            selected = not levels >> self.select[1] & 1
            self._is_inside = self._is_inside and selected
            self._is_selected = selected

    def read(self, offset: int) -> int:
        """Read a register."""
        if offset == _SR:
            return _TXE | (_RXNE if self._received is not None else 0)
        if offset == _DR:
            value, self._received = self._received or 0, None
            return value
        return self._registers.get(offset, 0)

    def write(self, offset: int, value: int) -> None:
        """Write a register."""
        if offset != _DR:
            self._registers[offset] = value
            return
        control = self._registers.get(_CR1, 0)
        if control & _READY != _READY:
            return
        self._clock.idle += 8 * (2 << (control >> 3 & 7))
        self._received = self._exchange(value & 0xFF)

    def _exchange(self, value: int) -> int:
        if self.target is None or not self._is_selected:
            return _NOBODY
        if not self._is_inside:
            self._is_inside = True
            self.target.select_register(value)
            return _NOBODY
        return self.target.exchange(value)
