"""The PLL and the buses of STM32F4 and F7: source / M * N / P, then a divider for each bus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from mcu_slm.boards import Board
from mcu_slm.boards.clocks import MainPllFacts
from mcu_slm.firmware.clocks.buses import apb_divider, apb_field
from mcu_slm.firmware.clocks.sources import (
    CommonSettings,
    common_settings,
    no_pll_setting,
    source_hz,
)

_USB_HZ: Final = 48_000_000


@dataclass(frozen=True)
class MainPll:
    """Factors of the PLL; `q` divides its VCO to at most 48 MHz."""

    m: int
    n: int
    p: int
    q: int


@dataclass(frozen=True)
class MainPllSettings(CommonSettings):
    """What `system_clock.c` of both families writes to the clock registers."""

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


def main_pll_settings(board: Board, facts: MainPllFacts) -> dict[str, Any]:
    """Return the fields of `MainPllSettings`.

    Raises:
        BoardError: no setting of the PLL gives exactly `clock_hz`.
    """
    pll = _main_pll(board, facts.pll_n_min)
    apb1 = apb_divider(board.clock_hz, facts.apb1_max_hz)
    apb2 = apb_divider(board.clock_hz, facts.apb2_max_hz)
    return {
        "console_hz": board.clock_hz // (apb1 if board.console.usart.bus == "APB1" else apb2),
        "pll_source": "HSE" if board.crystal_hz else "HSI",
        "pll_m": pll.m,
        "pll_n": pll.n,
        "pll_p": pll.p,
        "pll_q": pll.q,
        "apb1_divider": apb1,
        "apb2_divider": apb2,
        "ppre1": apb_field(apb1),
        "ppre2": apb_field(apb2),
        "flash_wait_states": facts.wait_states(board.clock_hz),
        "over_drive": 0 < facts.over_drive_above_hz < board.clock_hz,
        **common_settings(board, (pll.m, pll.n, pll.p)),
    }


def _main_pll(board: Board, n_min: int) -> MainPll:
    """Choose the highest PLL input (least jitter), then the slowest PLL (least power).

    Raises:
        BoardError: no setting gives exactly `clock_hz`.
    """
    facts, source = board.chip.clock, source_hz(board)
    for m in range(2, 64):
        if source % m or not facts.pll_input_min_hz <= source // m <= facts.pll_input_max_hz:
            continue
        for p in (2, 4, 6, 8):
            vco_hz = board.clock_hz * p
            n = vco_hz // (source // m)
            in_range = facts.pll_vco_min_hz <= vco_hz <= facts.pll_vco_max_hz and n_min <= n <= 432
            if in_range and vco_hz == n * (source // m):
                return MainPll(m, n, p, q=-(-vco_hz // _USB_HZ))
    raise no_pll_setting(board, "source / M * N / P with a PLL input of 1 to 2 MHz")
