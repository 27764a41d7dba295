"""From an ELF file to the bytes that go into the flash, and the sectors that they touch."""

from __future__ import annotations

import io
import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile

from mcu_slm.boards import Chip
from mcu_slm.errors import BudgetError, DeviceError, UsageError

ERASED = 0xFF
_LARGEST_GAP_BYTES = 256  # alignment between segments; larger gaps stay untouched
_REBUILD = "Build the firmware again."


@dataclass(frozen=True)
class Segment:
    """Consecutive bytes at an address of the flash."""

    address: int
    data: bytes

    @property
    def end(self) -> int:
        """First address behind the bytes."""
        return self.address + len(self.data)


@dataclass(frozen=True)
class Sector:
    """The smallest piece of flash that can be erased; numbered as in the reference manual."""

    number: int
    address: int
    byte_count: int

    @property
    def end(self) -> int:
        """First address behind the sector."""
        return self.address + self.byte_count


@dataclass(frozen=True)
class FlashImage:
    """All bytes of a firmware, in address order; the vector table comes first."""

    segments: tuple[Segment, ...]

    @property
    def start(self) -> int:
        """Address of the vector table."""
        return self.segments[0].address

    @property
    def byte_count(self) -> int:
        """Bytes that are written."""
        return sum(len(segment.data) for segment in self.segments)

    def blocks(self, byte_count: int) -> tuple[Segment, ...]:
        """Cut the image into blocks at multiples of `byte_count`, filled up with erased bytes."""
        blocks: dict[int, bytearray] = {}
        for segment in self.segments:
            position = segment.address
            while position < segment.end:
                base = position - position % byte_count
                stop = min(base + byte_count, segment.end)
                piece = segment.data[position - segment.address : stop - segment.address]
                block = blocks.setdefault(base, bytearray([ERASED]) * byte_count)
                block[position - base : stop - base] = piece
                position = stop
        return tuple(Segment(base, bytes(blocks[base])) for base in sorted(blocks))


def read_image(elf: Path, chip: Chip) -> FlashImage:
    """Read the loadable segments of a firmware and check that this chip can start from them.

    Raises:
        UsageError: No such file, no ELF file for Arm, a broken one, or one without a vector table
            at the start of the flash.
        BudgetError: It needs more flash than the chip has, or lies elsewhere.
    """
    try:
        raw = elf.read_bytes()
    except OSError as error:
        raise UsageError(
            str(elf), f"cannot be read: {error.strerror}", "the firmware's ELF file", _REBUILD
        ) from error
    segments = _joined(_loadable_segments(raw, elf), elf)
    for segment in segments:
        _ensure_inside_flash(segment, chip, elf)
    image = FlashImage(segments)
    _ensure_vector_table(image, chip, elf)
    return image


def touched_sectors(image: FlashImage, chip: Chip) -> tuple[Sector, ...]:
    """Return the sectors that hold at least one byte of the image."""
    starts = itertools.accumulate(chip.flash_sectors, initial=chip.flash.base)
    sectors = [
        Sector(number, address, size)
        for number, (address, size) in enumerate(zip(starts, chip.flash_sectors, strict=False))
    ]
    return tuple(
        sector
        for sector in sectors
        if any(s.address < sector.end and sector.address < s.end for s in image.segments)
    )


def ensure_same(found: bytes, wanted: Segment) -> None:
    """Name the first address whose byte reads back otherwise.

    Raises:
        DeviceError: At the first difference; `values["address"]` has its address.
    """
    for offset, (got, want) in enumerate(zip(found, wanted.data, strict=True)):
        if got != want:
            address = wanted.address + offset
            raise DeviceError(
                f"flash at 0x{address:08x}",
                f"it reads back 0x{got:02x}",
                f"0x{want:02x}",
                "Flash again; if the same address fails again, the flash is worn or damaged.",
                address=address,
            )


def _loadable_segments(raw: bytes, elf: Path) -> list[Segment]:
    """Return what a loader would put into flash: the load (physical) address of each segment."""
    try:
        file = ELFFile(io.BytesIO(raw))
        machine = (file["e_machine"], file.elfclass, file.little_endian)
        headers = [dict(segment.header) for segment in file.iter_segments()]
    # pyelftools raises nearly anything on a damaged file; all of it means the same here.
    except Exception as error:
        raise UsageError(
            str(elf),
            f"it is no readable ELF file ({type(error).__name__}: {error})",
            "the ELF file of a firmware",
            _REBUILD,
        ) from error
    if machine != ("EM_ARM", 32, True):
        raise UsageError(
            str(elf),
            f"it is for {machine[0]}, {machine[1]} bits",
            "32-bit little-endian Arm",
            "Give the firmware's ELF file, not a program of this computer.",
        )
    loaded = [header for header in headers if header["p_type"] == "PT_LOAD" and header["p_filesz"]]
    return [_segment(header, raw, elf) for header in loaded]


def _segment(header: dict[str, Any], raw: bytes, elf: Path) -> Segment:
    start, end = header["p_offset"], header["p_offset"] + header["p_filesz"]
    if end > len(raw):
        raise UsageError(
            str(elf), f"a segment ends at byte {end:,} of the file", f"{len(raw):,} bytes", _REBUILD
        )
    return Segment(header["p_paddr"], raw[start:end])


def _joined(segments: list[Segment], elf: Path) -> tuple[Segment, ...]:
    """Sort, refuse overlaps, and join neighbours; alignment gaps are filled with erased bytes."""
    joined: list[Segment] = []
    for segment in sorted(segments, key=lambda s: s.address):
        gap = segment.address - joined[-1].end if joined else None
        if gap is not None and gap < 0:
            raise UsageError(
                str(elf), f"two segments overlap at 0x{segment.address:08x}", remedy=_REBUILD
            )
        if gap is None or gap > _LARGEST_GAP_BYTES:
            joined.append(segment)
        else:
            data = joined[-1].data + bytes([ERASED]) * gap + segment.data
            joined[-1] = Segment(joined[-1].address, data)
    if not joined:
        raise UsageError(str(elf), "it holds nothing to load", "a linked firmware", _REBUILD)
    return tuple(joined)


def _ensure_inside_flash(segment: Segment, chip: Chip, elf: Path) -> None:
    flash = chip.flash
    if segment.address < flash.base or segment.end > flash.end:
        raise BudgetError(
            f"{elf} on {chip.name}",
            f"it fills 0x{segment.address:08x} to 0x{segment.end - 1:08x}",
            f"only flash, 0x{flash.base:08x} to 0x{flash.end - 1:08x} ({flash.size_bytes:,} bytes)",
            "Build it for this board, or choose a smaller model.",
            needed_bytes=segment.end - flash.base,
            flash_bytes=flash.size_bytes,
        )


def _ensure_vector_table(image: FlashImage, chip: Chip, elf: Path) -> None:
    """The core fetches its stack pointer and first instruction's address from the flash's start."""
    first = image.segments[0]
    stack = int.from_bytes(first.data[:4], "little")
    entry = int.from_bytes(first.data[4:8], "little")
    in_ram = any(m.base < stack <= m.end for m in chip.memories if m.kind != "flash")
    in_image = any(s.address <= entry - 1 < s.end for s in image.segments)
    if first.address != chip.flash.base or not in_ram or not entry & 1 or not in_image:
        raise UsageError(
            str(elf),
            f"at 0x{first.address:08x} it has stack pointer 0x{stack:08x} and reset vector "
            f"0x{entry:08x}",
            f"a vector table at 0x{chip.flash.base:08x} with a stack in RAM and an odd address in "
            "the image",
            f"Build the firmware for a board with {chip.name}.",
        )
