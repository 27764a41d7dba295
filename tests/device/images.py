"""Small ELF files and chips for tests, written by hand: no compiler needed."""

from __future__ import annotations

import dataclasses
import random
import struct
from pathlib import Path

from mcu_slm.boards import Board, Chip, Memory, load_board

FLASH = 0x0800_0000
STACK_TOP = 0x2000_1000
_PT_LOAD = 1
_EM_ARM = 40


def elf_bytes(
    segments: dict[int, bytes], *, machine: int = _EM_ARM, physical_offset: int = 0
) -> bytes:
    """Return a little-endian ELF32 executable with one loadable segment per address.

    `physical_offset` is subtracted from the virtual address, as for initialised data that the
    start-up code copies to RAM.
    """
    head_bytes, entry_bytes = 52, 32
    offset = head_bytes + entry_bytes * len(segments)
    table, content = b"", b""
    for address, data in segments.items():
        table += struct.pack(
            "<8I", _PT_LOAD, offset, address + physical_offset, address, len(data), len(data), 5, 4
        )
        content += data
        offset += len(data)
    ident = b"\x7fELF\x01\x01\x01" + bytes(9)
    head = struct.pack(
        "<HHIIIIIHHHHHH",
        2, machine, 1, FLASH + 9, head_bytes, 0, 0,
        head_bytes, entry_bytes, len(segments), 40, 0, 0,
    )  # fmt: skip
    return ident + head + table + content


def firmware(byte_count: int = 1000, seed: int = 1) -> bytes:
    """Return a vector table, an endless loop that it points to, and random bytes."""
    vectors = struct.pack("<II", STACK_TOP, FLASH + 9)
    loop = b"\xfe\xe7"  # b .
    return vectors + loop + random.Random(seed).randbytes(byte_count - 10)


def write_elf(folder: Path, segments: dict[int, bytes] | None = None, **options: int) -> Path:
    """Write `firmware.elf` into `folder` and return its path."""
    path = folder / "firmware.elf"
    path.write_bytes(elf_bytes(segments or {FLASH: firmware()}, **options))
    return path


def nucleo() -> Board:
    return load_board("nucleo_f446re")


def l475_board() -> Board:
    """Return a board whose chip is built into pyOCD: STM32L475xG, 512 pages of 2 KiB."""
    chip: Chip = dataclasses.replace(
        nucleo().chip,
        name="stm32l475vg",
        bootloader_product_id=0x415,
        pyocd_target="stm32l475xg",
        flash_layout=((512, 0x800),),
        memories=(
            Memory("FLASH", "flash", FLASH, 1 << 20),
            Memory("RAM", "ram", 0x2000_0000, 96 << 10),
        ),
    )
    return dataclasses.replace(nucleo(), name="b_l475e_iot01a", chip=chip)
