"""STM32G0, G4, L4, L5, WB and WL: from clock source and wanted core clock to register values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mcu_slm.boards import Board
from mcu_slm.boards.clocks import MnrPllFacts
from mcu_slm.firmware.clocks.sources import (
    CommonSettings,
    common_settings,
    no_pll_setting,
    source_hz,
)

# G4, L4+ and L5: on the way past this clock AHB runs at half of it for a moment.
_TWO_STEPS_ABOVE_HZ: Final = 80_000_000
# WB: what its second core may have.
_SECOND_CORE_MAX_HZ: Final = 32_000_000
_VDDIO2_PORT: Final = "PG"  # but for PG0 and PG1


@dataclass(frozen=True)
class MnrClockSettings(CommonSettings):
    """What `system_clock.c` writes to the clock registers, and why.

    `uses_vddio2` says that the board needs pins which are cut off until their supply is declared
    valid. All buses are as fast as the core.
    """

    console_hz: int
    pll_m: int
    pll_n: int
    pll_r: int
    flash_wait_states: int
    boost: bool
    two_steps: bool
    halves_second_core: bool
    uses_vddio2: bool


def clock_settings(board: Board) -> MnrClockSettings:
    """Compute PLL and wait states for a board.

    Raises:
        BoardError: no setting of the PLL gives exactly `clock_hz` from crystal or oscillator.

    Source: RM0440, RM0351, RM0432, RM0438, RM0434, RM0453 and RM0444, chapters RCC, PWR and FLASH.
    """
    facts = board.chip.clock
    assert isinstance(facts, MnrPllFacts)  # the family decided that
    m, n, r = _pll(board, facts)
    return MnrClockSettings(
        console_hz=board.clock_hz,
        pll_m=m,
        pll_n=n,
        pll_r=r,
        flash_wait_states=facts.wait_states(board.clock_hz),
        boost=facts.is_boosted(board.clock_hz),
        two_steps=board.clock_hz > _TWO_STEPS_ABOVE_HZ,
        halves_second_core=board.clock_hz > _SECOND_CORE_MAX_HZ,
        uses_vddio2=_uses_vddio2(board),
        **common_settings(board, (m, n, r)),
    )


def _pll(board: Board, facts: MnrPllFacts) -> tuple[int, int, int]:
    """Return M, N, R: the highest PLL input (least jitter), then the slowest PLL (least power)."""
    source = source_hz(board)
    for m in range(1, facts.pll_m_max + 1):
        if source % m:
            continue
        input_hz = source // m
        if not facts.pll_input_min_hz <= input_hz <= facts.pll_input_max_hz:
            continue
        for r in facts.pll_r_dividers:
            vco_hz = board.clock_hz * r
            n = vco_hz // input_hz
            vco_fits = facts.pll_vco_min_hz <= vco_hz <= facts.pll_vco_max_hz
            if vco_fits and facts.pll_n_min <= n <= facts.pll_n_max and vco_hz == n * input_hz:
                return m, n, r
    raise no_pll_setting(board, "source / M * N / R within the limits in the chip file")


def _uses_vddio2(board: Board) -> bool:
    pins = [board.console.tx_pin, board.console.rx_pin, *([board.led.pin] if board.led else [])]
    return any(pin.startswith(_VDDIO2_PORT) and int(pin[2:]) >= 2 for pin in pins)
