"""The flash command over the serial way, as a user calls it: on a pseudo terminal, and dry."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from mcu_slm.device import Sector, flash, open_port, uart_boot
from mcu_slm.errors import DeviceError, UsageError
from mcu_slm.protocol import Client
from tests.device.boot_rom import BootRom, Faults
from tests.device.images import FLASH, firmware, nucleo, write_elf
from tests.protocol.fake_board import FakeBoard

pytestmark = pytest.mark.unit

BOARD = nucleo()


@pytest.fixture
def pty_line(monkeypatch):
    pytest.importorskip("pty")
    patient = partial(uart_boot.UartBootLoader, timeout=60.0)  # the machine may be busy
    monkeypatch.setattr(uart_boot, "UartBootLoader", patient)
    from tests.device.pty_line import PtyLine

    return PtyLine


def test_flashing_over_a_pseudo_terminal_ends_with_the_firmware_answering(tmp_path, pty_line):
    code = firmware(20_000)
    rom = BootRom(BOARD.chip, application=FakeBoard())
    seen: list[str] = []
    with pty_line(rom) as line:
        report = flash(
            write_elf(tmp_path, {FLASH: code}),
            BOARD,
            method="uart",
            port=line.path,
            progress=lambda step, _: seen.append(step),
        )
        port = open_port(line.path)
        client = Client(port, timeout=60.0, inference_timeout=60.0)
        assert client.hello().board == "nucleo_f446re"
        assert client.infer(np.ones(12, np.int8)).output.tolist() == [-1, -1, -1]
        port.close()
    assert rom.flash[:20_000] == code
    assert report.device == line.path
    assert report.sectors == (Sector(0, FLASH, 0x4000), Sector(1, FLASH + 0x4000, 0x4000))
    assert report.erased_bytes == 0x8000
    assert report.lines()[0] == "sector 0 (0x08000000, 16,384 bytes) erased"
    assert report.lines()[2] == ("0x08000000 to 0x08004e1f (20,000 bytes) written and read back")
    assert set(seen) == {"erase", "write", "verify"}


def test_a_failed_read_back_leaves_the_port_closed(tmp_path, pty_line):
    rom = BootRom(BOARD.chip, Faults(flip_bit_read_at=FLASH + 0x101))
    with pty_line(rom) as line:
        with pytest.raises(DeviceError, match="flash at 0x08000101: it reads back"):
            flash(write_elf(tmp_path), BOARD, method="uart", port=line.path)
        open_port(line.path).close()
    assert rom.started_at is None


@pytest.mark.parametrize("method", ["swd", "uart"])
def test_a_dry_run_touches_nothing_and_says_what_it_would_do(tmp_path, method):
    is_uart = method == "uart"
    elf = write_elf(tmp_path, {FLASH: firmware(0x4001), FLASH + 0x1_0000: b"more"})
    report = flash(elf, BOARD, method=method, dry_run=True)
    assert report.dry_run
    assert report.device == ""
    assert report.lines() == (
        "sector 0 (0x08000000, 16,384 bytes) would be erased",
        "sector 1 (0x08004000, 16,384 bytes) would be erased",
        "sector 4 (0x08010000, 65,536 bytes) would be erased",
        "0x08000000 to 0x08004000 (16,385 bytes) would be written and would be read back",
        "0x08010000 to 0x08010003 (4 bytes) would be written and would be read back",
        *(["Set BOOT0 low afterwards, or the next reset starts the boot loader again"] * is_uart),
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"method": "jtag"}, "method: it is 'jtag'; expected swd or uart"),
        ({"method": "swd", "port": "COM3"}, "port: it means nothing to method swd"),
        ({"method": "uart", "probe": "066B"}, "probe: it means nothing to method uart"),
    ],
)
def test_arguments_that_do_not_fit_together_are_refused(tmp_path, options, words):
    with pytest.raises(UsageError, match=words):
        flash(write_elf(tmp_path), BOARD, **options)
