"""PLL1 of STM32H5, H7 and U5: source / M * N / divider, where the PLL is told its input's range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from mcu_slm.boards import Board
from mcu_slm.firmware.clocks.sources import (
    CommonSettings,
    common_settings,
    no_pll_setting,
    source_hz,
)

# Where the next range of the PLL's input begins (field PLL1RGE).
_INPUT_RANGES_HZ: Final = (2_000_000, 4_000_000, 8_000_000)


@dataclass(frozen=True)
class RangedPll:
    """Factors of the PLL; `input_range` is the value of PLL1RGE."""

    m: int
    n: int
    divider: int
    input_hz: int

    @property
    def input_range(self) -> int:
        """Number of the range that the input lies in."""
        return sum(self.input_hz >= edge for edge in _INPUT_RANGES_HZ)

    @property
    def input_mhz(self) -> str:
        """The input in MHz, for comments."""
        return f"{self.input_hz / 1e6:g}"


@dataclass(frozen=True)
class RangedPllSettings(CommonSettings):
    """What `system_clock.c` of these families writes to the PLL, but for the last divider."""

    pll_source: str
    pll_m: int
    pll_n: int
    pll_input_range: int
    pll_input_mhz: str


def ranged_pll_settings(board: Board, pll: RangedPll, internal: str) -> dict[str, Any]:
    """Return the fields of `RangedPllSettings`; `internal` names the oscillator in the chip."""
    return {
        "pll_source": "HSE" if board.crystal_hz else internal,
        "pll_m": pll.m,
        "pll_n": pll.n,
        "pll_input_range": pll.input_range,
        "pll_input_mhz": pll.input_mhz,
        **common_settings(board, (pll.m, pll.n, pll.divider)),
    }


def ranged_pll(board: Board, m_max: int = 63) -> RangedPll:
    """Choose the highest PLL input (least jitter), then the slowest PLL (least power).

    The divider is even: an odd one is not allowed on every chip, nor is 1.

    Raises:
        BoardError: no setting gives exactly `clock_hz`.
    """
    facts, source = board.chip.clock, source_hz(board)
    for m in range(1, m_max + 1):
        if source % m or not facts.pll_input_min_hz <= source // m <= facts.pll_input_max_hz:
            continue
        for divider in range(2, 130, 2):
            vco_hz = board.clock_hz * divider
            n = vco_hz // (source // m)
            in_range = facts.pll_vco_min_hz <= vco_hz <= facts.pll_vco_max_hz and 4 <= n <= 512
            if in_range and vco_hz == n * (source // m):
                return RangedPll(m, n, divider, source // m)
    raise no_pll_setting(board, "source / M * N / divider with an even divider")
