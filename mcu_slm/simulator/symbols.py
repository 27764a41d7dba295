"""Say in words where an address is: function, offset, source file and line."""

from __future__ import annotations

import bisect
import io
from dataclasses import dataclass
from typing import Any

from mcu_slm.simulator.elf import FirmwareImage, Function


@dataclass(frozen=True)
class Place:
    """One code address. `function` and `line` (`main.c:22`) are empty where unknown."""

    address: int
    function: str
    offset: int
    line: str

    def __str__(self) -> str:
        text = f"0x{self.address:08x}"
        if self.function:
            text += f" {self.function}+0x{self.offset:x}"
        return f"{text} ({self.line})" if self.line else text


@dataclass(frozen=True)
class _LineRange:
    begin: int
    end: int
    line: str


class Symboliser:
    """Maps code addresses to places. The line table is read at the first question."""

    def __init__(self, image: FirmwareImage) -> None:
        self._image = image
        self._starts = [function.address for function in image.functions]
        self._lines: list[_LineRange] | None = None

    def place(self, address: int) -> Place:
        """Return the place of a code address (with or without the Thumb bit)."""
        address &= ~1
        function = self._function(address)
        return Place(
            address,
            function.name if function else "",
            address - function.address if function else 0,
            self._line(address),
        )

    def _function(self, address: int) -> Function | None:
        index = bisect.bisect_right(self._starts, address) - 1
        if index < 0:
            return None
        function = self._image.functions[index]
        # Hand-written assembly often has no size: believe it up to the next symbol.
        size = function.size_bytes or 1 << 32
        return function if address < function.address + size else None

    def _line(self, address: int) -> str:
        if self._lines is None:
            self._lines = _read_lines(self._image.content)
        index = bisect.bisect_right(self._lines, address, key=lambda entry: entry.begin) - 1
        if index >= 0 and address < self._lines[index].end:
            return self._lines[index].line
        return ""


def _read_lines(content: bytes) -> list[_LineRange]:
    """Flatten the DWARF line programs; an unreadable table gives no lines, not an error."""
    from elftools.elf.elffile import ELFFile

    ranges: list[_LineRange] = []
    try:
        elf = ELFFile(io.BytesIO(content))
        if not elf.has_dwarf_info():
            return []
        dwarf = elf.get_dwarf_info()
        for unit in dwarf.iter_CUs():
            program = dwarf.line_program_for_CU(unit)
            if program is not None:
                ranges.extend(_unit_lines(program))
    except Exception:  # debug information is a comfort; pyelftools raises almost anything
        return []
    return sorted(ranges, key=lambda entry: entry.begin)


def _unit_lines(program: Any) -> list[_LineRange]:
    files = program.header["file_entry"]
    first = 0 if program.header["version"] >= 5 else 1
    ranges = []
    previous = None
    line = 0
    for entry in program.get_entries():
        state = entry.state
        if state is None:
            continue
        if previous is not None and state.address > previous.address and previous.address:
            number = previous.file - first
            line = previous.line or line  # 0: code that belongs to no line, but is near one
            name = files[number].name if 0 <= number < len(files) else b"?"
            text = name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
            ranges.append(_LineRange(previous.address, state.address, f"{text}:{line}"))
        previous = None if state.end_sequence else state
    return ranges
