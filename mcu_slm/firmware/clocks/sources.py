"""What feeds the PLL: the board's crystal, a clock from outside, or an oscillator in the chip."""

from __future__ import annotations

from mcu_slm.boards import Board
from mcu_slm.errors import BoardError


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
