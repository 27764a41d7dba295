"""Find and read board and chip files."""

from __future__ import annotations

import dataclasses
import difflib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from mcu_slm import resources
from mcu_slm.boards.checks import check_board, check_chip, check_family
from mcu_slm.boards.facts import Board, Chip, Console, Led
from mcu_slm.boards.sensing import AdcPins, I2cPins, SpiPins
from mcu_slm.boards.strict_toml import read_record, read_toml
from mcu_slm.errors import BoardError

_FOLDERS: Final = {"chip": "chips", "family": "families"}
_NEW_BOARD_HINT: Final = "`mcu-slm new-board` begins the file of another one."


@dataclass(frozen=True)
class _ConsoleFile:
    """`[console]` as written in a board file: the port by name."""

    usart: str
    tx_pin: str
    rx_pin: str
    baud: int


@dataclass(frozen=True)
class _BoardFile:
    """A board file as written: the chip by name."""

    title: str
    source: str
    chip: str
    clock_hz: int
    console: _ConsoleFile
    debugger: str
    crystal_hz: int = 0
    crystal_bypass: bool = False
    led: Led | None = None
    qemu_machine: str | None = None
    stack_bytes: int = 4096
    supply: Literal["ldo", "smps"] = "ldo"
    adc: AdcPins | None = None
    i2c: I2cPins | None = None
    spi: SpiPins | None = None


def list_boards() -> tuple[str, ...]:
    """Return the names of the boards that ship with the product, sorted."""
    return tuple(sorted(path.stem for path in resources.folder("boards").glob("*.toml")))


def load_board(name_or_path: str | Path) -> Board:
    """Read and check a board: a shipped name (`nucleo_f446re`) or a path that ends in `.toml`.

    The chip file is looked for in `chips/` beside the board file, the chip's family in `families/`,
    then among the shipped ones.

    Raises:
        BoardError: unknown board or chip, unreadable file, unknown key, or contradicting facts.
    """
    path = board_path(name_or_path)
    written = read_record(_BoardFile, read_toml(path), path, "")
    chip = _load_chip(written.chip, path)
    board = Board(
        name=path.stem,
        title=written.title,
        source=written.source,
        chip=chip,
        clock_hz=written.clock_hz,
        crystal_hz=written.crystal_hz,
        crystal_bypass=written.crystal_bypass,
        console=_resolve_console(written.console, chip, path),
        debugger=written.debugger,
        led=written.led,
        qemu_machine=written.qemu_machine,
        stack_bytes=written.stack_bytes,
        supply=written.supply,
        adc=written.adc,
        i2c=written.i2c,
        spi=written.spi,
    )
    check_board(board, path)
    return board


def board_to_json(board: Board) -> str:
    """Return a board and its chip as one text, for `board_from_json`."""
    return json.dumps(dataclasses.asdict(board), indent=1) + "\n"


def board_from_json(path: Path) -> Board:
    """Read and check what `board_to_json` gave: a project knows its board without board files.

    Raises:
        BoardError: unreadable, or facts that contradict one another.
    """
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BoardError(
            str(path),
            f"cannot be read: {error}",
            expected="the board of a generated project",
            remedy="Generate the project again.",
        ) from error
    board = read_record(Board, fields, path, "")
    check_family(board.chip.family, path)
    check_chip(board.chip, path)
    check_board(board, path)
    return board


def board_path(name_or_path: str | Path) -> Path:
    """Return the file of a board.

    Raises:
        BoardError: no shipped board has this name.
    """
    text = str(name_or_path)
    if text.endswith(".toml"):
        return Path(text)
    known = list_boards()
    if text not in known:
        near = difflib.get_close_matches(text.lower().replace("-", "_"), known, n=3, cutoff=0.4)
        raise BoardError(
            f"board {text!r}",
            "no such board",
            expected=f"one of {', '.join(known)}",
            remedy=(f"Did you mean {' or '.join(near)}? " if near else "") + _NEW_BOARD_HINT,
            near=tuple(near),
        )
    return resources.folder("boards") / f"{text}.toml"


def _load_chip(name: str, board_path: Path) -> Chip:
    path = _companion("chip", name, board_path.parent, board_path)
    table = read_toml(path)
    family = str(table.get("family"))
    family_path = _companion("family", family, path.parent.parent, path)
    table["family"] = {"name": family, **read_toml(family_path)}
    chip = read_record(Chip, {"name": name, **table}, path, "")
    check_family(chip.family, family_path)
    check_chip(chip, path)
    return chip


def _companion(kind: Literal["chip", "family"], name: str, folder: Path, named_in: Path) -> Path:
    """Return the file of a chip or a family: below `folder`, else among the shipped ones."""
    places = [root / _FOLDERS[kind] for root in (folder, resources.folder("boards"))]
    for place in places:
        if (place / f"{name}.toml").is_file():
            return place / f"{name}.toml"
    known = sorted(path.stem for path in places[1].glob("*.toml"))
    raise BoardError(
        f"{named_in}: {kind}",
        f"there is no {kind} file {name}.toml",
        expected=f"one of {', '.join(known)}",
        remedy=f"Add {places[0] / (name + '.toml')}.",
    )


def _resolve_console(written: _ConsoleFile, chip: Chip, path: Path) -> Console:
    for usart in chip.usarts:
        if usart.name == written.usart:
            return Console(usart, written.tx_pin, written.rx_pin, written.baud)
    raise BoardError(
        f"{path}: console.usart",
        f"{chip.name} has no {written.usart}",
        expected=f"one of {', '.join(usart.name for usart in chip.usarts)}",
        remedy="Correct the board file, or add the port to the chip file.",
    )
