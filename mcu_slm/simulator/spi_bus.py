"""What the models of all generations of SPI ports have in common: the device and its select pin.

The device speaks mode 3 and sees nothing while its select pin is high. A byte takes eight clocks of
the bus, by the port's own divider, which counts core clocks here.
"""

from __future__ import annotations

from typing import Final, Protocol

from mcu_slm.simulator.nvic import Clock

NOBODY: Final = 0xFF

# CR1 of generations 1 and 2.
SPE: Final = 1 << 6
_READY: Final = (1 << 9) | (1 << 8) | SPE | (1 << 2) | 3  # SSM, SSI, SPE, MSTR, mode 3
# LSBFIRST, RXONLY, DFF or CRCL, CRCNEXT, CRCEN, BIDIOE, BIDIMODE: another way to exchange.
_OTHERWISE: Final = (1 << 7) | 0xFC00


def exchanges_bytes(control: int) -> bool:
    """Return whether CR1 of generation 1 or 2 lets a master exchange bytes in the modelled way."""
    return control & (_READY | _OTHERWISE) == _READY


class SpiTarget(Protocol):
    """A device on the bus."""

    def select_register(self, first_byte: int) -> None:
        """Take the first byte of a transfer."""

    def exchange(self, value: int) -> int:
        """Take another byte, give one."""


class SpiBus:
    """The bus of a port as a master. `target` is what is connected, None for nothing.

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
        """Read a register as a word."""
        return self.read_narrow(offset, 4)

    def write(self, offset: int, value: int) -> None:
        """Write a register as a word."""
        self.write_narrow(offset, 4, value)

    def read_narrow(self, offset: int, size: int) -> int:
        """Read a register with an access of so many bytes."""
        raise NotImplementedError

    def write_narrow(self, offset: int, size: int, value: int) -> None:
        """Write a register with an access of so many bytes."""
        raise NotImplementedError

    def _exchange(self, value: int, divider_code: int) -> int:
        """Let a byte out and one in; the clock is divided by 2 to the power of the code plus 1."""
        self._clock.idle += 8 * (2 << divider_code)
        if self.target is None or not self._is_selected:
            return NOBODY
        if not self._is_inside:
            self._is_inside = True
            self.target.select_register(value)
            return NOBODY
        return self.target.exchange(value)
