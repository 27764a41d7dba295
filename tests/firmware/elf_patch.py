"""Changes bytes of a built firmware, as a worn flash or a bad programmer would."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path

from elftools.elf.elffile import ELFFile


def patched(elf: Path, symbol: str, change: Callable[[bytes], bytes], out: Path) -> Path:
    """Write a copy of an ELF file in which the bytes of one object went through `change`."""
    content = bytearray(elf.read_bytes())
    file = ELFFile(io.BytesIO(bytes(content)))
    (entry,) = file.get_section_by_name(".symtab").get_symbol_by_name(symbol)
    section = file.get_section(entry["st_shndx"])
    place = section["sh_offset"] + entry["st_value"] - section["sh_addr"]
    before = bytes(content[place : place + entry["st_size"]])
    after = change(before)
    assert len(after) == len(before)
    assert after != before
    content[place : place + len(before)] = after
    out.write_bytes(content)
    return out


def with_bit_flipped(byte: int, bit: int) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        flipped = bytearray(data)
        flipped[byte] ^= 1 << bit
        return bytes(flipped)

    return change


def as_word(value: int) -> Callable[[bytes], bytes]:
    return lambda _data: struct.pack("<I", value)
