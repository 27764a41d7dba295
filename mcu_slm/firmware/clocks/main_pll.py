"""The PLL and the buses of STM32F4 and F7: source / M * N / P, then a divider for each bus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mcu_slm.boards import Board
from mcu_slm.firmware.clocks.sources import no_pll_setting, source_hz

_USB_HZ: Final = 48_000_000
# Divider -> value of the field PPREx (RCC_CFGR).
_APB_FIELDS: Final = {1: 0, 2: 4, 4: 5, 8: 6, 16: 7}


@dataclass(frozen=True)
class MainPll:
    """Factors of the PLL; `q` divides its VCO to at most 48 MHz."""

    m: int
    n: int
    p: int
    q: int


def main_pll(board: Board, n_min: int) -> MainPll:
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


def apb_divider(core_hz: int, limit_hz: int) -> int:
    """Return the least divider that keeps a bus within its limit."""
    return next(divider for divider in _APB_FIELDS if core_hz <= limit_hz * divider)


def apb_field(divider: int) -> int:
    """Return the value of PPREx for a divider."""
    return _APB_FIELDS[divider]
