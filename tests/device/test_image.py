"""ELF files to flash images: what is loaded, what is refused, and that nothing crashes."""

from __future__ import annotations

import dataclasses
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcu_slm.boards import Memory
from mcu_slm.device import FlashImage, Sector, Segment, read_image, touched_sectors
from mcu_slm.device.image import ensure_same
from mcu_slm.errors import BudgetError, DeviceError, McuSlmError, UsageError
from tests.device.images import FLASH, elf_bytes, firmware, nucleo, write_elf

pytestmark = pytest.mark.unit

CHIP = nucleo().chip


def test_a_firmware_is_read_at_its_load_addresses(tmp_path):
    code = firmware(1000)
    elf = write_elf(tmp_path, {FLASH: code, FLASH + 0x4000: b"data"}, physical_offset=0x1800_0000)
    image = read_image(elf, CHIP)
    assert image.segments == (Segment(FLASH, code), Segment(FLASH + 0x4000, b"data"))
    assert image.start == FLASH
    assert image.byte_count == 1004


def test_small_gaps_are_filled_as_erased_flash(tmp_path):
    code = firmware(1000)
    image = read_image(write_elf(tmp_path, {FLASH: code, FLASH + 1008: b"data"}), CHIP)
    assert image.segments == (Segment(FLASH, code + b"\xff" * 8 + b"data"),)


@pytest.mark.parametrize(
    ("address", "byte_count", "numbers"),
    [
        (0, 1, [0]),
        (0, 0x4000, [0]),
        (0, 0x4001, [0, 1]),
        (0x3FFF, 2, [0, 1]),
        (0xC000, 0x14000, [3, 4]),
        (0x60000, 0x20000, [7]),
        (0, 0x80000, list(range(8))),
    ],
)
def test_touched_sectors_of_the_f446(address, byte_count, numbers):
    image = FlashImage((Segment(FLASH + address, bytes(byte_count)),))
    assert [sector.number for sector in touched_sectors(image, CHIP)] == numbers


def test_sector_addresses_follow_the_reference_manual():
    everything = FlashImage((Segment(FLASH, bytes(0x80000)),))
    sectors = touched_sectors(everything, CHIP)
    assert sectors[4] == Sector(4, 0x0801_0000, 0x10000)
    assert sectors[7] == Sector(7, 0x0806_0000, 0x20000)
    assert sectors[7].end == CHIP.flash.end


@given(st.lists(st.tuples(st.integers(0, 2000), st.binary(min_size=1, max_size=700)), max_size=4))
def test_blocks_hold_every_byte_once_and_erased_bytes_elsewhere(pieces):
    expected: dict[int, int] = {}
    segments, position = [], FLASH
    for gap, data in pieces:
        position += gap
        segments.append(Segment(position, data))
        expected.update(enumerate(data, start=position))
        position += len(data)
    blocks = FlashImage(tuple(segments)).blocks(256)
    assert all(block.address % 256 == 0 and len(block.data) == 256 for block in blocks)
    found = {b.address + i: byte for b in blocks for i, byte in enumerate(b.data)}
    assert {address: found[address] for address in expected} == expected
    assert all(byte == 0xFF for address, byte in found.items() if address not in expected)


@pytest.mark.parametrize(
    ("segments", "kind", "words"),
    [
        ({}, UsageError, "nothing to load"),
        ({FLASH: b"\x00" * 8}, UsageError, "vector table at 0x08000000"),
        ({FLASH: b"\x00\x10"}, UsageError, "vector table"),
        ({FLASH + 0x100: firmware()}, UsageError, "vector table"),
        ({FLASH: firmware(), FLASH + 900: b"overlap"}, UsageError, "overlap at 0x08000384"),
        ({FLASH: firmware(0x80004)}, BudgetError, r"expected only flash.*\(524,288 bytes\)"),
        ({0x2000_0000: firmware()}, BudgetError, "it fills 0x20000000"),
    ],
)
def test_what_this_chip_cannot_hold_or_start_is_refused(tmp_path, segments, kind, words):
    path = tmp_path / "firmware.elf"
    path.write_bytes(elf_bytes(segments))
    with pytest.raises(kind, match=words) as caught:
        read_image(path, CHIP)
    assert str(path) in caught.value.where
    assert caught.value.remedy


@pytest.mark.parametrize("offset", [0, 4])
def test_a_vector_that_leads_nowhere_is_refused(tmp_path, offset):
    code = bytearray(firmware())
    code[offset : offset + 4] = b"\x00\x00\x00\x09"
    with pytest.raises(UsageError, match="reset vector"):
        read_image(write_elf(tmp_path, {FLASH: bytes(code)}), CHIP)


def test_the_stack_may_lie_in_ccm(tmp_path):
    ccm = Memory("CCM", "ccm", 0x1000_0000, 0x1_0000)
    chip = dataclasses.replace(CHIP, memories=(*CHIP.memories, ccm))
    code = (0x1001_0000).to_bytes(4, "little") + firmware()[4:]
    assert read_image(write_elf(tmp_path, {FLASH: code}), chip).start == FLASH


def test_no_such_file(tmp_path):
    with pytest.raises(UsageError, match=r"none\.elf: cannot be read: No such file.*Build"):
        read_image(tmp_path / "none.elf", CHIP)


def test_a_program_of_another_machine_is_named(tmp_path):
    elf = write_elf(tmp_path, machine=62)
    with pytest.raises(UsageError, match=r"it is for EM_X86_64, 32 bits; expected 32-bit"):
        read_image(elf, CHIP)


def test_a_segment_beyond_the_file_is_refused(tmp_path):
    path = tmp_path / "cut.elf"
    path.write_bytes(elf_bytes({FLASH: firmware()})[:-1])
    with pytest.raises(UsageError, match=r"a segment ends at byte 1,084 .*expected 1,083 bytes"):
        read_image(path, CHIP)


@pytest.mark.parametrize("raw", [b"", b"\x7fELF", b"#!/bin/sh\n", bytes(52), b"\x7fELF" * 30])
def test_files_that_are_no_elf_are_refused(tmp_path, raw):
    path = tmp_path / "other.elf"
    path.write_bytes(raw)
    with pytest.raises(UsageError, match=r"no readable ELF file|it is for"):
        read_image(path, CHIP)


def test_damaged_files_are_errors_and_never_crashes(tmp_path):
    """600 damaged headers and lengths: an image or one of our errors."""
    rng = random.Random(5)
    good = elf_bytes({FLASH: firmware(40), FLASH + 0x4000: b"data"})
    path = tmp_path / "damaged.elf"
    refused = 0
    for _ in range(600):
        raw = bytearray(good[: rng.choice((len(good), rng.randrange(len(good))))])
        for _ in range(rng.randint(0, 3)):
            if raw:
                raw[rng.randrange(min(len(raw), 116))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF))
        path.write_bytes(raw)
        try:
            read_image(path, CHIP)
        except McuSlmError:
            refused += 1
    assert refused > 200


def test_the_first_bad_address_is_named():
    with pytest.raises(DeviceError, match=r"0x08000102: it reads back 0x03; expected 0x02") as got:
        ensure_same(b"\x00\x01\x03\x04", Segment(FLASH + 0x100, b"\x00\x01\x02\x03"))
    assert got.value.values["address"] == FLASH + 0x102
