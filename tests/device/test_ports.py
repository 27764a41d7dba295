"""Finding, choosing and opening serial ports, and every reason why that fails."""

from __future__ import annotations

import errno
import os
import socket
from types import SimpleNamespace

import pytest
import serial
from serial.tools import list_ports as serial_list_ports

from mcu_slm.device import choose_port, list_ports, open_port, ports
from mcu_slm.errors import ToolError, UsageError

pytestmark = pytest.mark.unit


def plug(device: str, vid: int | None, text: str = "port", serial_number: str | None = None):
    return SimpleNamespace(
        device=device, description=text, vid=vid, pid=0x374B, serial_number=serial_number
    )


ST_LINK = plug("/dev/ttyACM1", 0x0483, "STM32 STLink", "066B")
FTDI = plug("/dev/ttyUSB0", 0x0403, "FT232R", "A50")
MAINBOARD = plug("/dev/ttyS0", None, "ttyS0")


@pytest.fixture
def plugged(monkeypatch):
    """The ports of this machine; a test changes the list."""
    found = [MAINBOARD, FTDI, ST_LINK]
    monkeypatch.setattr(serial_list_ports, "comports", lambda: list(found))
    return found


def test_st_links_come_first_and_unknown_ports_last(plugged):
    assert [p.device for p in list_ports()] == ["/dev/ttyACM1", "/dev/ttyUSB0", "/dev/ttyS0"]
    assert [p.is_likely for p in list_ports()] == [True, True, False]


def test_usb_strings_cannot_steer_the_terminal(plugged):
    plugged[:] = [plug("/dev/ttyACM0", 0x0483, "\x1b[2JSTLink")]
    assert list_ports()[0].description == "STLink"


def test_the_only_st_link_is_chosen_before_other_cables(plugged):
    assert choose_port() == "/dev/ttyACM1"
    plugged.remove(ST_LINK)
    assert choose_port() == "/dev/ttyUSB0"


def test_a_named_port_is_taken_as_it_is(plugged):
    assert choose_port("socket://localhost:5000") == "socket://localhost:5000"


def test_two_boards_need_a_choice(plugged):
    plugged.append(plug("/dev/ttyACM2", 0x0483, "STM32 STLink", "0670"))
    with pytest.raises(UsageError, match=r"/dev/ttyACM1 \(STM32 STLink, 066B\), /dev/ttyACM2"):
        choose_port()


def test_no_port_says_how_to_get_one(plugged):
    plugged[:] = [MAINBOARD]
    with pytest.raises(ToolError, match=r"none looks like a board \(found: /dev/ttyS0\)"):
        choose_port()
    plugged.clear()
    with pytest.raises(ToolError, match="this machine has none") as caught:
        choose_port()
    assert "3.3 V" in caught.value.remedy


def test_a_port_is_found_again_by_its_serial_number(plugged):
    assert ports.serial_number_of("/dev/ttyACM1") == "066B"
    assert ports.serial_number_of("/dev/none") is None
    assert ports.device_with("A50") == "/dev/ttyUSB0"
    assert ports.device_with("gone") is None


def test_no_such_port_lists_those_that_exist(plugged):
    with pytest.raises(ToolError, match=r"/dev/none: there is no such port; .*ttyACM1") as caught:
        open_port("/dev/none")
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("error", "words", "remedy"),
    [
        (serial.SerialException(errno.EACCES, "denied"), "you may not open it", "dialout"),
        (serial.SerialException(errno.EBUSY, "busy"), "another program uses it", "Close"),
        (serial.SerialException(errno.EAGAIN, "lock"), "another program uses it", "Close"),
        (
            serial.SerialException("could not open port 'COM3': FileNotFoundError(2, 'x')"),
            "there is no such port",
            "cable",
        ),
        (
            serial.SerialException("could not open port 'COM3': PermissionError(13, 'Access')"),
            "another program uses it",
            "serial terminals",
        ),
    ],
)
def test_errors_of_opening_say_what_to_do(plugged, monkeypatch, error, words, remedy):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(serial, "serial_for_url", fail)
    with pytest.raises(ToolError, match=f"serial port COM3: {words}") as caught:
        open_port("COM3")
    assert remedy in caught.value.remedy


@pytest.mark.parametrize(
    ("url", "baud"), [("nonsense://x", 115200), ("loop://", -5), ("/dev/null", 115200)]
)
def test_what_cannot_be_a_port_is_a_usage_error(plugged, url, baud):
    with pytest.raises(UsageError, match=rf"{url}: it cannot be opened at {baud} baud"):
        open_port(url, baud)


def test_a_loop_opens():
    port = open_port("loop://")
    port.write(b"echo")
    assert port.read(4) == b"echo"
    port.close()


def test_a_socket_that_nobody_serves(plugged):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"socket://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(ToolError, match=r"nobody answers there") as caught:
            open_port(url)
    assert "simulator" in caught.value.remedy


def test_a_pseudo_terminal_opens_without_parity_and_only_once(plugged):
    pty = pytest.importorskip("pty")
    master, slave = pty.openpty()
    try:
        path = os.ttyname(slave)
        port = open_port(path, parity="even")
        assert port.parity == serial.PARITY_NONE
        with pytest.raises(ToolError, match="another program uses it"):
            open_port(path)
        port.close()
    finally:
        os.close(master)
        os.close(slave)
