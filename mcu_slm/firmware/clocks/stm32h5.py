"""STM32H5 at voltage scale 0: from crystal and wanted core clock to register values."""

from __future__ import annotations

from dataclasses import dataclass

from mcu_slm.boards import Board
from mcu_slm.boards.clocks import H5ClockFacts
from mcu_slm.firmware.clocks.ranged_pll import ranged_pll
from mcu_slm.firmware.clocks.sources import pll_summary


@dataclass(frozen=True)
class H5ClockSettings:
    """What `system_clock.c` writes to the clock registers."""

    core_hz: int
    core_mhz: str
    console_hz: int
    reset_hz: int
    has_crystal: bool
    crystal_bypass: bool
    pll_source: str
    pll_m: int
    pll_n: int
    pll_p: int
    pll_input_range: int
    pll_input_mhz: str
    flash_wait_states: int
    flash_programming_delay: int
    summary: str


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
        core_hz=board.clock_hz,
        core_mhz=f"{board.clock_hz / 1e6:g}",
        console_hz=board.clock_hz,
        reset_hz=board.chip.reset_clock_hz,
        has_crystal=board.crystal_hz > 0,
        crystal_bypass=board.crystal_bypass,
        pll_source="HSE" if board.crystal_hz else "HSI",
        pll_m=pll.m,
        pll_n=pll.n,
        pll_p=pll.divider,
        pll_input_range=pll.input_range,
        pll_input_mhz=pll.input_mhz,
        flash_wait_states=latency,
        flash_programming_delay=delay,
        summary=pll_summary(board, (pll.m, pll.n, pll.divider)),
    )
