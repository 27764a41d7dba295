"""Flashing through pyOCD, against a simulated probe on which pyOCD runs its own flash algorithm."""

from __future__ import annotations

import builtins

import pytest

from mcu_slm.boards import load_board
from mcu_slm.device import FlashImage, Segment, flash, list_probes, swd
from mcu_slm.errors import DeviceError, ToolError, UsageError
from tests.device.images import FLASH, firmware, l475_board, nucleo, write_elf

pytest.importorskip("pyocd", reason="the extra [flash] is not installed")
pytest.importorskip("unicorn", reason="the extra [sim] is not installed")

from tests.device.probe_sim import PAGE_BYTES, SimulatedChip, SimulatedProbe

pytestmark = pytest.mark.unit

BOARD = l475_board()
IMAGE = FlashImage((Segment(FLASH, firmware(3001)), Segment(FLASH + 0x8_0800, b"second bank!")))


@pytest.fixture
def chip() -> SimulatedChip:
    return SimulatedChip()


@pytest.fixture
def connected(monkeypatch, chip):
    """Let pyOCD find the probes of this list."""
    from pyocd.core.helpers import ConnectHelper

    probes = [SimulatedProbe(chip)]
    monkeypatch.setattr(ConnectHelper, "get_all_connected_probes", lambda **_: list(probes))
    return probes


def program(chip: SimulatedChip, image: FlashImage = IMAGE) -> list[tuple[str, float]]:
    steps: list[tuple[str, float]] = []
    probe = SimulatedProbe(chip)
    swd.program(probe, image, BOARD.chip, lambda step, done: steps.append((step, done)))
    return steps


def test_pyocd_programs_the_image_and_the_chip_starts(chip):
    chip.flash.bytes[0:2] = b"\x00\x00"  # an old program
    steps = program(chip)
    for segment in IMAGE.segments:
        start = segment.address - FLASH
        assert chip.flash.bytes[start : start + len(segment.data)] == segment.data
    assert set(chip.flash.erased_pages) <= {0, 1, 257}
    assert 0 in chip.flash.erased_pages
    assert chip.flash.programmed_bytes >= 3001 + 12
    assert list(dict.fromkeys(step for step, _ in steps)) == ["erase", "write", "verify"]
    for name in ("erase", "write", "verify"):
        fractions = [done for step, done in steps if step == name]
        assert fractions == sorted(fractions)
        assert fractions[-1] == pytest.approx(1.0)
    assert not chip.is_halted
    assert chip.resets >= 2


def test_what_is_there_already_is_not_written_again(chip):
    program(chip)
    before = chip.flash.programmed_bytes
    program(chip)
    assert chip.flash.programmed_bytes == before


def test_touched_pages_are_erased_as_a_whole_and_others_not_at_all(chip):
    chip.flash.bytes[0xE00:0xE04] = b"lost"
    chip.flash.bytes[0x1000:0x1004] = b"kept"
    program(chip)
    assert chip.flash.bytes[0xE00:0xE04] == b"\xff" * 4
    assert chip.flash.bytes[0x1000:0x1004] == b"kept"


def test_bytes_that_read_back_otherwise_are_an_error(chip):
    chip.flash.bytes[:PAGE_BYTES] = bytes(PAGE_BYTES)
    chip.flash.stuck_page = 0
    with pytest.raises(DeviceError, match=r"flash at 0x0800|FlashProgramFailure|FlashFailure"):
        program(chip)


def test_our_own_read_back_names_the_address(chip, monkeypatch):
    def write_nothing(*_):
        chip.flash.bytes[:3001] = firmware(3001)
        chip.flash.bytes[0x123] ^= 0x80

    monkeypatch.setattr(swd, "_write", write_nothing)
    with pytest.raises(DeviceError, match=r"flash at 0x08000123: it reads back"):
        program(chip)


def test_another_chip_is_refused_before_anything_is_erased():
    other = SimulatedChip(device_id=0x421)
    with pytest.raises(DeviceError, match=r"id is 0x421; expected 0x415 \(stm32l475vg\)"):
        program(other)
    assert not other.flash.erased_pages
    assert not other.flash.programmed_bytes


def test_a_flash_that_pyocd_does_not_know_is_refused(chip):
    outside = FlashImage((Segment(FLASH, firmware()), Segment(FLASH + (1 << 20), b"beyond")))
    with pytest.raises(DeviceError, match=r"memory map .*0x08100000"):
        program(chip, outside)
    assert not chip.flash.programmed_bytes


def test_the_flash_command_finds_the_probe(tmp_path, connected, chip):
    report = flash(write_elf(tmp_path), BOARD, method="swd", probe="sim00")
    assert report.device == "SIM0001"
    assert not report.dry_run
    assert chip.flash.bytes[:1000] == firmware()
    assert [p.unique_id for p in list_probes()] == ["SIM0001"]


def test_no_probe_says_how_to_get_one(tmp_path, connected):
    connected.clear()
    with pytest.raises(ToolError, match="debug probe: none is connected") as caught:
        flash(write_elf(tmp_path), BOARD)
    assert "ST-LINK" in caught.value.remedy
    assert "uart" in caught.value.remedy


def test_two_probes_need_a_choice(connected, chip):
    connected.append(SimulatedProbe(chip, "SIM0002"))
    with pytest.raises(UsageError, match=r"2 match: SIM0001 .*SIM0002"):
        swd.choose_probe(None)
    assert swd.choose_probe("0002").unique_id == "SIM0002"
    with pytest.raises(ToolError, match="none has the id 'xyz'; expected one of SIM0001"):
        swd.choose_probe("xyz")


def test_a_chip_that_pyocd_lacks_names_the_pack(tmp_path, connected, chip, monkeypatch):
    from pyocd.target.pack.pack_target import ManagedPacks

    monkeypatch.setattr(ManagedPacks, "populate_target", lambda _: None)
    with pytest.raises(ToolError, match="it has no target stm32f446retx") as caught:
        flash(write_elf(tmp_path), nucleo())
    assert "pyocd pack install stm32f446re" in caught.value.remedy
    assert "uart" in caught.value.remedy
    assert chip.resets == 1


def test_a_damaged_pack_folder_is_the_same_error(monkeypatch):
    from pyocd.target.pack.pack_target import ManagedPacks

    def broken(_):
        raise KeyError("index.json")

    monkeypatch.setattr(ManagedPacks, "populate_target", broken)
    with pytest.raises(ToolError, match=r"no target stm32f446retx .KeyError"):
        swd.ensure_target(nucleo().chip)


def test_a_probe_that_fails_is_a_device_error(chip, monkeypatch):
    from pyocd.core import exceptions

    def fail(*_, **__):
        raise exceptions.TransferFaultError(fault_address=0xE000_EDF0)

    monkeypatch.setattr(chip, "write_memory", fail)
    with pytest.raises(DeviceError, match="debug probe SIM0001: Transfer") as caught:
        program(chip)
    assert "cable" in caught.value.remedy


def test_without_pyocd_the_extra_is_named(monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name.startswith("pyocd"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ToolError, match=r"pip install 'mcu-slm\[flash\]'"):
        list_probes()


def test_usb_that_cannot_be_listed_is_a_tool_error(monkeypatch):
    from pyocd.core.helpers import ConnectHelper

    def fail(**_):
        raise RuntimeError("no backend")

    monkeypatch.setattr(ConnectHelper, "get_all_connected_probes", fail)
    with pytest.raises(ToolError, match=r"cannot be listed \(RuntimeError: no backend\)"):
        list_probes()


def test_the_simulated_flash_keeps_the_rules(chip):
    """A test of the judge: locked, unerased or unasked stores change nothing."""
    from tests.device.probe_sim import CR, CR_LOCK, CR_PG, KEYR, KEYS, SR_SEQUENCE_ERROR

    flash_memory = chip.flash
    flash_memory.write(CR, CR_PG)
    assert flash_memory.control == CR_LOCK
    flash_memory.write(KEYR, KEYS[1])
    flash_memory.write(KEYR, KEYS[0])
    assert flash_memory.control & CR_LOCK
    flash_memory.write(KEYR, KEYS[1])
    assert not flash_memory.control & CR_LOCK
    flash_memory.store(FLASH, 4)
    flash_memory.bytes[:4] = b"oops"
    flash_memory.undo_rejected()
    assert flash_memory.status == SR_SEQUENCE_ERROR
    assert flash_memory.bytes[:4] == b"\xff" * 4


@pytest.mark.parametrize(
    ("name", "address", "device_id"),
    [
        ("nucleo_f030r8", 0x4001_5800, 0x440),
        ("nucleo_f103rb", 0xE004_2000, 0x410),
        ("nucleo_h743zi2", 0x5C00_1000, 0x450),
        ("nucleo_l053r8", 0x4001_5800, 0x417),
    ],
)
def test_a_chip_is_recognised_where_its_family_has_the_id(
    name: str, address: int, device_id: int
) -> None:
    class Target:
        def read32(self, where: int) -> int:
            return 0x2000_0000 | found if where == address else 0

    class Session:
        target = Target()

    found = device_id
    swd._ensure_chip(Session(), load_board(name).chip)
    found = device_id ^ 1
    with pytest.raises(DeviceError, match=f"device id is 0x{found:03x}"):
        swd._ensure_chip(Session(), load_board(name).chip)
