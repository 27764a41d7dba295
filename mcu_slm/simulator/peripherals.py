"""Everything behind the peripheral addresses: plain registers, ready bits, GPIO and USARTs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from mcu_slm.boards.families import BitField, Family
from mcu_slm.boards.reset import reset_flags_of
from mcu_slm.simulator import reset_flags
from mcu_slm.simulator.devices import Device, as_narrow
from mcu_slm.simulator.usart import SimulatedUsart

BASE: Final = 0x40000000
SIZE: Final = 0x20000000
_USART_BYTES: Final = 0x400
_PORT_BYTES: Final = 0x400


class Peripherals:
    """The peripheral address space.

    Args:
        family: Registers of the chip's family.
        usarts: The serial ports.
        here: Gives the address of the code that runs, for the list of unmodelled registers.
        crystal_fails: The crystal never becomes ready.
        devices: Peripherals with a behaviour, beside the ports.
        gates: Bits that switch the clocks of ports and devices on, by the base of these. Without
            its clock one reads as 0 and takes no writes.
        flags: Where the chip tells why it was reset; None for the family's values alone.

    `on_pins` is told a GPIO port's address and its levels whenever they are driven.
    """

    def __init__(
        self,
        family: Family,
        usarts: tuple[SimulatedUsart, ...],
        here: Callable[[], int],
        crystal_fails: bool = False,
        devices: tuple[Device, ...] = (),
        gates: Mapping[int, BitField] = MappingProxyType({}),
    ) -> None:
        self._family = family
        self._usarts = {usart.facts.base: usart for usart in usarts}
        self._devices = [(range(d.base, d.base + d.size_bytes), d) for d in devices]
        self._narrow = {device.base: as_narrow(device) for device in devices}
        self._gates = gates
        self._flags = reset_flags_of(family)
        self.on_pins: Callable[[int, int], None] = lambda _port, _levels: None
        self._values: dict[int, int] = {}
        self._here = here
        self._ready: dict[int, list[tuple[BitField, BitField]]] = {}
        for ready in family.ready:
            if not (ready.crystal and crystal_fails):
                flag, source = family.place(ready.flag), family.place(ready.follows)
                self._ready.setdefault(flag.address, []).append((flag, source))
        gpio = family.gpio
        self._gpio = range(gpio.base, gpio.base + gpio.ports * _PORT_BYTES)
        self._modelled = [
            *(range(block.base, block.base + block.size_bytes) for block in family.blocks),
            self._gpio,
        ]
        self.touched: dict[int, int] = {}  # unmodelled register -> code address
        self.features: dict[int, str] = {}  # register -> feature that is not modelled
        self.reset(power_on=True)

    def reset(self, power_on: bool, cause: str = "software") -> None:
        """Take all registers back to their reset values; `cause` is why, unless `power_on`."""
        before, self._values = self._values, {}
        for block in self._family.blocks:
            self._values.update(
                (block.base + offset, value) for offset, value in block.reset_values
            )
        at_reset, register = self._family.reset_cause, self._flags.register
        self._values[register] = at_reset.power_on
        if not power_on:
            gathered = reset_flags.after_reset(self._flags, before.get(register, 0), cause)
            self._values[register] = at_reset.power_on & ~self._flags.mask | gathered
        for _, device in self._devices:
            device.reset()
        for usart in self._usarts.values():
            usart.reset()

    def value_of(self, address: int) -> int:
        """Return what stands in a plain register, without side effects."""
        return self._values.get(address, 0)

    def report_feature(self, address: int, feature: str) -> None:
        """Note a feature that the firmware uses and that is not modelled."""
        self.features.setdefault(address, feature)

    def read(self, address: int, size: int) -> int:
        """Read a register; narrow reads take their bytes out of the word."""
        word = address & ~3
        usart = self._usarts.get(word & -_USART_BYTES)
        if usart:
            value = usart.read(word % _USART_BYTES) if self._is_clocked(usart.facts.base) else 0
        elif device := self._device_at(word):
            value = self._read_device(device, word - device.base, size)
        else:
            value = self._read_plain(word)
        return value >> (8 * (address & 3)) & ((1 << (8 * size)) - 1)

    def _read_device(self, device: Device, offset: int, size: int) -> int:
        if not self._is_clocked(device.base):
            return 0
        narrow = self._narrow[device.base]
        return device.read(offset) if narrow is None else narrow.read_narrow(offset, size)

    def write(self, address: int, size: int, value: int) -> None:
        """Write a register; narrow writes leave the word's other bytes as they are."""
        word = address & ~3
        usart = self._usarts.get(word & -_USART_BYTES)
        if usart:
            if self._is_clocked(usart.facts.base):
                usart.write(word % _USART_BYTES, value)
            return
        if device := self._device_at(word):
            self._write_device(device, word - device.base, size, value)
            return
        if size < 4:
            shift = 8 * (address & 3)
            mask = ((1 << (8 * size)) - 1) << shift
            value = self._values.get(word, 0) & ~mask | (value << shift) & mask
        self._write_plain(word, value)

    def _write_device(self, device: Device, offset: int, size: int, value: int) -> None:
        if not self._is_clocked(device.base):
            return
        narrow = self._narrow[device.base]
        if narrow is None:
            device.write(offset, value)
        else:
            narrow.write_narrow(offset, size, value)

    def _is_clocked(self, base: int) -> bool:
        gate = self._gates.get(base)
        return gate is None or bool(self._values.get(gate.address, 0) & gate.mask)

    def _device_at(self, address: int) -> Device | None:
        return next((device for place, device in self._devices if address in place), None)

    def _read_plain(self, address: int) -> int:
        self._note(address)
        value = self._values.get(address, 0)
        for flag, source in self._ready.get(address, ()):
            shown = self._values.get(source.address, 0) & source.mask
            up = shown // (source.mask & -source.mask) * (flag.mask & -flag.mask)
            value = value & ~flag.mask | up
        gpio = self._family.gpio
        if address in self._gpio and address % _PORT_BYTES == gpio.idr:
            return self._values.get(
                address - gpio.idr + gpio.odr, 0
            )  # pins read as they are driven
        return value

    def _write_plain(self, address: int, value: int) -> None:
        self._note(address)
        gpio = self._family.gpio
        if address in self._gpio and address % _PORT_BYTES == gpio.bsrr:
            output = address - gpio.bsrr + gpio.odr
            driven = self._values.get(output, 0) & ~(value >> 16)
            self._values[output] = driven | value & 0xFFFF
            self.on_pins(address - gpio.bsrr, self._values[output])
            return
        if address == self._flags.register:
            value = reset_flags.after_write(self._flags, self._values.get(address, 0), value)
        self._values[address] = value

    def _note(self, address: int) -> None:
        if not any(address in block for block in self._modelled):
            self.touched.setdefault(address, self._here())
