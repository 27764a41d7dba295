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
    """Registers of one family of chips.

    `boot_alias` says that flash also appears at address 0, from where the core boots; else the core
    boots from the beginning of flash.
    """

    source: str
    blocks: tuple[Block, ...]
    ready: tuple[Ready, ...]
    gpio_ports: tuple[int, ...]  # base addresses
    reset_cause: tuple[int, int, int]  # register, value at power-on, value after a software reset
    factory_data: tuple[int, int]  # base and size of the factory-programmed area
    boot_alias: bool


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
    boot_alias=True,
)

_H7_RCC: Final = 0x58024400
_H7_PWR: Final = 0x58024800
_H7_FLASH: Final = 0x52002000
_H7_CR, _H7_CFGR, _H7_BDCR, _H7_CSR, _H7_RSR = (
    _H7_RCC + offset for offset in (0x00, 0x10, 0x70, 0x74, 0xD0)
)
_H7_CSR1, _H7_CR3, _H7_D3CR = (_H7_PWR + offset for offset in (0x04, 0x0C, 0x18))

_STM32H7: Final = Family(
    source="ST RM0433: RCC, PWR and FLASH register maps",
    blocks=(
        Block(
            "RCC",
            _H7_RCC,
            0x400,
            (
                (_H7_CR, 0x01),  # HSION
                (_H7_RCC + 0x28, 0x02020200),  # PLLCKSELR
                (_H7_RCC + 0x2C, 0x01FF0000),  # PLLCFGR
                (_H7_RCC + 0x30, 0x01010280),  # PLL1DIVR
            ),
        ),
        # LDOEN, SCUEN; scale 3; the voltage is always the one that was asked for.
        Block("PWR", _H7_PWR, 0x400, ((_H7_CR3, 6), (_H7_D3CR, 0x4000), (_H7_CSR1, 1 << 13))),
        Block("FLASH", _H7_FLASH, 0x400, ((_H7_FLASH, 0x37), (_H7_FLASH + 0x0C, 0x31))),
        Block("IWDG1", 0x58004800, 0x400, ((0x58004808, 0xFFF),)),
        Block("WWDG1", 0x50003000, 0x400, ((0x50003000, 0x7F), (0x50003004, 0x7F))),
        Block("SYSCFG", 0x58000400, 0x400),
        Block("EXTI", 0x58000000, 0x400),
        Block("DBGMCU", 0x5C001000, 0x400, ((0x5C001000, 0x20036450),)),  # IDC: revision V
        Block("AXI", 0x51000000, 0x100000),
    ),
    ready=(
        _bit(_H7_CR, 2, _H7_CR, 0),  # HSIRDY <- HSION
        _bit(_H7_CR, 5, _H7_CR, 0),  # HSIDIVF: the divider is applied
        _bit(_H7_CR, 8, _H7_CR, 7),  # CSIRDY <- CSION
        _bit(_H7_CR, 13, _H7_CR, 12),  # HSI48RDY <- HSI48ON
        _bit(_H7_CR, 17, _H7_CR, 16, crystal=True),  # HSERDY <- HSEON
        _bit(_H7_CR, 25, _H7_CR, 24),  # PLL1RDY <- PLL1ON
        _bit(_H7_CR, 27, _H7_CR, 26),  # PLL2RDY <- PLL2ON
        _bit(_H7_CR, 29, _H7_CR, 28),  # PLL3RDY <- PLL3ON
        Ready(_H7_CFGR, 7 << 3, _H7_CFGR, 7),  # SWS <- SW
        _bit(_H7_BDCR, 1, _H7_BDCR, 0, crystal=True),  # LSERDY <- LSEON
        _bit(_H7_CSR, 1, _H7_CSR, 0),  # LSIRDY <- LSION
        _bit(_H7_D3CR, 13, _H7_CR3, 1),  # VOSRDY <- LDOEN
        Ready(_H7_CSR1, 3 << 14, _H7_D3CR, 3 << 14),  # ACTVOS <- VOS
    ),
    gpio_ports=tuple(range(0x58020000, 0x58022C00, 0x400)),
    reset_cause=(_H7_RSR, 0x00FA0000, 0x01420000),  # POR, PIN, BOR, D2, D1, CPU; SFT, PIN, CPU
    factory_data=(0x1FF1E000, 0x1000),  # unique device ID
    boot_alias=False,
)

FAMILIES: Final[dict[str, Family]] = {"stm32f4": _STM32F4, "stm32h7": _STM32H7}
