"""Boards and chips as data: `boards/<board>.toml` names a `boards/chips/<chip>.toml`.

A chip file holds silicon facts, a board file what is soldered around it; a fact lives in one file.
Tables are read strictly: unknown keys, missing keys and wrong types are errors that name the file
and the key. Adding a board adds a file and edits none.
"""

from __future__ import annotations

import dataclasses
import difflib
import itertools
import re
import tomllib
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from mcu_slm import resources
from mcu_slm.errors import BoardError

_Record = TypeVar("_Record")
_PIN: Final = re.compile(r"P[A-K](1[0-5]|[0-9])")
_NEW_BOARD_HINT: Final = "Boards are described in boards/*.toml; copy one to add your own."


@dataclass(frozen=True)
class Memory:
    """One contiguous memory. `ccm` is RAM on the core's data bus only: no code, no DMA."""

    name: str
    kind: Literal["flash", "ram", "ccm"]
    base: int
    size_bytes: int

    @property
    def end(self) -> int:
        """First address behind the memory."""
        return self.base + self.size_bytes


@dataclass(frozen=True)
class Usart:
    """One serial port of a chip and the pins that it can appear on.

    `generation` 1 has the registers SR/DR, 2 has ISR/RDR/TDR.
    """

    name: str
    base: int
    irq: int
    generation: Literal[1, 2]
    bus: Literal["APB1", "APB2"]
    rcc_enable_bit: int
    alternate_function: int
    tx_pins: tuple[str, ...]
    rx_pins: tuple[str, ...]


@dataclass(frozen=True)
class ClockFacts:
    """Limits of a chip's clock tree; `over_drive_above_hz` is 0 where there is no over-drive."""

    crystal_min_hz: int
    crystal_max_hz: int
    pll_input_min_hz: int
    pll_input_max_hz: int
    pll_vco_min_hz: int
    pll_vco_max_hz: int
    apb1_max_hz: int
    apb2_max_hz: int
    flash_hz_per_wait_state: int
    over_drive_above_hz: int
    pwr_cr_voltage_scale_1: int


@dataclass(frozen=True)
class Chip:
    """Silicon facts. `family` names the folder of firmware templates."""

    name: str
    title: str
    source: str
    family: str
    core: Literal["cortex-m4"]
    fpu: Literal["none", "fpv4-sp-d16"]
    max_clock_hz: int
    reset_clock_hz: int
    interrupts: int
    bootloader_product_id: int
    pyocd_target: str
    flash_sectors_bytes: tuple[int, ...]
    clock: ClockFacts
    memories: tuple[Memory, ...]
    usarts: tuple[Usart, ...]

    def memory(self, kind: str) -> Memory:
        """Return the first memory of a kind; `flash` and `ram` exist on every chip."""
        return next(memory for memory in self.memories if memory.kind == kind)

    @property
    def flash(self) -> Memory:
        """The memory that code and weights live in."""
        return self.memory("flash")

    @property
    def ram(self) -> Memory:
        """The memory that stack, data and arena live in."""
        return self.memory("ram")

    @property
    def flash_sectors(self) -> tuple[int, ...]:
        """Bytes per flash sector, in address order."""
        return self.flash_sectors_bytes


@dataclass(frozen=True)
class Console:
    """The serial port that the protocol runs on: 8 data bits, no parity, 1 stop bit."""

    usart: Usart
    tx_pin: str
    rx_pin: str
    baud: int

    @property
    def alternate_function(self) -> int:
        """The GPIO alternate function that connects the pins to the port."""
        return self.usart.alternate_function


@dataclass(frozen=True)
class Led:
    """A light-emitting diode on a pin."""

    pin: str
    active_high: bool


@dataclass(frozen=True)
class Board:
    """A chip and what is soldered around it."""

    name: str
    title: str
    source: str
    chip: Chip
    clock_hz: int
    crystal_hz: int
    crystal_bypass: bool
    console: Console
    debugger: str
    led: Led | None = None
    qemu_machine: str | None = None
    stack_bytes: int = 4096


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
    crystal_hz: int
    crystal_bypass: bool
    console: _ConsoleFile
    debugger: str
    led: Led | None = None
    qemu_machine: str | None = None
    stack_bytes: int = 4096


def list_boards() -> tuple[str, ...]:
    """Return the names of the boards that ship with the product, sorted."""
    return tuple(sorted(path.stem for path in resources.folder("boards").glob("*.toml")))


def load_board(name_or_path: str | Path) -> Board:
    """Read and check a board: a shipped name (`nucleo_f446re`) or a path that ends in `.toml`.

    The chip file is looked for in `chips/` beside the board file, then among the shipped ones.

    Raises:
        BoardError: unknown board or chip, unreadable file, unknown key, or contradicting facts.
    """
    path = _board_path(name_or_path)
    written = _record(_BoardFile, _toml(path), path, "")
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
    )
    for check in _BOARD_CHECKS:
        check(board, path)
    return board


def _board_path(name_or_path: str | Path) -> Path:
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
    folders = (board_path.parent / "chips", resources.folder("boards") / "chips")
    for path in (folder / f"{name}.toml" for folder in folders):
        if path.is_file():
            chip = _record(Chip, {"name": name, **_toml(path)}, path, "")
            for check in _CHIP_CHECKS:
                check(chip, path)
            return chip
    known = sorted(path.stem for path in folders[1].glob("*.toml"))
    raise BoardError(
        f"{board_path}: chip",
        f"there is no chip file {name}.toml",
        expected=f"one of {', '.join(known)}",
        remedy=f"Add {folders[0] / (name + '.toml')}.",
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


# --- Strict reading -------------------------------------------------------------------------------


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BoardError(
            str(path),
            f"cannot be read: {error}",
            expected="a TOML file",
            remedy=_NEW_BOARD_HINT,
        ) from error


def _record(cls: type[_Record], table: Any, path: Path, key: str) -> _Record:
    """Build the dataclass `cls` from a table: all fields, those with defaults may lack."""
    if not isinstance(table, dict):
        raise _wrong_type(path, key, table, "a table")
    fields = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for name in table:
        if name not in fields:
            near = difflib.get_close_matches(name, fields, n=1)
            raise BoardError(
                f"{path}: {key}{name}",
                "unknown key",
                expected=f"one of {', '.join(fields)}",
                remedy=f"Did you mean {near[0]}?" if near else "Remove it.",
            )
    for name, field in fields.items():
        if name not in table and field.default is dataclasses.MISSING:
            raise BoardError(f"{path}: {key}{name}", "the key is missing", remedy="Add it.")
    hints = typing.get_type_hints(cls)
    values = {name: _value(hints[name], item, path, key + name) for name, item in table.items()}
    return cls(**values)


def _value(hint: Any, item: Any, path: Path, key: str) -> Any:
    """Check one TOML value against a field's type; tables become records, arrays tuples."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is types.UnionType:  # `X | None`; TOML has no null
        return _value(arguments[0], item, path, key)
    if origin is tuple:
        if not isinstance(item, list):
            raise _wrong_type(path, key, item, "an array")
        return tuple(_value(arguments[0], x, path, f"{key}[{n}]") for n, x in enumerate(item))
    if origin is Literal:
        if item not in arguments or type(item) is not type(arguments[0]):
            raise _wrong_type(path, key, item, " or ".join(map(repr, arguments)))
        return item
    if dataclasses.is_dataclass(hint):
        return _record(typing.cast(type[Any], hint), item, path, f"{key}.")
    if type(item) is not hint:
        raise _wrong_type(
            path, key, item, {int: "an integer", str: "a string", bool: "true or false"}[hint]
        )
    if hint is int and item < 0:
        raise _wrong_type(path, key, item, "zero or more")
    return item


def _wrong_type(path: Path, key: str, found: Any, expected: str) -> BoardError:
    return BoardError(
        f"{path}: {key.rstrip('.')}", f"the value is {found!r}", expected, "Correct the value."
    )


# --- Checks, named as sentences -------------------------------------------------------------------


def _reject_overlapping_memories(chip: Chip, path: Path) -> None:
    ordered = sorted(chip.memories, key=lambda memory: memory.base)
    for low, high in itertools.pairwise(ordered):
        if low.end > high.base:
            raise BoardError(
                f"{path}: memories",
                f"{low.name} ends at 0x{low.end:08x} and {high.name} begins at 0x{high.base:08x}",
                expected="memories that do not overlap",
                remedy="Correct base or size_bytes.",
            )


def _ensure_flash_and_ram_exist(chip: Chip, path: Path) -> None:
    for kind in ("flash", "ram"):
        if not any(memory.kind == kind and memory.size_bytes for memory in chip.memories):
            raise BoardError(
                f"{path}: memories", f"there is no memory of kind {kind!r}", remedy="Add one."
            )


def _ensure_sectors_fill_flash(chip: Chip, path: Path) -> None:
    total = sum(chip.flash_sectors_bytes)
    if total != chip.flash.size_bytes:
        raise BoardError(
            f"{path}: flash_sectors_bytes",
            f"the sectors add up to {total:,} bytes",
            expected=f"the {chip.flash.size_bytes:,} bytes of {chip.flash.name}",
            remedy="Correct the list of sectors or the size of the flash.",
        )


def _ensure_interrupts_are_in_the_vector_table(chip: Chip, path: Path) -> None:
    for usart in chip.usarts:
        if usart.irq >= chip.interrupts:
            raise BoardError(
                f"{path}: usarts.{usart.name}.irq",
                f"the interrupt number is {usart.irq}",
                expected=f"less than interrupts = {chip.interrupts}",
                remedy="Correct the number.",
            )


def _ensure_clock_within_chip_limit(board: Board, path: Path) -> None:
    if not 0 < board.clock_hz <= board.chip.max_clock_hz:
        raise BoardError(
            f"{path}: clock_hz",
            f"the core clock is {board.clock_hz:,} Hz",
            expected=f"at most {board.chip.max_clock_hz:,} Hz ({board.chip.name})",
            remedy="Lower clock_hz.",
        )


def _ensure_crystal_within_chip_limit(board: Board, path: Path) -> None:
    limits = board.chip.clock
    if not limits.crystal_min_hz <= board.crystal_hz <= limits.crystal_max_hz:
        raise BoardError(
            f"{path}: crystal_hz",
            f"the crystal is {board.crystal_hz:,} Hz",
            expected=f"{limits.crystal_min_hz:,} to {limits.crystal_max_hz:,} Hz",
            remedy="Correct crystal_hz.",
        )


def _ensure_console_pin_has_uart(board: Board, path: Path) -> None:
    console = board.console
    for key, pin, pins in (
        ("tx_pin", console.tx_pin, console.usart.tx_pins),
        ("rx_pin", console.rx_pin, console.usart.rx_pins),
    ):
        if pin not in pins:
            raise BoardError(
                f"{path}: console.{key}",
                f"{console.usart.name} does not reach {pin}",
                expected=f"one of {', '.join(pins)}",
                remedy="Choose another pin or another USART.",
            )


def _ensure_baud_rate_is_reachable(board: Board, path: Path) -> None:
    # The divider must be at least 16 (16x oversampling), also on the reset clock that a dead
    # crystal leaves.
    highest = board.chip.reset_clock_hz // 16
    if not 1200 <= board.console.baud <= highest:
        raise BoardError(
            f"{path}: console.baud",
            f"the baud rate is {board.console.baud}",
            expected=f"1200 to {highest}, so that it also works on the reset clock",
            remedy="Choose a usual rate, for example 115200.",
        )


def _ensure_pins_are_distinct_and_well_named(board: Board, path: Path) -> None:
    pins = [board.console.tx_pin, board.console.rx_pin]
    if board.led is not None:
        pins.append(board.led.pin)
    for pin in pins:
        if not _PIN.fullmatch(pin) or pins.count(pin) > 1:
            raise BoardError(
                f"{path}: pins",
                f"{pin} is used twice" if pins.count(pin) > 1 else f"{pin!r} is no pin name",
                expected="distinct names such as PA5",
                remedy="Correct the pin.",
            )


def _ensure_stack_fits_ram(board: Board, path: Path) -> None:
    if not 512 <= board.stack_bytes <= board.chip.ram.size_bytes or board.stack_bytes % 8:
        raise BoardError(
            f"{path}: stack_bytes",
            f"the stack has {board.stack_bytes:,} bytes",
            expected=f"a multiple of 8 from 512 to {board.chip.ram.size_bytes:,}",
            remedy="Correct stack_bytes.",
        )


_CHIP_CHECKS: Final[tuple[Callable[[Chip, Path], None], ...]] = (
    _reject_overlapping_memories,
    _ensure_flash_and_ram_exist,
    _ensure_sectors_fill_flash,
    _ensure_interrupts_are_in_the_vector_table,
)
_BOARD_CHECKS: Final[tuple[Callable[[Board, Path], None], ...]] = (
    _ensure_clock_within_chip_limit,
    _ensure_crystal_within_chip_limit,
    _ensure_console_pin_has_uart,
    _ensure_baud_rate_is_reachable,
    _ensure_pins_are_distinct_and_well_named,
    _ensure_stack_fits_ram,
)
