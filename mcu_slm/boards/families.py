"""Registers that start-up code of a family meets: `boards/families/<family>.toml`.

The board simulator answers from these tables. A register inside a listed block keeps what was
written; a ready flag follows the bits that request it, at once; registers outside all blocks are
kept too, but reported as not modelled.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from mcu_slm.boards.sampling_chain import SamplingChain

_PLACE: Final = re.compile(r"(\w+)\+0x([0-9A-Fa-f]+)(?::(\d+)(?:-(\d+))?)?")
_WORD: Final = 0xFFFF_FFFF


@dataclass(frozen=True)
class RegisterBlock:
    """A range of plain registers; `reset_values` are rows of [offset, value after reset]."""

    name: str
    base: int
    size_bytes: int
    reset_values: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True)
class ReadyFlag:
    """The bits `flag` show the bits `follows`; both are places such as `RCC+0x00:17`.

    `crystal` marks what never becomes ready on a board with a dead crystal.
    """

    flag: str
    follows: str
    crystal: bool = False


@dataclass(frozen=True)
class GpioPorts:
    """Ports A, B ... at `base`, 0x400 apart, and the offsets of their data registers."""

    base: int
    ports: int
    idr: int = 0x10
    odr: int = 0x14
    bsrr: int = 0x18


@dataclass(frozen=True)
class ResetFlagBits:
    """Bit of each cause of a reset; none where the family has no such flag.

    Where one flag means power-on or brown-out, it counts as both.
    """

    power: int
    pin: int
    software: int
    watchdog: int
    window_watchdog: int
    low_power: int
    brown_out: int | None = None


@dataclass(frozen=True)
class ResetCause:
    """The register that names the causes of a reset, until software sets its clear bit.

    `power_on` is what it holds when the power came, all other bits included.
    """

    register: str
    power_on: int
    clear_bit: int
    flags: ResetFlagBits


@dataclass(frozen=True)
class AddressRange:
    """A range of addresses."""

    base: int
    size_bytes: int


@dataclass(frozen=True)
class ClockEnable:
    """A register that switches clocks of peripherals on: its name in `registers.h`, its place."""

    register: str
    place: str


@dataclass(frozen=True)
class BitField:
    """Bits of one register, by absolute address."""

    address: int
    mask: int

    @property
    def shift(self) -> int:
        """Number of its lowest bit."""
        return (self.mask & -self.mask).bit_length() - 1

    @property
    def highest(self) -> int:
        """The highest value that it holds."""
        return self.mask >> self.shift


@dataclass(frozen=True)
class Family:
    """Registers of one family of chips; `name` is also its folder of firmware templates.

    `boot_alias` says that flash also appears at address 0, from where the core boots; else the core
    boots from the beginning of flash. `idcode` is where DBGMCU_IDCODE lies, for a debug probe.
    `clock_enables` are the registers that chip files name as `rcc_enable_register`.
    `unique_id` are the addresses of the three words of the chip's own number; none where reading it
    takes more than that. `analog` is what samples analog inputs; none where nobody described it.
    """

    name: str
    title: str
    source: str
    boot_alias: bool
    gpio: GpioPorts
    factory_data: AddressRange
    reset_cause: ResetCause
    ready: tuple[ReadyFlag, ...]
    blocks: tuple[RegisterBlock, ...]
    idcode: int = 0xE004_2000
    unique_id: tuple[int, ...] = ()
    clock_enables: tuple[ClockEnable, ...] = ()
    analog: SamplingChain | None = None

    @property
    def watchdog(self) -> RegisterBlock:
        """The independent watchdog."""
        return next(block for block in self.blocks if block.name.startswith("IWDG"))

    def clock_enable(self, register: str, bit: int) -> BitField | None:
        """Return the bit that switches a peripheral's clock on; None for an unknown register."""
        for enable in self.clock_enables:
            if enable.register == register:
                return BitField(self.place(enable.place).address, 1 << bit)
        return None

    def place(self, text: str) -> BitField:
        """Return the bits that a place names; a place without bits is the whole register.

        Raises:
            ValueError: it names no block, lies outside it, or is not written as a place.
        """
        match = _PLACE.fullmatch(text)
        block = match and next((b for b in self.blocks if b.name == match[1]), None)
        if match is None or block is None:
            raise ValueError("it names no register of a listed block")
        offset, first, last = int(match[2], 16), int(match[3] or 0), int(match[4] or match[3] or 31)
        if offset % 4 or offset >= block.size_bytes or not first <= last < 32:
            raise ValueError("it lies outside the block or the register")
        return BitField(block.base + offset, _WORD >> (31 - last + first) << first)
