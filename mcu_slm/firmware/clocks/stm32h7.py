"""STM32H7: from crystal and wanted core clock to register values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mcu_slm.boards import Board
from mcu_slm.boards.clocks import H7ClockFacts
from mcu_slm.firmware.clocks.buses import apb_divider, apb_field, least_divider
from mcu_slm.firmware.clocks.ranged_pll import (
    RangedPllSettings,
    ranged_pll,
    ranged_pll_settings,
)

# Divider -> value of the field HPRE (RCC_D1CFGR).
_AHB_FIELDS: Final = {1: 0, 2: 8, 4: 9, 8: 10, 16: 11}


@dataclass(frozen=True)
class H7ClockSettings(RangedPllSettings):
    """What `system_clock.c` writes to the clock registers."""

    console_hz: int
    pll_p: int
    ahb_divider: int
    apb_divider: int
    hpre: int
    ppre: int
    flash_wait_states: int
    flash_programming_delay: int


def clock_settings(board: Board) -> H7ClockSettings:
    """Compute PLL, bus dividers and wait states for a board.

    Raises:
        BoardError: no setting of the PLL gives exactly `clock_hz`.

    Source: RM0433 and RM0455, chapters RCC (RCC_PLLCKSELR, RCC_PLLCFGR, RCC_D1CFGR), PWR and Flash.
    """
    facts = board.chip.clock
    assert isinstance(facts, H7ClockFacts)  # the family decided that
    pll = ranged_pll(board)
    ahb = least_divider(_AHB_FIELDS, board.clock_hz, facts.ahb_max_hz)
    ahb_hz = board.clock_hz // ahb
    apb = apb_divider(ahb_hz, facts.apb_max_hz)
    latency, delay = next(row[1:] for row in facts.flash_latencies if ahb_hz <= row[0])
    return H7ClockSettings(
        console_hz=ahb_hz // apb,
        pll_p=pll.divider,
        ahb_divider=ahb,
        apb_divider=apb,
        hpre=_AHB_FIELDS[ahb],
        ppre=apb_field(apb),
        flash_wait_states=latency,
        flash_programming_delay=delay,
        **ranged_pll_settings(board, pll, internal="HSI"),
    )
