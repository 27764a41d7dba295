"""Which peripherals with a behaviour a chip has, beside its USARTs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from mcu_slm.boards import Chip
from mcu_slm.simulator.analog import AnalogChain
from mcu_slm.simulator.devices import Device
from mcu_slm.simulator.i2c import SimulatedI2c
from mcu_slm.simulator.i2c_v2 import SecondI2c
from mcu_slm.simulator.nvic import Clock
from mcu_slm.simulator.spi import SimulatedSpi
from mcu_slm.simulator.watchdog import IndependentWatchdog

_I2C_OF_FIRST_GENERATION: Final = {
    "stm32f4": {"I2C1": 0x40005400, "I2C2": 0x40005800, "I2C3": 0x40005C00},
}
_SPI_PORTS: Final = {"stm32f4": {"SPI1": 0x40013000, "SPI2": 0x40003800, "SPI3": 0x40003C00}}


@dataclass(frozen=True)
class Attached:
    """The peripherals of one chip; ports by name."""

    watchdog: IndependentWatchdog
    i2c: dict[str, SimulatedI2c | SecondI2c] = field(default_factory=dict)
    spi: dict[str, SimulatedSpi] = field(default_factory=dict)
    analog: AnalogChain | None = None

    def note_pins(self, port: int, levels: int) -> None:
        """Tell all of them how a GPIO port is driven."""
        for one in self.spi.values():
            one.note_pins(port, levels)

    @property
    def all(self) -> tuple[Device, ...]:
        """Every one of them."""
        chain = () if self.analog is None else self.analog.blocks
        return (self.watchdog, *self.i2c.values(), *self.spi.values(), *chain)


def attach(
    chip: Chip,
    clock: Clock,
    clock_hz: int,
    register: Callable[[int], int],
    write_memory: Callable[[int, bytes], None],
) -> Attached:
    """Return the peripherals of a chip that runs at `clock_hz`.

    `register` gives a plain register, `write_memory` stores what DMA transfers.
    """
    reached = [memory for memory in chip.memories if memory.kind == "ram"]

    def store(address: int, data: bytes) -> bool:
        if not any(m.base <= address and address + len(data) <= m.end for m in reached):
            return False
        write_memory(address, data)
        return True

    spi = _SPI_PORTS.get(chip.family.name, {})
    first = _I2C_OF_FIRST_GENERATION.get(chip.family.name, {})
    ports: dict[str, SimulatedI2c | SecondI2c] = {
        name: SimulatedI2c(base, clock) for name, base in first.items()
    }
    ports |= {port.name: SecondI2c(port.base, clock) for port in chip.i2cs}
    return Attached(
        IndependentWatchdog(chip, clock, clock_hz),
        ports,
        {name: SimulatedSpi(base, clock) for name, base in spi.items()},
        AnalogChain(clock, register, store) if chip.family.name == "stm32f4" else None,
    )
