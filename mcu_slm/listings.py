"""What the commands `boards` and `ops` print: one line for each, or one JSON object."""

from __future__ import annotations

import json
from typing import Any

from mcu_slm.boards import Board, list_boards, load_board
from mcu_slm.pipeline import operators as table


def boards(*, as_json: bool) -> str:
    """Return all boards."""
    found = [load_board(name) for name in list_boards()]
    if as_json:
        return _as_json({"boards": [board.summary() for board in found]})
    return "\n".join(_board_line(board) for board in found)


def operators(*, as_json: bool) -> str:
    """Return the table of operators."""
    return _as_json(table.to_json()) if as_json else table.text()


def _as_json(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2, default=str)


def _board_line(board: Board) -> str:
    chip = board.chip
    sizes = f"{chip.flash.size_bytes >> 10} KiB flash, {chip.ram.size_bytes >> 10} KiB RAM"
    return (
        f"{board.name:20} {board.title}: {chip.name}, {chip.core}, {sizes}, "
        f"{board.clock_hz / 1e6:.0f} MHz"
    )
