"""STM32F7: from crystal and wanted core clock to register values."""

from __future__ import annotations

from dataclasses import dataclass

from mcu_slm.boards import Board
from mcu_slm.boards.clocks import F7ClockFacts
from mcu_slm.firmware.clocks.main_pll import apb_divider, apb_field, main_pll
from mcu_slm.firmware.clocks.sources import CommonSettings, common_settings


@dataclass(frozen=True)
class F7ClockSettings(CommonSettings):
    """What `system_clock.c` writes to the clock registers."""

    console_hz: int
    pll_source: str
    pll_m: int
    pll_n: int
    pll_p: int
    pll_q: int
    apb1_divider: int
    apb2_divider: int
    ppre1: int
    ppre2: int
    flash_wait_states: int
    over_drive: bool


def clock_settings(board: Board) -> F7ClockSettings:
    """Compute PLL, bus dividers and wait states for a board.

    Raises:
        BoardError: no setting of the PLL gives exactly `clock_hz`.

    Source: RM0385 and RM0410, chapters RCC (RCC_PLLCFGR, RCC_CFGR), PWR and Flash.
    """
    facts = board.chip.clock
    assert isinstance(facts, F7ClockFacts)  # the family decided that
    pll = main_pll(board, facts.pll_n_min)
    apb1 = apb_divider(board.clock_hz, facts.apb1_max_hz)
    apb2 = apb_divider(board.clock_hz, facts.apb2_max_hz)
    return F7ClockSettings(
        console_hz=board.clock_hz // (apb1 if board.console.usart.bus == "APB1" else apb2),
        pll_source="HSE" if board.crystal_hz else "HSI",
        pll_m=pll.m,
        pll_n=pll.n,
        pll_p=pll.p,
        pll_q=pll.q,
        apb1_divider=apb1,
        apb2_divider=apb2,
        ppre1=apb_field(apb1),
        ppre2=apb_field(apb2),
        flash_wait_states=(board.clock_hz - 1) // facts.flash_hz_per_wait_state,
        over_drive=board.clock_hz > facts.over_drive_above_hz,
        **common_settings(board, (pll.m, pll.n, pll.p)),
    )
