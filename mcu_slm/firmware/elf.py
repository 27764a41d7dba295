"""What a linked firmware occupies: sections, segments, symbols, and the image for flash tools."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mcu_slm.boards import Memory
from mcu_slm.errors import BuildError

_SHF_ALLOC: Final = 0x2


@dataclass(frozen=True)
class Section:
    """One section that occupies memory on the chip."""

    name: str
    address: int
    size_bytes: int


@dataclass(frozen=True)
class Symbol:
    """A function or object and its size."""

    name: str
    size_bytes: int
    section: str


@dataclass(frozen=True)
class LinkedFirmware:
    """What an ELF file puts where. `image` are the bytes of flash from its base on."""

    sections: tuple[Section, ...]
    image: bytes
    entry: int

    def bytes_in(self, memory: Memory) -> int:
        """Return the bytes of sections that lie in a memory at run time."""
        return sum(s.size_bytes for s in self.sections if memory.base <= s.address < memory.end)


def read_firmware(path: Path, flash: Memory) -> LinkedFirmware:
    """Read a linked ELF file.

    Raises:
        BuildError: a loadable segment lies outside flash, or the file is no ELF file.
    """
    elf = open_elf(path)
    sections = tuple(
        Section(section.name, section["sh_addr"], section["sh_size"])
        for section in elf.iter_sections()
        if section["sh_flags"] & _SHF_ALLOC and section["sh_size"]
    )
    image = bytearray()
    for segment in elf.iter_segments():
        if segment["p_type"] != "PT_LOAD" or not segment["p_filesz"]:
            continue
        start, data = segment["p_paddr"] - flash.base, segment.data()
        if start < 0 or start + len(data) > flash.size_bytes:
            raise BuildError(
                str(path),
                f"a segment loads at 0x{segment['p_paddr']:08x}, {len(data):,} bytes",
                expected=f"0x{flash.base:08x} to 0x{flash.end:08x}",
                remedy="Check firmware.ld: NOLOAD sections need `AT> RAM`.",
            )
        image.extend(b"\xff" * (start + len(data) - len(image)))
        image[start : start + len(data)] = data
    return LinkedFirmware(sections, bytes(image), elf.header["e_entry"])


def largest_symbols(objects: list[Path], count: int, *, in_ram: bool) -> tuple[Symbol, ...]:
    """Return the largest functions and objects of object files, in RAM or in flash."""
    found = []
    for path in objects:
        elf = open_elf(path)
        table = elf.get_section_by_name(".symtab")
        for symbol in table.iter_symbols() if table is not None else ():
            index = symbol["st_shndx"]
            if not isinstance(index, int) or symbol["st_info"]["type"] not in (
                "STT_OBJECT",
                "STT_FUNC",
            ):
                continue
            section = elf.get_section(index).name
            if section.startswith((".data", ".bss", ".noinit")) == in_ram:
                found.append(Symbol(symbol.name, symbol["st_size"], section))
    return tuple(sorted(found, key=lambda symbol: (-symbol.size_bytes, symbol.name))[:count])


def open_elf(path: Path) -> Any:
    """Return pyelftools' view of a file.

    Raises:
        BuildError: It cannot be read.
    """
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        return ELFFile(io.BytesIO(path.read_bytes()))
    except (OSError, ELFError) as error:
        raise BuildError(
            str(path), f"the compiler's output cannot be read: {error}", remedy="Build again."
        ) from error
