"""Checks of boards and chips, each named as a sentence."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from mcu_slm.boards.facts import Board, Chip
from mcu_slm.boards.families import Family
from mcu_slm.boards.sampling_chain import SamplingChain
from mcu_slm.boards.strict_toml import wrong_type
from mcu_slm.errors import BoardError

UNFINISHED: Final = "TODO"
"""How a text begins that somebody still has to write."""

_PIN: Final = re.compile(r"P[A-K](1[0-5]|[0-9])")
_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,31}")
_BOARD_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


def check_family(family: Family, path: Path) -> None:
    """Refuse a family with places that lie in no block."""
    places = [place for flag in family.ready for place in (flag.flag, flag.follows)]
    places += [enable.place for enable in family.clock_enables]
    _ensure_places_are_registers((family.reset_cause.register, *places), family, path)
    _ensure_places_are_registers(_places_of(family.analog), family, path)


def _places_of(chain: SamplingChain | None) -> tuple[str, ...]:
    if chain is None:
        return ()
    timer = chain.timer
    return (*(field.place for field in chain.fields), timer.ahb_divider, timer.apb_divider)


def _ensure_places_are_registers(places: Iterable[str], family: Family, path: Path) -> None:
    for place in places:
        try:
            family.place(place)
        except ValueError as error:
            raise BoardError(
                f"{path}: {place!r}",
                str(error),
                expected="a place such as RCC+0x08:2-3 in one of "
                + ", ".join(block.name for block in family.blocks),
                remedy="Correct the place.",
            ) from error


def check_chip(chip: Chip, path: Path) -> None:
    """Refuse a chip whose facts contradict one another."""
    for check in _CHIP_CHECKS:
        check(chip, path)


def check_board(board: Board, path: Path) -> None:
    """Refuse a board whose facts contradict one another or its chip's."""
    for check in _BOARD_CHECKS:
        check(board, path)


def _ensure_the_chain_names_registers(chip: Chip, path: Path) -> None:
    _ensure_places_are_registers(_places_of(chip.analog), chip.family, path)


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


def _ensure_names_are_identifiers(chip: Chip, path: Path) -> None:
    # They become names in linker scripts and C.
    names = [memory.name for memory in chip.memories]
    names += [name for port in chip.ports for name in (port.name, port.rcc_enable_register)]
    for name in (*names, chip.openocd_target):
        if not _IDENTIFIER.fullmatch(name):
            raise wrong_type(path, "name", name, "letters, digits and _")


def _ensure_flash_and_ram_exist(chip: Chip, path: Path) -> None:
    for kind in ("flash", "ram"):
        if not any(memory.kind == kind and memory.size_bytes for memory in chip.memories):
            raise BoardError(
                f"{path}: memories", f"there is no memory of kind {kind!r}", remedy="Add one."
            )


def _ensure_sectors_fill_flash(chip: Chip, path: Path) -> None:
    total = sum(chip.flash_sectors)
    if total != chip.flash.size_bytes:
        raise BoardError(
            f"{path}: flash_layout",
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


def _ensure_clocks_of_ports_are_known(chip: Chip, path: Path) -> None:
    known = [enable.register for enable in chip.family.clock_enables]
    for port in chip.ports:
        if (known and port.rcc_enable_register not in known) or port.rcc_enable_bit > 31:
            raise BoardError(
                f"{path}: {port.name}",
                f"its clock is enabled by bit {port.rcc_enable_bit} of {port.rcc_enable_register}",
                expected=f"a bit of {', '.join(known)} (clock_enables of {chip.family.name})",
                remedy="Correct the chip file, or add the register to the family's.",
            )


def _ensure_spi_ports_have_a_clock(chip: Chip, path: Path) -> None:
    for port in chip.spis:
        select = port.clock_select
        if (select is not None) != (port.generation == 3):
            raise BoardError(
                f"{path}: spis.{port.name}.clock_select",
                "it is missing" if select is None else "the port has no clock of its own",
                expected="the field that selects the port's clock, for generation 3 alone",
                remedy="Correct the chip file.",
            )
        try:
            field = None if select is None else chip.family.place(select.place)
        except ValueError as error:
            raise BoardError(
                f"{path}: spis.{port.name}.clock_select", str(error), remedy="Correct the place."
            ) from error
        if field is not None and select is not None and select.value > field.highest:
            raise wrong_type(
                path, f"spis.{port.name}.clock_select.value", select.value, "what the field holds"
            )


def _ensure_name_and_titles_are_plain(board: Board, path: Path) -> None:
    # The name becomes a C string, titles become comments.
    if not _BOARD_NAME.fullmatch(board.name):
        raise BoardError(
            str(path),
            f"the board would be called {board.name!r}",
            expected="a file name of letters, digits, _ and -",
            remedy="Rename the file.",
        )
    for key, text in (("title", board.title), ("chip.title", board.chip.title)):
        if not text.isprintable() or "*/" in text or "-->" in text:
            raise wrong_type(path, key, text, "one line of plain text")


def _ensure_facts_have_a_source(board: Board, path: Path) -> None:
    for key, text in (("chip.source", board.chip.source), ("source", board.source)):
        if not text or text.startswith(UNFINISHED):
            raise BoardError(
                f"{path}: {key}",
                f"it says {text!r}: nobody has compared the facts yet",
                expected="the documents that the facts were compared with",
                remedy="Compare each fact with data sheet, reference and user manual; name them.",
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
    if not board.crystal_hz:
        return  # an oscillator inside the chip feeds the PLL
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
    pins = [board.console.tx_pin, board.console.rx_pin, *_sensor_pins(board)]
    if board.led is not None and not board.shares_led_with_spi:
        pins.append(board.led.pin)
    for pin in pins:
        if not _PIN.fullmatch(pin) or pins.count(pin) > 1:
            raise BoardError(
                f"{path}: pins",
                f"{pin} is used twice" if pins.count(pin) > 1 else f"{pin!r} is no pin name",
                expected="distinct names such as PA5",
                remedy="Correct the pin.",
            )


def _sensor_pins(board: Board) -> list[str]:
    """Return the pins of the tables for sensors, which may lack."""
    pins = [] if board.adc is None else list(board.adc.pins)
    if board.i2c is not None:
        pins += [board.i2c.scl_pin, board.i2c.sda_pin]
    if board.spi is not None:
        spi = board.spi
        pins += [spi.sck_pin, spi.miso_pin, spi.mosi_pin, spi.select_pin]
    return pins


def _ensure_sensor_ports_are_in_the_chip(board: Board, path: Path) -> None:
    chip = board.chip
    for table, wires, ports in (("i2c", board.i2c, chip.i2cs), ("spi", board.spi, chip.spis)):
        names = [port.name for port in ports]
        if wires is not None and names and wires.port not in names:
            raise BoardError(
                f"{path}: {table}.port",
                f"{chip.name} has no {wires.port}",
                expected=f"one of {', '.join(names)}",
                remedy="Correct the board file, or add the port to the chip file.",
            )


def _ensure_analog_pins_are_inputs(board: Board, path: Path) -> None:
    chain = board.chip.sampling_chain
    if board.adc is None or chain is None:
        return
    for pin in board.adc.pins:
        if pin not in chain.channels:
            raise BoardError(
                f"{path}: adc.pins",
                f"{pin} is no input of {chain.name}",
                expected=f"one of {', '.join(chain.channels)}",
                remedy="Correct the board file.",
            )


def _ensure_stack_fits_ram(board: Board, path: Path) -> None:
    if not 1024 <= board.stack_bytes <= board.chip.ram.size_bytes or board.stack_bytes % 8:
        raise BoardError(
            f"{path}: stack_bytes",
            f"the stack has {board.stack_bytes:,} bytes",
            expected=f"a multiple of 8 from 1024 to {board.chip.ram.size_bytes:,}",
            remedy="Correct stack_bytes.",
        )


def _ensure_supply_is_in_the_chip(board: Board, path: Path) -> None:
    if board.supply == "smps" and not board.chip.has_smps:
        raise BoardError(
            f"{path}: supply",
            f"{board.chip.name} has no switching regulator",
            expected="ldo",
            remedy="Correct supply, or name the chip of the variant with one (its name has a Q).",
        )


_CHIP_CHECKS: Final[tuple[Callable[[Chip, Path], None], ...]] = (
    _ensure_names_are_identifiers,
    _reject_overlapping_memories,
    _ensure_flash_and_ram_exist,
    _ensure_sectors_fill_flash,
    _ensure_interrupts_are_in_the_vector_table,
    _ensure_clocks_of_ports_are_known,
    _ensure_spi_ports_have_a_clock,
    _ensure_the_chain_names_registers,
)
_BOARD_CHECKS: Final[tuple[Callable[[Board, Path], None], ...]] = (
    _ensure_name_and_titles_are_plain,
    _ensure_facts_have_a_source,
    _ensure_clock_within_chip_limit,
    _ensure_crystal_within_chip_limit,
    _ensure_console_pin_has_uart,
    _ensure_baud_rate_is_reachable,
    _ensure_pins_are_distinct_and_well_named,
    _ensure_sensor_ports_are_in_the_chip,
    _ensure_analog_pins_are_inputs,
    _ensure_stack_fits_ram,
    _ensure_supply_is_in_the_chip,
)
