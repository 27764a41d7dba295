"""Everything behind the peripheral addresses: plain registers, ready bits, GPIO and USARTs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mcu_slm.boards import Chip
from mcu_slm.errors import BoardError
from mcu_slm.simulator.families import FAMILIES, Family, Ready
from mcu_slm.simulator.usart import SimulatedUsart

BASE: Final = 0x40000000
SIZE: Final = 0x20000000
_USART_BYTES: Final = 0x400
_ODR, _BSRR, _IDR = 0x14, 0x18, 0x10


def family_of(chip: Chip) -> Family:
    """Return the register table of a chip's family.

    Raises:
        BoardError: there is none yet.
    """
    if chip.family not in FAMILIES:
        raise BoardError(
            f"chip {chip.name}",
            f"the family is {chip.family!r}",
            f"one that the board simulator knows: {', '.join(FAMILIES)}",
            "Add its registers to mcu_slm/simulator/families.py.",
        )
    return FAMILIES[chip.family]


class Peripherals:
    """The peripheral address space.

    Args:
        family: Registers of the chip's family.
        usarts: The serial ports.
        here: Gives the address of the code that runs, for the list of unmodelled registers.
        crystal_fails: The crystal never becomes ready.
    """

    def __init__(
        self,
        family: Family,
        usarts: tuple[SimulatedUsart, ...],
        here: Callable[[], int],
        crystal_fails: bool = False,
    ) -> None:
        self._family = family
        self._usarts = {usart.facts.base: usart for usart in usarts}
        self._here = here
        self._ready: dict[int, list[Ready]] = {}
        for ready in family.ready:
            if not (ready.crystal and crystal_fails):
                self._ready.setdefault(ready.register, []).append(ready)
        self._modelled = [
            *(range(block.base, block.base + block.size_bytes) for block in family.blocks),
            *(range(base, base + 0x400) for base in family.gpio_ports),
        ]
        self.touched: dict[int, int] = {}  # unmodelled register -> code address
        self.features: dict[int, str] = {}  # register -> feature that is not modelled
        self.reset(power_on=True)

    def reset(self, power_on: bool) -> None:
        """Take all registers back to their reset values."""
        self._values: dict[int, int] = {}
        for block in self._family.blocks:
            self._values.update(block.reset_values)
        register, at_power_on, after_software = self._family.reset_cause
        self._values[register] = at_power_on if power_on else after_software
        for usart in self._usarts.values():
            usart.reset()

    def report_feature(self, address: int, feature: str) -> None:
        """Note a feature that the firmware uses and that is not modelled."""
        self.features.setdefault(address, feature)

    def read(self, address: int, size: int) -> int:
        """Read a register; narrow reads take their bytes out of the word."""
        word = address & ~3
        usart = self._usarts.get(word & -_USART_BYTES)
        value = usart.read(word % _USART_BYTES) if usart else self._read_plain(word)
        return value >> (8 * (address & 3)) & ((1 << (8 * size)) - 1)

    def write(self, address: int, size: int, value: int) -> None:
        """Write a register; narrow writes leave the word's other bytes as they are."""
        word = address & ~3
        usart = self._usarts.get(word & -_USART_BYTES)
        if usart:
            usart.write(word % _USART_BYTES, value)
            return
        if size < 4:
            shift = 8 * (address & 3)
            mask = ((1 << (8 * size)) - 1) << shift
            value = self._values.get(word, 0) & ~mask | (value << shift) & mask
        self._write_plain(word, value)

    def _read_plain(self, address: int) -> int:
        self._note(address)
        value = self._values.get(address, 0)
        for ready in self._ready.get(address, ()):
            source = self._values.get(ready.source, 0) & ready.source_mask
            up = source // (ready.source_mask & -ready.source_mask) * (ready.mask & -ready.mask)
            value = value & ~ready.mask | up
        if address & 0x3FF == _IDR and address & ~0x3FF in self._family.gpio_ports:
            return self._values.get(address - _IDR + _ODR, 0)  # pins read as they are driven
        return value

    def _write_plain(self, address: int, value: int) -> None:
        self._note(address)
        if address & 0x3FF == _BSRR and address & ~0x3FF in self._family.gpio_ports:
            output = address - _BSRR + _ODR
            driven = self._values.get(output, 0) & ~(value >> 16)
            self._values[output] = driven | value & 0xFFFF
            return
        self._values[address] = value

    def _note(self, address: int) -> None:
        if not any(address in block for block in self._modelled):
            self.touched.setdefault(address, self._here())
