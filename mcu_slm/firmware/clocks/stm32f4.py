"""STM32F4: from crystal and wanted core clock to register values."""

from __future__ import annotations

from dataclasses import dataclass

from mcu_slm.boards import Board
from mcu_slm.boards.clocks import F4ClockFacts
from mcu_slm.firmware.clocks.main_pll import MainPllSettings, main_pll_settings
from mcu_slm.firmware.register_fields import word


@dataclass(frozen=True)
class F4ClockSettings(MainPllSettings):
    """What `system_clock.c` writes to the clock registers.

    `prefetch_broken_revision` is empty where every revision can prefetch.
    """

    highest_voltage: str
    prefetch_broken_revision: str


def clock_settings(board: Board) -> F4ClockSettings:
    """Compute PLL, bus dividers and wait states for a board.

    Raises:
        BoardError: no setting of the PLL gives exactly `clock_hz`.

    Source: RM0090, RM0368, RM0383 and RM0390, chapters RCC (RCC_PLLCFGR, RCC_CFGR), PWR and Flash.
    """
    facts = board.chip.clock
    assert isinstance(facts, F4ClockFacts)  # the family decided that
    broken = facts.flash_prefetch_broken_revision
    return F4ClockSettings(
        highest_voltage=word(facts.pwr_cr_highest_voltage),
        prefetch_broken_revision=f"0x{broken:04X}u" if broken else "",
        **main_pll_settings(board, facts),
    )
