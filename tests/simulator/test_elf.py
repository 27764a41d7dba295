"""ELF files that are good, broken or hostile."""

from __future__ import annotations

import contextlib
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcu_slm.errors import McuSlmError
from mcu_slm.simulator.elf import load_image, parse_image
from mcu_slm.simulator.symbols import Symboliser

pytestmark = pytest.mark.unit

WHERE = Path("firmware.elf")


def tiny_elf(machine=40, kind=2, elf_class=1, order=1, offset=84, size=8):
    """Return an ELF with one segment of eight bytes for 0x08000000."""
    ident = b"\x7fELF" + bytes([elf_class, order, 1]) + bytes(9)
    header = struct.pack("<HHIIIIIHHHHHH", kind, machine, 1, 0, 52, 0, 0, 52, 32, 1, 40, 0, 0)
    segment = struct.pack("<8I", 1, offset, 0x20000000, 0x08000000, size, size, 5, 4)
    return ident + header + segment + b"\x00\x10\x00\x20\x09\x00\x00\x08"


def test_segments_go_to_their_load_address():
    image = parse_image(tiny_elf(), WHERE)
    assert [(s.address, len(s.data)) for s in image.segments] == [(0x08000000, 8)]
    assert image.symbols == {}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a usable ELF"),
        (b"hello, world", "not a usable ELF"),
        (tiny_elf()[:60], "not a usable ELF"),
        (tiny_elf(machine=62), "EM_X86_64"),
        (tiny_elf(kind=1), "ET_REL"),
        (tiny_elf(size=1 << 30), "behind the end"),
        (tiny_elf(size=0), "nothing to load"),
    ],
)
def test_broken_files_are_refused(content, words):
    with pytest.raises(McuSlmError, match=words) as caught:
        parse_image(content, WHERE)
    assert caught.value.where == "firmware.elf"
    assert caught.value.remedy


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(McuSlmError, match="cannot be read"):
        load_image(tmp_path / "nothing.elf")


def test_a_huge_file_is_refused(tmp_path):
    path = tmp_path / "huge.elf"
    with path.open("wb") as stream:
        stream.truncate(65 << 20)
    with pytest.raises(McuSlmError, match="at most"):
        load_image(path)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(tiny_elf()) - 1), st.integers(0, 255))
def test_a_changed_byte_never_crashes(position, value):
    content = bytearray(tiny_elf())
    content[position] = value
    try:
        image = parse_image(bytes(content), WHERE)
    except McuSlmError:
        return
    Symboliser(image).place(0x08000000)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400))
def test_noise_never_crashes(tail):
    with contextlib.suppress(McuSlmError):
        parse_image(tiny_elf()[:52] + tail, WHERE)
