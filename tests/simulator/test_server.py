"""The board on TCP, spoken to with pyserial as if it were one."""

from __future__ import annotations

import threading
import time

import pytest
import serial

from mcu_slm.errors import DeviceError
from mcu_slm.simulator import BoardSimulator
from mcu_slm.simulator.server import serve_tcp

pytestmark = pytest.mark.emulator


@pytest.fixture(params=["interrupts", "polled"])
def url(request, board, build_firmware):
    elf = build_firmware("echo.c", *(["POLLED"] if request.param == "polled" else []))
    simulator = BoardSimulator(board, elf)
    stop, ready, ports = threading.Event(), threading.Event(), []

    def on_ready(port):
        ports.append(port)
        ready.set()

    thread = threading.Thread(
        target=serve_tcp, args=(simulator, "127.0.0.1", 0, stop.is_set, on_ready)
    )
    thread.start()
    assert ready.wait(60)
    yield f"socket://127.0.0.1:{ports[0]}"
    stop.set()
    thread.join(60)
    assert not thread.is_alive()


def ask(port, data):
    port.write(len(data).to_bytes(2, "little") + data)
    return port.read(len(data))


def test_clients_come_and_go(url):
    for client in range(3):
        with serial.serial_for_url(url, timeout=60) as port:
            assert ask(port, bytes([client, 10, 20])) == bytes([client + 1, 11, 21])


def test_a_large_frame_comes_back(url):
    with serial.serial_for_url(url, timeout=60) as port:
        assert ask(port, bytes(1152)) == b"\x01" * 1152


def test_a_taken_port_is_named(board, build_firmware, url):
    number = int(url.rsplit(":", 1)[1])
    simulator = BoardSimulator(board, build_firmware("touch.c"))
    with pytest.raises(DeviceError, match=f"{number}.*cannot be opened"):
        serve_tcp(simulator, "127.0.0.1", number)


def test_ctrl_c_comes_out_with_the_port_closed(board, build_firmware):
    simulator = BoardSimulator(board, build_firmware("echo.c"))
    ports = []

    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        serve_tcp(simulator, stop=interrupt, ready=ports.append)
    with pytest.raises(serial.SerialException):
        serial.serial_for_url(f"socket://127.0.0.1:{ports[0]}", timeout=1)


def test_the_board_runs_no_faster_than_its_clock(board, build_firmware):
    simulator = BoardSimulator(board, build_firmware("echo.c"))  # a SysTick per millisecond
    begin = time.monotonic()
    serve_tcp(simulator, stop=lambda: simulator.board_seconds > 0.2)
    assert time.monotonic() - begin > 0.1  # a busy machine can only make it longer
