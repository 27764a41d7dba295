"""Begin a board file of your own from a shipped one: what must be looked up again says TODO."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from mcu_slm import resources
from mcu_slm.boards.checks import UNFINISHED
from mcu_slm.boards.loading import board_path, list_boards, load_board
from mcu_slm.errors import BoardError, UsageError
from mcu_slm.files import write_atomic

_NAME: Final = re.compile(r"[a-z0-9_]{1,64}")
_CHIPS: Final = "chips"


def new_board(name: str, chip: str, like: str | None, folder: Path) -> tuple[Path, ...]:
    """Write `<folder>/<name>.toml`, and `chips/<chip>.toml` where no such chip is there yet.

    Both begin as copies: of the board `like` and its chip, or of the first shipped board with this
    chip. Titles and sources say TODO; until they are written, `load_board` refuses the files.

    Raises:
        UsageError: a name is none, a file is in the way, or nothing says which board to copy.
    """
    for key, text in (("NAME", name), ("--chip", chip)):
        if not _NAME.fullmatch(text):
            raise UsageError(key, f"{text!r}", "lower-case letters, digits and _", "Correct it.")
    model = board_path(like or _board_with(chip))
    own, chips = folder / f"{name}.toml", folder / _CHIPS
    texts = {own: _copy(model, f'chip = "{chip}"')}
    if not any((place / f"{chip}.toml").is_file() for place in (chips, _shipped_chips())):
        copied = load_board(model).chip.name
        texts[chips / f"{chip}.toml"] = _copy(_shipped_chips() / f"{copied}.toml")
    for path in texts:
        if path.exists():
            raise UsageError(str(path), "the file is there already", remedy="Edit it.")
    return tuple(write_atomic(path, text) for path, text in texts.items())


def _shipped_chips() -> Path:
    return resources.folder("boards") / _CHIPS


def _board_with(chip: str) -> str:
    for name in list_boards():
        if load_board(name).chip.name == chip:
            return name
    raise UsageError(
        "--like",
        f"no shipped board has the chip {chip!r}",
        expected="the board with the most similar chip: the same family at least",
        remedy="Name one of `mcu-slm boards`; its chip's file is copied, too.",
    )


def _copy(path: Path, *lines: str) -> str:
    """Return a file's text with TODO for title and source, and with `lines` for those keys."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BoardError(str(path), f"cannot be read: {error}", remedy="Name another.") from error
    for line in (
        f'title = "{UNFINISHED}: what is printed on it"',
        f'source = "{UNFINISHED}: the documents that each fact below was compared with"',
        *lines,
    ):
        key = line.partition(" ")[0]
        text = re.sub(rf"^{key} = .*$", line, text, count=1, flags=re.MULTILINE)
    return text
