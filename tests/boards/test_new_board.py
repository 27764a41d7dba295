"""A board begins as a copy that is refused until somebody has compared its facts."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcu_slm import boards
from mcu_slm.boards.new import new_board
from mcu_slm.errors import BoardError, UsageError

pytestmark = pytest.mark.unit


def finish(path: Path) -> None:
    lines = path.read_text().replace("TODO: what", "What").replace("TODO: the", "Data sheet: the")
    path.write_text(lines)


def test_a_board_with_a_shipped_chip_takes_one_file(tmp_path: Path) -> None:
    (path,) = new_board("my_node", "stm32f405rg", None, tmp_path)
    with pytest.raises(BoardError, match=r"my_node\.toml: source.*compared the facts"):
        boards.load_board(path)
    finish(path)
    board = boards.load_board(path)
    assert (board.name, board.chip) == (
        "my_node",
        boards.load_board("olimex_stm32_h405").chip,
    )


def test_a_new_chip_begins_as_a_copy_too(tmp_path: Path) -> None:
    path, chip = new_board("my_node", "stm32f446ze", "nucleo_f446re", tmp_path)
    assert chip == tmp_path / "chips" / "stm32f446ze.toml"
    finish(path)
    with pytest.raises(BoardError, match=r"chip\.source: it says 'TODO"):
        boards.load_board(path)
    finish(chip)
    board = boards.load_board(path)
    assert board.chip.name == "stm32f446ze"
    assert board.chip.memories == boards.load_board("nucleo_f446re").chip.memories


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    new_board("my_node", "stm32f446ze", "nucleo_f446re", tmp_path)
    with pytest.raises(UsageError, match=r"my_node\.toml: the file is there already"):
        new_board("my_node", "stm32f405rg", None, tmp_path)


@pytest.mark.parametrize(
    ("name", "chip", "like", "message"),
    [
        ("my node", "stm32f405rg", None, "'my node'"),
        ("my_node", "../stm32", None, "'../stm32'"),
        ("my_node", "stm32f999", None, "no shipped board has the chip 'stm32f999'"),
        ("my_node", "stm32f999", "no_such", "no such board"),
    ],
)
def test_what_cannot_be_begun_is_named(
    tmp_path: Path, name: str, chip: str, like: str | None, message: str
) -> None:
    with pytest.raises((UsageError, BoardError), match=message):
        new_board(name, chip, like, tmp_path)
    assert list(tmp_path.iterdir()) == []
