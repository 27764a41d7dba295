"""STM32U5 at voltage range 1: from crystal and wanted core clock to register values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mcu_slm.boards import Board
from mcu_slm.boards.clocks import U5ClockFacts
from mcu_slm.firmware.clocks.ranged_pll import (
    RangedPllSettings,
    ranged_pll,
    ranged_pll_settings,
)
from mcu_slm.firmware.clocks.sources import source_hz

_M_MAX: Final = 16
# Divider -> value of the field PLL1MBOOST (RCC_PLL1CFGR); no source needs a higher one.
_BOOST_FIELDS: Final = {1: 0, 2: 1, 4: 2}


@dataclass(frozen=True)
class U5ClockSettings(RangedPllSettings):
    """What `system_clock.c` writes to the clock registers.

    The booster (EPOD) is needed by fast cores; it runs at the PLL's source / `boost_divider`.
    """

    console_hz: int
    smps: bool
    pll_r: int
    needs_boost: bool
    boost_divider: int
    boost_field: int
    flash_wait_states: int


def clock_settings(board: Board) -> U5ClockSettings:
    """Compute PLL, booster and wait states for a board; all buses are undivided.

    Raises:
        BoardError: no setting of the PLL gives exactly `clock_hz`.

    Source: RM0456, chapters RCC (RCC_PLL1CFGR), PWR (PWR_VOSR) and Flash.
    """
    facts = board.chip.clock
    assert isinstance(facts, U5ClockFacts)  # the family decided that
    pll = ranged_pll(board, _M_MAX)
    boost = next(d for d in _BOOST_FIELDS if source_hz(board) <= facts.boost_input_max_hz * d)
    return U5ClockSettings(
        console_hz=board.clock_hz,
        smps=board.supply == "smps",
        pll_r=pll.divider,
        needs_boost=board.clock_hz > facts.boost_above_hz,
        boost_divider=boost,
        boost_field=_BOOST_FIELDS[boost],
        flash_wait_states=facts.wait_states(board.clock_hz),
        **ranged_pll_settings(board, pll, internal="MSIS"),
    )
