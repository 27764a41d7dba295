"""What a board and its chip are: frozen dataclasses, sizes in bytes, clocks in Hz."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, Literal

from mcu_slm.boards.clocks import CLOCK_FACTS, ClockFacts
from mcu_slm.boards.families import Family
from mcu_slm.boards.sampling_chain import SamplingChain
from mcu_slm.boards.sensing import AdcPins, I2cPins, SpiPins


def port_and_number(pin: str) -> tuple[int, int]:
    """Split the name of a pin, `PC12`, into port 2 and number 12."""
    return ord(pin[1]) - ord("A"), int(pin[2:])


@dataclass(frozen=True)
class Memory:
    """One contiguous memory. `ccm` is RAM on the core's own bus, not for DMA."""

    name: str
    kind: Literal["flash", "ram", "ccm"]
    base: int
    size_bytes: int

    @property
    def end(self) -> int:
        """First address behind the memory."""
        return self.base + self.size_bytes


@dataclass(frozen=True)
class Usart:
    """One serial port of a chip and the pins that it can appear on.

    `generation` 1 has the registers SR/DR, 2 has ISR/RDR/TDR. A `low_power` port (LPUART) divides
    256 times its clock. `rx_alternate_function` is for ports whose receiving pin has another number
    than the sending one.
    """

    name: str
    base: int
    irq: int
    generation: Literal[1, 2]
    bus: Literal["APB1", "APB2"]
    rcc_enable_register: str
    rcc_enable_bit: int
    alternate_function: int
    tx_pins: tuple[str, ...]
    rx_pins: tuple[str, ...]
    low_power: bool = False
    rx_alternate_function: int | None = None


@dataclass(frozen=True)
class I2cPort:
    """One I2C port of a chip.

    Generation 1 has the registers CR1/CR2/CCR/SR1, 2 has CR1/CR2/TIMINGR/ISR. `clock` feeds the
    port after a reset: its bus, or the internal oscillator that also feeds the core then.
    """

    name: str
    base: int
    generation: Literal[1, 2]
    clock: Literal["APB1", "HSI"]
    rcc_enable_register: str
    rcc_enable_bit: int


@dataclass(frozen=True)
class ClockSelect:
    """The field `place` (`RCC+0x50:12-14`) that selects what clocks a port, and its value."""

    place: str
    value: int


@dataclass(frozen=True)
class SpiPort:
    """One SPI port of a chip.

    Generation 1 has frames of 8 or 16 bits, 2 a FIFO and frames of 4 to 16 bits, 3 the registers
    CFG1/CFG2/TXDR/RXDR and a clock of its own: `clock_select` says how to get `clock`.
    """

    name: str
    base: int
    generation: Literal[1, 2, 3]
    clock: Literal["APB1", "APB2", "HSI"]
    rcc_enable_register: str
    rcc_enable_bit: int
    clock_select: ClockSelect | None = None


Port = Usart | I2cPort | SpiPort


@dataclass(frozen=True)
class Chip:
    """Silicon facts.

    Stack, data and arena live in the first memory of kind `ram`. `flash_layout` has rows of [number
    of sectors, bytes of each], in address order. `has_smps`: there is a switching regulator.
    `analog` is there where it differs from the family's.
    """

    name: str
    title: str
    source: str
    family: Family
    core: Literal["cortex-m0", "cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33"]
    fpu: Literal["none", "fpv4-sp-d16", "fpv5-sp-d16", "fpv5-d16"]
    max_clock_hz: int
    reset_clock_hz: int
    interrupts: int
    bootloader_product_id: int
    pyocd_target: str
    openocd_target: str
    flash_layout: tuple[tuple[int, ...], ...]
    clock: ClockFacts
    memories: tuple[Memory, ...]
    usarts: tuple[Usart, ...]
    has_smps: bool = False
    i2cs: tuple[I2cPort, ...] = ()
    spis: tuple[SpiPort, ...] = ()
    analog: SamplingChain | None = None

    @staticmethod
    def field_types(table: dict[str, Any]) -> dict[str, type]:
        """Return the types of fields that depend on other fields."""
        return {"clock": CLOCK_FACTS.get(_family_name(table), ClockFacts)}

    def memory(self, kind: str) -> Memory:
        """Return the first memory of a kind; `flash` and `ram` exist on every chip."""
        return next(memory for memory in self.memories if memory.kind == kind)

    @property
    def ports(self) -> tuple[Port, ...]:
        """Every serial port that its file describes."""
        return (*self.usarts, *self.i2cs, *self.spis)

    @property
    def sampling_chain(self) -> SamplingChain | None:
        """What samples analog inputs; None where there is no code for it."""
        return self.analog or self.family.analog

    @property
    def flash(self) -> Memory:
        """The memory that code and weights live in."""
        return self.memory("flash")

    @property
    def ram(self) -> Memory:
        """The memory that stack, data and arena live in."""
        return self.memory("ram")

    @property
    def flash_sectors(self) -> tuple[int, ...]:
        """Bytes per flash sector, in address order."""
        return tuple(itertools.chain.from_iterable((size,) * n for n, size in self.flash_layout))


@dataclass(frozen=True)
class Console:
    """The serial port that the protocol runs on: 8 data bits, no parity, 1 stop bit."""

    usart: Usart
    tx_pin: str
    rx_pin: str
    baud: int

    @property
    def alternate_function(self) -> int:
        """The GPIO alternate function that connects the sending pin to the port."""
        return self.usart.alternate_function

    @property
    def rx_alternate_function(self) -> int:
        """The same of the receiving pin."""
        own = self.usart.rx_alternate_function
        return self.usart.alternate_function if own is None else own


@dataclass(frozen=True)
class Led:
    """A light-emitting diode on a pin."""

    pin: str
    active_high: bool


@dataclass(frozen=True)
class Board:
    """A chip and what is soldered around it.

    `crystal_hz` is 0 where the board has no crystal and is fed no clock: an oscillator inside the
    chip then feeds the PLL. `supply` is the regulator of the chip that feeds its core: where a
    switching one is wired, the other may not be used.
    """

    name: str
    title: str
    source: str
    chip: Chip
    clock_hz: int
    console: Console
    debugger: str
    crystal_hz: int = 0
    crystal_bypass: bool = False
    led: Led | None = None
    qemu_machine: str | None = None
    stack_bytes: int = 4096
    supply: Literal["ldo", "smps"] = "ldo"
    adc: AdcPins | None = None
    i2c: I2cPins | None = None
    spi: SpiPins | None = None

    @property
    def i2c_port(self) -> I2cPort | None:
        """The port of `[i2c]`; none where the chip's file does not describe its ports."""
        name = None if self.i2c is None else self.i2c.port
        return next((port for port in self.chip.i2cs if port.name == name), None)

    @property
    def spi_port(self) -> SpiPort | None:
        """The port of `[spi]`; none where the chip's file does not describe its ports."""
        name = None if self.spi is None else self.spi.port
        return next((port for port in self.chip.spis if port.name == name), None)

    @property
    def shares_led_with_spi(self) -> bool:
        """Whether the LED is on a wire of `[spi]`, as on Arduino headers."""
        if self.led is None or self.spi is None:
            return False
        wires = self.spi
        pins = (wires.sck_pin, wires.miso_pin, wires.mosi_pin, wires.select_pin)
        return self.led.pin in pins

    def summary(self) -> dict[str, str | int]:
        """Return what a list of boards shows."""
        return {
            "name": self.name,
            "title": self.title,
            "chip": self.chip.name,
            "core": self.chip.core,
            "clock_hz": self.clock_hz,
            "flash_bytes": self.chip.flash.size_bytes,
            "ram_bytes": self.chip.ram.size_bytes,
        }


def _family_name(table: dict[str, Any]) -> str:
    family = table.get("family")
    return str(family.get("name")) if isinstance(family, dict) else ""
