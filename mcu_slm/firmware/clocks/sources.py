"""What feeds the PLL: the board's crystal, a clock from outside, or an oscillator in the chip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mcu_slm.boards import Board
from mcu_slm.errors import BoardError


@dataclass(frozen=True)
class CommonSettings:
    """What `system_clock.c` of every family takes."""

    core_hz: int
    core_mhz: str
    reset_hz: int
    has_crystal: bool
    crystal_bypass: bool
    summary: str


def common_settings(board: Board, pll: tuple[int, int, int]) -> dict[str, Any]:
    """Return the fields of `CommonSettings`, for the dividers M, N and the last of the PLL."""
    return {
        "core_hz": board.clock_hz,
        "core_mhz": f"{board.clock_hz / 1e6:g}",
        "reset_hz": board.chip.reset_clock_hz,
        "has_crystal": board.crystal_hz > 0,
        "crystal_bypass": board.crystal_bypass,
        "summary": pll_summary(board, pll),
    }


def source_hz(board: Board) -> int:
    """Return the frequency at the entry of the PLL."""
    return board.crystal_hz or board.chip.clock.internal_hz


def source_name(board: Board) -> str:
    """Return what the source is called in comments."""
    if not board.crystal_hz:
        return "internal oscillator"
    return "external clock" if board.crystal_bypass else "crystal"


def pll_summary(board: Board, pll: tuple[int, int, int]) -> str:
    """Return the way from source to core clock as one line, for the dividers M, N and the last."""
    m, n, last = pll
    return (
        f"{source_hz(board) / 1e6:g} MHz {source_name(board)} / {m} * {n} / {last} = "
        f"{board.clock_hz / 1e6:g} MHz; PLL runs at {source_hz(board) * n / m / 1e6:g} MHz."
    )


def no_pll_setting(board: Board, expected: str) -> BoardError:
    """Return the error for a core clock that the PLL does not reach."""
    return BoardError(
        f"board {board.name}: clock_hz",
        f"no PLL setting gives {board.clock_hz:,} Hz from {source_hz(board):,} Hz",
        expected=expected,
        remedy="Choose another clock_hz.",
    )
