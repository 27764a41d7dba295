"""Our AN3155 client against the simulated boot ROM."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import random

import pytest

from mcu_slm.device import FlashImage, Segment
from mcu_slm.device.uart_boot import UartBootLoader, program
from mcu_slm.errors import DeviceError
from tests.device.boot_rom import (
    ERASE,
    EXTENDED_ERASE,
    GET,
    GET_ID,
    GO,
    READ,
    WRITE,
    BootRom,
    Faults,
)
from tests.device.images import FLASH, firmware, l475_board, nucleo
from tests.protocol.fake_board import FakePort, StallingPort

pytestmark = [pytest.mark.unit, pytest.mark.usefixtures("clock")]

CHIP = nucleo().chip
IMAGE = FlashImage((Segment(FLASH, firmware(0x4101)), Segment(FLASH + 0x8000, b"config")))


def flash_through(rom: BootRom, image: FlashImage = IMAGE, chip=CHIP) -> list[tuple[str, float]]:
    steps: list[tuple[str, float]] = []
    loader = UartBootLoader(FakePort(rom))
    program(loader, image, chip, lambda step, done: steps.append((step, done)))
    return steps


@pytest.mark.parametrize("legacy_erase", [False, True])
def test_an_image_is_erased_written_verified_and_started(legacy_erase):
    rom = BootRom(CHIP, legacy_erase=legacy_erase)
    steps = flash_through(rom)
    assert rom.erased_sectors == [0, 1, 2]
    assert rom.flash[:0x4101] == IMAGE.segments[0].data
    assert rom.flash[0x8000:0x8006] == b"config"
    assert rom.flash[0xC000:] == bytes(0x80000 - 0xC000)
    assert rom.started_at == FLASH
    assert rom.writes == [FLASH + 256 * n for n in range(66)] + [FLASH + 0x8000]
    assert list(dict.fromkeys(step for step, _ in steps)) == ["erase", "write", "verify"]
    for name in ("erase", "write", "verify"):
        fractions = [done for step, done in steps if step == name]
        assert fractions == sorted(fractions)
        assert fractions[-1] == 1.0


def test_pages_beyond_255_need_the_extended_erase():
    chip = l475_board().chip
    image = FlashImage((Segment(FLASH, firmware()), Segment(FLASH + 300 * 0x800, b"far away")))
    rom = BootRom(chip)
    flash_through(rom, image, chip)
    assert rom.erased_sectors == [0, 300]
    with pytest.raises(DeviceError, match="it cannot erase sector 300; expected 0 to 255"):
        flash_through(BootRom(chip, legacy_erase=True), image, chip)


def test_a_boot_loader_that_is_synchronised_already_is_taken_over():
    rom = BootRom(CHIP)
    rom.receive(b"\x7f")
    flash_through(rom)
    assert rom.started_at == FLASH


def test_old_bytes_on_the_line_do_not_disturb():
    port = FakePort(BootRom(CHIP))
    port.send(b"predictions of the old program \x79\x1f")
    assert UartBootLoader(port).connect().product_id == 0x421


def test_an_answer_that_came_while_the_machine_was_busy_is_taken():
    port = StallingPort(BootRom(CHIP))
    port.has_stalled = True  # not yet
    loader = UartBootLoader(port)
    loader.connect()
    port.has_stalled = False
    assert loader.read(FLASH, 4) == bytes(4)


def test_get_tells_version_and_commands():
    info = UartBootLoader(FakePort(BootRom(CHIP, version=0x31))).connect()
    assert info.version == 0x31
    assert info.commands == {GET, GET_ID, READ, GO, WRITE, EXTENDED_ERASE}


def test_another_chip_is_refused_before_anything_is_erased():
    rom = BootRom(CHIP)
    rom.product_id = 0x413
    with pytest.raises(DeviceError, match=r"id is 0x413; expected 0x421 \(stm32f446re\)") as caught:
        flash_through(rom)
    assert caught.value.values["product_id"] == 0x413
    assert not rom.erased_sectors
    assert not rom.writes


@pytest.mark.parametrize(
    ("faults", "words", "remedy"),
    [
        (Faults(flip_bit_read_at=FLASH + 0x432), r"flash at 0x08000432: it reads back", "damaged"),
        (Faults(stuck_low_at=FLASH + 9), r"0x08000009: it reads back 0x00", "worn"),
        (Faults(refuse_write_at=FLASH + 0x500), r"writing 0x08000500: it refused", "protect"),
        (Faults(refuse_erase=True), r"erasing sector 0 \(0x08000000\): it refused", "protect"),
        (Faults(read_protected=True), r"command Extended Erase: it refused", "protect"),
        (Faults(silent_on=GET), r"command Get: no answer within 1 s", "8E1"),
        (Faults(silent_on=WRITE), r"command Write Memory: no answer", "TX and RX"),
        (Faults(silent_on=GO), r"command Go: no answer", "BOOT0"),
        (Faults(strange_answer_on=READ), r"command Read Memory: it answered 0x42", "even parity"),
        (Faults(short_answer_on=GET_ID), r"Get ID: its answer .* is cut short", "parity"),
        (Faults(short_answer_on=READ), r"reading 0x08000000: 255 bytes came; expected 256", "BOOT"),
    ],
)
def test_every_failure_says_where_and_what_to_do(faults, words, remedy):
    rom = BootRom(CHIP, faults)
    with pytest.raises(DeviceError, match=words) as caught:
        flash_through(rom)
    assert remedy in caught.value.remedy
    assert rom.started_at is None


def test_silence_at_the_start_explains_how_to_start_the_boot_loader():
    class Dead:
        def receive(self, _: bytes) -> bytes:
            return b""

    with pytest.raises(DeviceError, match="no answer to 4 synchronisation bytes") as caught:
        UartBootLoader(FakePort(Dead())).connect()
    assert "BOOT0" in caught.value.remedy
    assert "parity" in caught.value.remedy


def test_an_address_outside_the_flash_is_refused_by_the_rom():
    loader = UartBootLoader(FakePort(BootRom(CHIP)))
    loader.connect()
    with pytest.raises(DeviceError, match=r"reading 0x30000000: it refused.*right board"):
        loader.read(0x3000_0000, 4)


def test_a_pulled_plug_is_one_clear_error():
    port = FakePort(BootRom(CHIP))
    loader = UartBootLoader(port)
    loader.connect()
    port.is_plugged = False
    with pytest.raises(DeviceError, match="went away"):
        loader.read(FLASH, 4)


def test_a_boot_loader_without_the_commands_we_need_is_refused():
    rom = BootRom(CHIP)
    del rom._handlers[GO]
    with pytest.raises(DeviceError, match=r"it offers only .*expected Read Memory, Write Memory"):
        flash_through(rom)


def test_a_damaged_line_gives_the_right_flash_or_an_error():
    """100 sessions, each with one damaged byte somewhere: never a started wrong program."""
    rng = random.Random(11)
    image = FlashImage((Segment(FLASH, firmware(700)),))
    started = 0
    for _ in range(100):
        strike = rng.randrange(60)
        counter = itertools.count()

        def damage(_: str, data: bytes, strike=strike, counter=counter) -> bytes:
            if not data or next(counter) != strike:
                return data
            wire = bytearray(data)
            at = rng.randrange(len(wire))
            rng.choice(
                (
                    lambda: wire.__setitem__(at, wire[at] ^ 1 << rng.randrange(8)),
                    lambda: wire.__delitem__(at),
                    lambda: wire.insert(at, rng.randrange(256)),
                )
            )()
            return bytes(wire)

        rom = BootRom(CHIP)
        loader = UartBootLoader(FakePort(rom, damage=damage))
        with contextlib.suppress(DeviceError):
            program(loader, image, CHIP, lambda *_: None)
        if rom.started_at is not None:
            assert rom.flash[:700] == image.segments[0].data
            started += 1
    assert 0 < started < 100


def test_the_simulated_rom_keeps_the_rules():
    """A test of the judge: bad checksums, unaligned writes and unknown commands are refused."""
    rom = BootRom(CHIP)
    assert rom.receive(b"\x7f") == b"\x79"
    assert rom.receive(b"\x11\x11") == b"\x1f"
    assert rom.receive(b"\x43\xbc") == b"\x1f"
    assert rom.receive(b"\x11\xee\x08\x00\x00\x00\x09") == b"\x79\x1f"
    assert rom.receive(b"\x31\xce\x08\x00\x00\x02\x0a\x03\x01\x02\x03\x04\x07") == b"\x79\x79\x1f"
    assert rom.receive(b"\x31\xce\x08\x00\x00\x00\x08\x03\x01\x02\x03\x04\x06") == b"\x79\x79\x1f"
    rom.flash[:4] = b"\xff\x0f\xff\xff"
    assert rom.receive(b"\x31\xce\x08\x00\x00\x00\x08\x03\xf1\xf2\xf3\xf4\x07") == b"\x79\x79\x79"
    assert rom.flash[:4] == b"\xf1\x02\xf3\xf4"
    assert ERASE not in rom._handlers


def test_the_chip_file_decides_which_sectors_are_erased():
    chip = dataclasses.replace(CHIP, flash_layout=((256, 0x800),))
    rom = BootRom(chip)
    flash_through(rom, FlashImage((Segment(FLASH, firmware(0x1001)),)), chip)
    assert rom.erased_sectors == [0, 1, 2]
