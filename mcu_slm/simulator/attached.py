"""Which peripherals with a behaviour a chip has, beside its USARTs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from mcu_slm.boards import Chip, I2cPort, SpiPort
from mcu_slm.boards.families import BitField
from mcu_slm.simulator.analog import AnalogChain
from mcu_slm.simulator.devices import Device
from mcu_slm.simulator.i2c import FirstI2c
from mcu_slm.simulator.i2c_v2 import SecondI2c
from mcu_slm.simulator.nvic import Clock
from mcu_slm.simulator.sampling_dma import Memory
from mcu_slm.simulator.spi import FirstSpi
from mcu_slm.simulator.spi_bus import SpiBus
from mcu_slm.simulator.spi_v2 import SecondSpi
from mcu_slm.simulator.spi_v3 import ThirdSpi
from mcu_slm.simulator.watchdog import IndependentWatchdog


@dataclass(frozen=True)
class Attached:
    """The peripherals of one chip; ports by name."""

    watchdog: IndependentWatchdog
    i2c: dict[str, FirstI2c | SecondI2c] = field(default_factory=dict)
    spi: dict[str, SpiBus] = field(default_factory=dict)
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


@dataclass(frozen=True)
class DmaMemory:
    """How DMA gets at memory. `is_cached` says that the core reads what its data cache holds."""

    read: Callable[[int, int], bytes]
    write: Callable[[int, bytes], None]
    is_cached: Callable[[int, int], bool]


def attach(
    chip: Chip,
    clock: Clock,
    clock_hz: int,
    register: Callable[[int], int],
    memory: DmaMemory,
) -> Attached:
    """Return the peripherals of a chip that runs at `clock_hz`.

    `register` gives a plain register.
    """
    return Attached(
        IndependentWatchdog(chip, clock, clock_hz),
        {port.name: _new_i2c(port, clock) for port in chip.i2cs},
        {port.name: _new_spi(port, chip, clock, register) for port in chip.spis},
        _analog_chain(chip, clock, register, memory),
    )


def clock_gates(chip: Chip) -> dict[int, BitField]:
    """Return the bits that switch the clocks of a chip's ports on, by the bases of these."""
    enables = {
        port.base: chip.family.clock_enable(port.rcc_enable_register, port.rcc_enable_bit)
        for port in chip.ports
    }
    return {base: bit for base, bit in enables.items() if bit is not None}


def _new_i2c(port: I2cPort, clock: Clock) -> FirstI2c | SecondI2c:
    return (FirstI2c if port.generation == 1 else SecondI2c)(port.base, clock)


def _new_spi(port: SpiPort, chip: Chip, clock: Clock, register: Callable[[int], int]) -> SpiBus:
    select = port.clock_select
    if select is None:
        return (FirstSpi if port.generation == 1 else SecondSpi)(port.base, clock)
    place, wanted = chip.family.place(select.place), select.value
    return ThirdSpi(
        port.base, clock, lambda: register(place.address) & place.mask == wanted << place.shift
    )


def _analog_chain(
    chip: Chip, clock: Clock, register: Callable[[int], int], memory: DmaMemory
) -> AnalogChain | None:
    if chip.sampling_chain is None:
        return None
    reached = [area for area in chip.memories if area.kind == "ram"]

    def store(address: int, data: bytes) -> bool:
        if not any(m.base <= address and address + len(data) <= m.end for m in reached):
            return False
        if not memory.is_cached(address, len(data)):  # else the core goes on reading what it had
            memory.write(address, data)
        return True

    def load(address: int) -> int:
        return int.from_bytes(memory.read(address, 4), "little")

    return AnalogChain(chip, clock, register, Memory(store, load))
