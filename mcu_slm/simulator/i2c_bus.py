"""What the models of both generations of I2C ports have in common: the devices on the bus."""

from __future__ import annotations

from typing import Protocol

from mcu_slm.simulator.nvic import Clock


class I2cTarget(Protocol):
    """A device on the bus."""

    @property
    def address(self) -> int:
        """Its address of 7 bits."""

    def select(self, sub_address: int) -> None:
        """Take the first byte of a write: the register."""

    def write_byte(self, value: int) -> None:
        """Take another byte."""

    def read_byte(self) -> int:
        """Give the next byte."""


class I2cBus:
    """The bus of a port as a master. Its registers work at once; `targets` may change any time."""

    size_bytes = 0x400
    next_event = None  # its flags appear when they are asked for

    def __init__(self, base: int, clock: Clock) -> None:
        self.base = base
        self.targets: list[I2cTarget] = []
        self.transfers = 0
        self._clock = clock
        self._target: I2cTarget | None = None
        self._has_register = False

    def advance(self) -> None:
        """Do nothing: see `next_event`."""

    def _find_target(self, address: int) -> I2cTarget | None:
        """Begin a transfer with the device of an address, if one answers."""
        self.transfers += 1
        self._has_register = False
        self._target = next((t for t in self.targets if t.address == address), None)
        return self._target

    def _write_to(self, target: I2cTarget, byte: int) -> None:
        """Give the device a byte; the first one after its address is a register."""
        if self._has_register:
            target.write_byte(byte)
        else:
            target.select(byte)
            self._has_register = True
