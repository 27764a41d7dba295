"""What a board and its chip are: frozen dataclasses, sizes in bytes, clocks in Hz."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Memory:
    """One contiguous memory. `ccm` is RAM on the core's data bus only: no code, no DMA."""

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

    `generation` 1 has the registers SR/DR, 2 has ISR/RDR/TDR.
    """

    name: str
    base: int
    irq: int
    generation: Literal[1, 2]
    bus: Literal["APB1", "APB2"]
    rcc_enable_bit: int
    alternate_function: int
    tx_pins: tuple[str, ...]
    rx_pins: tuple[str, ...]


@dataclass(frozen=True)
class ClockFacts:
    """Limits of a chip's clock tree and flash.

    `over_drive_above_hz` is 0 where there is no over-drive, `flash_prefetch_broken_revision` (a
    REV_ID of DBGMCU_IDCODE) where every revision can prefetch.
    """

    crystal_min_hz: int
    crystal_max_hz: int
    pll_input_min_hz: int
    pll_input_max_hz: int
    pll_vco_min_hz: int
    pll_vco_max_hz: int
    apb1_max_hz: int
    apb2_max_hz: int
    flash_hz_per_wait_state: int
    over_drive_above_hz: int
    pwr_cr_voltage_scale_1: int
    flash_prefetch_broken_revision: int


@dataclass(frozen=True)
class Chip:
    """Silicon facts. `family` names the folder of firmware templates."""

    name: str
    title: str
    source: str
    family: str
    core: Literal["cortex-m4"]
    fpu: Literal["none", "fpv4-sp-d16"]
    max_clock_hz: int
    reset_clock_hz: int
    interrupts: int
    bootloader_product_id: int
    pyocd_target: str
    flash_sectors_bytes: tuple[int, ...]
    clock: ClockFacts
    memories: tuple[Memory, ...]
    usarts: tuple[Usart, ...]

    def memory(self, kind: str) -> Memory:
        """Return the first memory of a kind; `flash` and `ram` exist on every chip."""
        return next(memory for memory in self.memories if memory.kind == kind)

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
        return self.flash_sectors_bytes


@dataclass(frozen=True)
class Console:
    """The serial port that the protocol runs on: 8 data bits, no parity, 1 stop bit."""

    usart: Usart
    tx_pin: str
    rx_pin: str
    baud: int

    @property
    def alternate_function(self) -> int:
        """The GPIO alternate function that connects the pins to the port."""
        return self.usart.alternate_function


@dataclass(frozen=True)
class Led:
    """A light-emitting diode on a pin."""

    pin: str
    active_high: bool


@dataclass(frozen=True)
class Board:
    """A chip and what is soldered around it."""

    name: str
    title: str
    source: str
    chip: Chip
    clock_hz: int
    crystal_hz: int
    crystal_bypass: bool
    console: Console
    debugger: str
    led: Led | None = None
    qemu_machine: str | None = None
    stack_bytes: int = 4096

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
