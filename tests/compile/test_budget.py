"""What of a board a model may take, and how a project limits that."""

from __future__ import annotations

from typing import Any

import pytest

from mcu_slm.boards import list_boards, load_board
from mcu_slm.compile import Choices, budget_of, recorded_choices
from mcu_slm.compile.budget import FIRMWARE_FLASH_BYTES, FIRMWARE_RAM_BYTES

BOARD = load_board("nucleo_f446re")


@pytest.mark.parametrize("name", list_boards())
def test_room_is_left_for_the_firmware_and_its_stack(name: str) -> None:
    board = load_board(name)
    budget = budget_of(board)
    assert budget.flash_bytes == board.chip.flash.size_bytes - FIRMWARE_FLASH_BYTES
    assert budget.ram_bytes is not None
    left = board.chip.ram.size_bytes - budget.ram_bytes
    assert left == board.stack_bytes + FIRMWARE_RAM_BYTES


def test_a_project_may_have_less_than_its_board_and_never_more() -> None:
    whole = budget_of(BOARD)
    less = budget_of(BOARD, 200_000, 30_000)
    assert (less.flash_bytes, less.ram_bytes) == (200_000 - FIRMWARE_FLASH_BYTES, 30_000)
    assert budget_of(BOARD, 1 << 30, 1 << 30) == whole
    assert budget_of(BOARD, 1000, 0).flash_bytes == 0


@pytest.mark.parametrize(
    "choices",
    [Choices(), Choices("dsp", "ram"), Choices("auto", "speed", ("fit-ram",), 100_000, 20_000)],
)
def test_choices_are_recorded_and_read_again(choices: Choices) -> None:
    assert recorded_choices(choices.to_json()) == choices


def test_limits_that_nobody_gave_are_not_recorded() -> None:
    assert Choices("dsp", "size").to_json() == {"kernels": "dsp", "optimize": "size"}


@pytest.mark.parametrize(
    "fields", [None, [], {}, {"kernels": "dsp"}, {"kernels": "x", "optimize": "speed"}]
)
def test_a_record_that_says_nothing_sound_means_the_defaults(fields: Any) -> None:
    assert recorded_choices(fields) == Choices()


def test_a_limit_that_is_no_number_is_none() -> None:
    fields = {"kernels": "dsp", "optimize": "ram", "flash_bytes": "many", "ram_bytes": 7}
    assert recorded_choices(fields) == Choices("dsp", "ram", ram_bytes=7)
