"""STM32H7: from crystal and wanted core clock to register values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mcu_slm.boards import Board
from mcu_slm.boards.clocks import H7ClockFacts
from mcu_slm.firmware.clocks.ranged_pll import ranged_pll
from mcu_slm.firmware.clocks.sources import CommonSettings, common_settings

# Divider -> value of the fields HPRE (RCC_D1CFGR) and of each PPRE.
_AHB_FIELDS: Final = {1: 0, 2: 8, 4: 9, 8: 10, 16: 11}
_APB_FIELDS: Final = {1: 0, 2: 4, 4: 5, 8: 6, 16: 7}


@dataclass(frozen=True)
class H7ClockSettings(CommonSettings):
    """What `system_clock.c` writes to the clock registers."""

    console_hz: int
    pll_source: str
    pll_m: int
    pll_n: int
    pll_p: int
    pll_input_range: int
    pll_input_mhz: str
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
    ahb = _divider(_AHB_FIELDS, board.clock_hz, facts.ahb_max_hz)
    ahb_hz = board.clock_hz // ahb
    apb = _divider(_APB_FIELDS, ahb_hz, facts.apb_max_hz)
    latency, delay = next(row[1:] for row in facts.flash_latencies if ahb_hz <= row[0])
    return H7ClockSettings(
        console_hz=ahb_hz // apb,
        pll_source="HSE" if board.crystal_hz else "HSI",
        pll_m=pll.m,
        pll_n=pll.n,
        pll_p=pll.divider,
        pll_input_range=pll.input_range,
        pll_input_mhz=pll.input_mhz,
        ahb_divider=ahb,
        apb_divider=apb,
        hpre=_AHB_FIELDS[ahb],
        ppre=_APB_FIELDS[apb],
        flash_wait_states=latency,
        flash_programming_delay=delay,
        **common_settings(board, (pll.m, pll.n, pll.divider)),
    )


def _divider(fields: dict[int, int], clock_hz: int, limit_hz: int) -> int:
    return next(divider for divider in fields if clock_hz <= limit_hz * divider)
