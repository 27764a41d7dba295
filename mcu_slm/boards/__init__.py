"""Boards and chips as data: `boards/<board>.toml` names a `boards/chips/<chip>.toml`.

A chip file holds silicon facts, a board file what is soldered around it; a fact lives in one file.
Tables are read strictly, and checked. Adding a board adds a file and edits none.

    facts.py         the dataclasses
    clocks.py        clock trees, one dataclass per family
    loading.py       `load_board`, `list_boards`
    strict_toml.py   tables to dataclasses, unknown keys refused
    checks.py        what must agree
"""

from mcu_slm.boards.clocks import ClockFacts
from mcu_slm.boards.facts import Board, Chip, Console, I2cPort, Led, Memory, SpiPort, Usart
from mcu_slm.boards.loading import board_from_json, board_to_json, list_boards, load_board

__all__ = [
    "Board",
    "Chip",
    "ClockFacts",
    "Console",
    "I2cPort",
    "Led",
    "Memory",
    "SpiPort",
    "Usart",
    "board_from_json",
    "board_to_json",
    "list_boards",
    "load_board",
]
