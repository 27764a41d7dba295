"""STM32H5 at voltage scale 0: from crystal and wanted core clock to register values."""

from __future__ import annotations

from dataclasses import dataclass

from mcu_slm.boards import Board
from mcu_slm.boards.clocks import H5ClockFacts
from mcu_slm.firmware.clocks.ranged_pll import (
    RangedPllSettings,
    ranged_pll,
    ranged_pll_settings,
)


@dataclass(frozen=True)
class H5ClockSettings(RangedPllSettings):
    """What `system_clock.c` writes to the clock registers."""

    console_hz: int
    pll_p: int
    flash_wait_states: int
    flash_programming_delay: int


def clock_settings(board: Board) -> H5ClockSettings:
    """Compute PLL and wait states for a board; all buses are undivided.

    Raises:
        BoardError: no setting of the PLL gives exactly `clock_hz`.

    Source: RM0481, chapters RCC (RCC_PLL1CFGR, RCC_CR), PWR (PWR_VOSCR) and Flash.
    """
    facts = board.chip.clock
    assert isinstance(facts, H5ClockFacts)  # the family decided that
    pll = ranged_pll(board)
    latency, delay = next(row[1:] for row in facts.flash_latencies if board.clock_hz <= row[0])
    return H5ClockSettings(
        console_hz=board.clock_hz,
        pll_p=pll.divider,
        flash_wait_states=latency,
        flash_programming_delay=delay,
        **ranged_pll_settings(board, pll, internal="HSI"),
    )
