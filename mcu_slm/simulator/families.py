"""What the registers of a chip family answer, as far as start-up code asks: one table per family.

Adding a family: one `Family` below and its line in `FAMILIES`. Addresses are absolute. A register
inside a listed block keeps what was written; a `Ready` bit follows the bit that requests it, at
once; registers outside all blocks are kept too, but reported as not modelled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Block:
    """A range of plain registers and their values after reset."""

    name: str
    base: int
    size_bytes: int
    reset_values: tuple[tuple[int, int], ...] = ()  # (address, value)


@dataclass(frozen=True)
class Ready:
    """`mask` of `register` shows `source_mask` of `source`, moved to its place.

    `crystal` marks what never becomes ready on a board with a dead crystal.
    """

    register: int
    mask: int
    source: int
    source_mask: int
    crystal: bool = False


@dataclass(frozen=True)
class Family:
    """Registers of one family of chips."""

    source: str
    blocks: tuple[Block, ...]
    ready: tuple[Ready, ...]
    gpio_ports: tuple[int, ...]  # base addresses
    reset_cause: tuple[int, int, int]  # register, value at power-on, value after a software reset
    factory_data: tuple[int, int]  # base and size of the factory-programmed area


def _bit(register: int, bit: int, source: int, source_bit: int, crystal: bool = False) -> Ready:
    return Ready(register, 1 << bit, source, 1 << source_bit, crystal)


_F4_RCC: Final = 0x40023800
_F4_PWR: Final = 0x40007000
_F4_FLASH: Final = 0x40023C00
_F4_CR, _F4_CFGR, _F4_BDCR, _F4_CSR = (_F4_RCC + offset for offset in (0x00, 0x08, 0x70, 0x74))

_STM32F4: Final = Family(
    source="ST RM0390 and RM0090: RCC, PWR and FLASH register maps",
    blocks=(
        Block("RCC", _F4_RCC, 0x400, ((_F4_CR, 0x83), (_F4_RCC + 0x04, 0x24003010))),
        Block("PWR", _F4_PWR, 0x400, ((_F4_PWR, 0xC000),)),
        Block("FLASH", _F4_FLASH, 0x400, ((_F4_FLASH + 0x10, 1 << 31),)),  # CR.LOCK
        Block("IWDG", 0x40003000, 0x400, ((0x40003008, 0xFFF),)),
        Block("WWDG", 0x40002C00, 0x400, ((0x40002C00, 0x7F), (0x40002C04, 0x7F))),
        Block("SYSCFG", 0x40013800, 0x400),
        Block("EXTI", 0x40013C00, 0x400),
    ),
    ready=(
        _bit(_F4_CR, 1, _F4_CR, 0),  # HSIRDY <- HSION
        _bit(_F4_CR, 17, _F4_CR, 16, crystal=True),  # HSERDY <- HSEON
        _bit(_F4_CR, 25, _F4_CR, 24),  # PLLRDY <- PLLON
        _bit(_F4_CR, 27, _F4_CR, 26),  # PLLI2SRDY <- PLLI2SON
        _bit(_F4_CR, 29, _F4_CR, 28),  # PLLSAIRDY <- PLLSAION
        Ready(_F4_CFGR, 3 << 2, _F4_CFGR, 3),  # SWS <- SW
        _bit(_F4_BDCR, 1, _F4_BDCR, 0, crystal=True),  # LSERDY <- LSEON
        _bit(_F4_CSR, 1, _F4_CSR, 0),  # LSIRDY <- LSION
        _bit(_F4_PWR + 4, 14, _F4_CR, 24),  # VOSRDY: the scale is applied when the PLL is on
        _bit(_F4_PWR + 4, 16, _F4_PWR, 16),  # ODRDY <- ODEN
        _bit(_F4_PWR + 4, 17, _F4_PWR, 17),  # ODSWRDY <- ODSWEN
    ),
    gpio_ports=tuple(range(0x40020000, 0x40022C00, 0x400)),
    reset_cause=(_F4_CSR, 0x0E000000, 0x14000000),  # POR, PIN, BOR; SFT, PIN
    factory_data=(0x1FFF7000, 0x1000),  # OTP and unique device ID
)

FAMILIES: Final[dict[str, Family]] = {"stm32f4": _STM32F4}
