"""The same firmware on QEMU: another model of the core, with clocks that never become ready."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mcu_slm import boards, protocol
from mcu_slm.firmware import build
from mcu_slm.protocol import Client

pytestmark = [
    pytest.mark.emulator,
    pytest.mark.skipif(not shutil.which("qemu-system-arm"), reason="needs qemu-system-arm"),
]


# Machines of older versions with the same chip.
STAND_INS = {"olimex_stm32_h405": "netduinoplus2"}
BOARDS = [name for name in boards.list_boards() if boards.load_board(name).qemu_machine]


def machine_for(board: boards.Board) -> str:
    """The board's own machine, or one with the same chip that older versions have."""
    known = subprocess.run(
        ("qemu-system-arm", "-M", "help"), capture_output=True, text=True, check=True
    ).stdout
    for name in (board.qemu_machine, STAND_INS.get(board.name)):
        if name and f"\n{name} " in known:
            return name
    pytest.skip(f"this QEMU has no machine for {board.name}")


@contextmanager
def running(board: boards.Board, elf: Path) -> Iterator[Client]:
    import serial

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    number = int(board.console.usart.name.removeprefix("USART"))
    ports = ["-serial", "null"] * (number - 1)
    console = f"tcp:127.0.0.1:{port},server=on,wait=on,nodelay=on"
    command = ("qemu-system-arm", "-M", machine_for(board), "-kernel", str(elf), "-display", "none")
    process = subprocess.Popen((*command, *ports, "-serial", console), stderr=subprocess.DEVNULL)
    try:
        connection = None
        while connection is None:  # until it listens, or has ended
            assert process.poll() is None, "QEMU ended at once"
            try:
                connection = serial.serial_for_url(f"socket://127.0.0.1:{port}", timeout=1)
            except serial.SerialException:
                time.sleep(0.1)
        client = Client(connection, timeout=60.0, inference_timeout=60.0)
        await_boot(client)
        yield client
        connection.close()
    finally:
        process.kill()
        process.wait()


def await_boot(client: Client) -> None:
    """Wait until it listens: what is sent before that is lost."""
    boot = next(event for event in client.events(60.0) if isinstance(event, protocol.Boot))
    assert boot.self_test_passed


@pytest.mark.parametrize("name", BOARDS)
def test_firmware_answers_on_the_fallback_clock(make_project, known, name: str) -> None:
    board = boards.load_board(name)
    machine_for(board)
    elf = build(make_project(board.name).folder, board, "Release").elf
    with running(board, elf) as client:
        assert client.hello().board == board.name
        assert client.info().clock_state == protocol.ClockState.RESET_CLOCK
        assert client.self_test().passed
        for inputs, outputs in zip(*known, strict=True):
            assert client.infer(inputs).output.tolist() == outputs.tolist()
        client.reset()
        await_boot(client)
        assert client.stats().inferences == 0
