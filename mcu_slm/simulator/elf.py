"""Read a firmware ELF: what goes to which address, and what the symbols are.

The file is untrusted: it may be cut off, patched or no ELF at all.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcu_slm.errors import McuSlmError

_LARGEST_FILE_BYTES = 64 << 20
_REBUILD = "Build the firmware again, or name the ELF file that the build wrote."


@dataclass(frozen=True)
class Segment:
    """Bytes that a flash tool writes at `address` (the load address, not the run address)."""

    address: int
    data: bytes


@dataclass(frozen=True)
class Function:
    """A function's code: `address` without the Thumb bit."""

    name: str
    address: int
    size_bytes: int


@dataclass(frozen=True)
class FirmwareImage:
    """The loadable part of an ELF file and its symbols."""

    path: Path
    content: bytes
    segments: tuple[Segment, ...]
    symbols: dict[str, int]
    functions: tuple[Function, ...]


def load_image(path: Path) -> FirmwareImage:
    """Read a 32-bit little-endian Arm executable.

    Raises:
        McuSlmError: no such file, or it is not such an executable.
    """
    try:
        if path.stat().st_size > _LARGEST_FILE_BYTES:
            raise McuSlmError(
                str(path),
                f"the file has {path.stat().st_size:,} bytes",
                f"at most {_LARGEST_FILE_BYTES:,}",
                _REBUILD,
            )
        content = path.read_bytes()
    except OSError as error:
        raise McuSlmError(
            str(path), f"cannot be read: {error.strerror}", "a firmware ELF", _REBUILD
        ) from error
    return parse_image(content, path)


def parse_image(content: bytes, path: Path) -> FirmwareImage:
    """Parse the bytes of an ELF file; `path` is for messages."""
    from elftools.elf.elffile import ELFFile

    try:
        elf = ELFFile(io.BytesIO(content))
        _require_arm_executable(elf, path)
        segments = tuple(_segments(elf, len(content)))
        symbols, functions = _symbols(elf)
    except McuSlmError:
        raise
    except Exception as error:  # a hostile file makes pyelftools raise almost anything
        raise McuSlmError(
            str(path), f"is not a usable ELF file ({_brief(error)})", "a firmware ELF", _REBUILD
        ) from error
    if not segments:
        raise McuSlmError(str(path), "has nothing to load", "code for flash", _REBUILD)
    return FirmwareImage(path, content, segments, symbols, functions)


def _require_arm_executable(elf: Any, path: Path) -> None:
    header = elf.header
    found = (elf.elfclass, elf.little_endian, header["e_machine"], header["e_type"])
    if found != (32, True, "EM_ARM", "ET_EXEC"):
        raise McuSlmError(
            str(path),
            f"is a {found[0]}-bit {'little' if found[1] else 'big'}-endian {found[2]} {found[3]}",
            "a linked 32-bit little-endian Arm executable (EM_ARM, ET_EXEC)",
            _REBUILD,
        )


def _segments(elf: Any, file_bytes: int) -> list[Segment]:
    segments = []
    for segment in elf.iter_segments():
        if segment["p_type"] != "PT_LOAD" or segment["p_filesz"] == 0:
            continue
        if segment["p_offset"] + segment["p_filesz"] > file_bytes:
            raise ValueError("a segment reaches behind the end of the file")
        segments.append(Segment(segment["p_paddr"], segment.data()))
    return segments


def _symbols(elf: Any) -> tuple[dict[str, int], tuple[Function, ...]]:
    table = elf.get_section_by_name(".symtab")
    symbols: dict[str, int] = {}
    functions = []
    for symbol in table.iter_symbols() if table is not None else ():
        if not symbol.name or symbol["st_shndx"] == "SHN_UNDEF":
            continue
        kind = symbol["st_info"]["type"]
        address = symbol["st_value"]
        if kind == "STT_FUNC":
            address &= ~1
            functions.append(Function(symbol.name, address, symbol["st_size"]))
        elif symbol.name.startswith("$"):  # mapping symbols: $t, $d
            continue
        symbols.setdefault(symbol.name, address)
    functions.sort(key=lambda function: (function.address, function.name))
    return symbols, tuple(functions)


def _brief(error: Exception) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
