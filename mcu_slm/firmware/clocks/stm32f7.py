"""STM32F7: from crystal and wanted core clock to register values."""

from __future__ import annotations

from mcu_slm.boards import Board
from mcu_slm.boards.clocks import F7ClockFacts
from mcu_slm.firmware.clocks.main_pll import MainPllSettings, main_pll_settings


def clock_settings(board: Board) -> MainPllSettings:
    """Compute PLL, bus dividers and wait states for a board.

    Raises:
        BoardError: no setting of the PLL gives exactly `clock_hz`.

    Source: RM0385 and RM0410, chapters RCC (RCC_PLLCFGR, RCC_CFGR), PWR and Flash.
    """
    facts = board.chip.clock
    assert isinstance(facts, F7ClockFacts)  # the family decided that
    return MainPllSettings(**main_pll_settings(board, facts))
