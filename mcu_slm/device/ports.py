"""Serial ports: find the board's, choose one, open it, and say what to do when that fails."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from typing import Any, Literal

import serial
from serial.tools import list_ports as serial_list_ports

from mcu_slm.errors import McuSlmError, ToolError, UsageError
from mcu_slm.protocol import printable

Parity = Literal["none", "even"]

_PARITIES = {"none": serial.PARITY_NONE, "even": serial.PARITY_EVEN}
_WRITE_TIMEOUT_S = 30.0
# USB vendors of boards' and cables' serial bridges, the likeliest first. Source: usb.ids.
_VENDORS = {
    0x0483: "STMicroelectronics",
    0x0D28: "Arm DAPLink",
    0x1366: "SEGGER",
    0x0403: "FTDI",
    0x10C4: "Silicon Labs",
    0x1A86: "WCH",
    0x067B: "Prolific",
}
_HOW_TO_GET_ONE = (
    "Connect the board with a USB cable that carries data. NUCLEO and DISCOVERY boards bring a "
    "serial port with their ST-LINK; for others use a USB-to-serial adapter with 3.3 V levels. "
    "Without a board, use the simulator."
)
_ERRORS: tuple[type[BaseException], ...] = (OSError, ValueError)
try:  # POSIX only; pyserial lets this one through
    import termios

    _ERRORS = (*_ERRORS, termios.error)
except ImportError:
    pass


@dataclass(frozen=True)
class PortInfo:
    """One serial port of this machine."""

    device: str
    description: str
    vendor_id: int | None
    product_id: int | None
    serial_number: str | None

    @property
    def is_likely(self) -> bool:
        """Whether it looks like a board's or a cable's port."""
        return self.vendor_id in _VENDORS

    @property
    def is_st_link(self) -> bool:
        """Whether it belongs to STMicroelectronics' debug probe."""
        return self.vendor_id == 0x0483


def list_ports() -> tuple[PortInfo, ...]:
    """Return this machine's serial ports, the likeliest board first."""
    ports = [
        # A USB device chooses its own strings.
        PortInfo(p.device, printable(p.description or ""), p.vid, p.pid, p.serial_number)
        for p in serial_list_ports.comports()
    ]
    ranks = {vendor: rank for rank, vendor in enumerate(_VENDORS)}
    return tuple(sorted(ports, key=lambda p: (ranks.get(p.vendor_id or 0, len(ranks)), p.device)))


def choose_port(wanted: str | None = None) -> str:
    """Return `wanted`, or the one port that looks like a board.

    Raises:
        ToolError: There is none.
        UsageError: There are several and none was named.
    """
    if wanted:
        return wanted
    ports = list_ports()
    likely = [p for p in ports if p.is_st_link] or [p for p in ports if p.is_likely]
    if len(likely) == 1:
        return likely[0].device
    if not likely:
        others = ", ".join(p.device for p in ports)
        raise ToolError(
            "serial port",
            f"none looks like a board (found: {others})" if ports else "this machine has none",
            remedy=("Name one of them. " if ports else "") + _HOW_TO_GET_ONE,
        )
    found = ", ".join(f"{p.device} ({p.description}, {p.serial_number})" for p in likely)
    raise UsageError(
        "serial port", f"several look like a board: {found}", remedy="Name the one to use."
    )


def serial_number_of(device: str) -> str | None:
    """Return the USB serial number behind a port: its name may change when it is plugged again."""
    return next((p.serial_number for p in list_ports() if p.device == device), None)


def device_with(serial_number: str) -> str | None:
    """Return the port of the USB device with this serial number."""
    return next((p.device for p in list_ports() if p.serial_number == serial_number), None)


def open_port(url: str, baud: int = 115200, parity: Parity = "none") -> serial.SerialBase:
    """Open a device (`/dev/ttyACM0`, `COM3`) or a pyserial URL (`socket://host:port`).

    A pseudo terminal has no line and thus no parity: `parity` is left out there.

    Raises:
        ToolError: No such port, no permission, or somebody else has it.
        UsageError: The URL or the baud rate means nothing.
    """
    is_url = "://" in url
    options: dict[str, Any] = {"timeout": 0.02, "write_timeout": _WRITE_TIMEOUT_S}
    if not is_url:
        options["parity"] = _PARITIES["none" if _is_pseudo_terminal(url) else parity]
        # Two programs on one port would each get half of the bytes.
        options["exclusive"] = True if os.name == "posix" else None
    try:
        return serial.serial_for_url(url, baudrate=baud, **options)
    except _ERRORS as error:
        raise _open_error(url, baud, error) from error


def _is_pseudo_terminal(device: str) -> bool:
    return os.path.realpath(device).startswith("/dev/pts/")


def _open_error(url: str, baud: int, error: BaseException) -> McuSlmError:
    """Sort an error of opening by what the reader can do about it."""
    code, text = getattr(error, "errno", None), str(error)
    where = f"serial port {url}"
    # On Windows pyserial puts the original exception's name into the text and no number anywhere.
    if code == errno.ENOENT or "FileNotFoundError" in text:
        found = ", ".join(p.device for p in list_ports()) or "none"
        return ToolError(
            where, "there is no such port", f"one of this machine's ({found})", _HOW_TO_GET_ONE
        )
    if code in (errno.EBUSY, errno.EAGAIN) or "PermissionError" in text:
        return ToolError(
            where,
            "another program uses it",
            remedy="Close other monitors, IDEs and serial terminals, then try again.",
        )
    if code in (errno.EACCES, errno.EPERM):
        return ToolError(
            where,
            "you may not open it",
            remedy="On Linux: sudo usermod -aG dialout $USER, then log out and in again; or add a "
            'udev rule: SUBSYSTEM=="tty", ATTRS{idVendor}=="0483", MODE="0666".',
        )
    if url.startswith(("socket://", "rfc2217://")) and isinstance(error, OSError):
        return ToolError(
            where,
            f"nobody answers there ({text})",
            remedy="Start the simulator or serial server first, and check host and port.",
        )
    return UsageError(
        where,
        f"it cannot be opened at {baud} baud ({text or type(error).__name__})",
        "a device such as /dev/ttyACM0 or COM3, or a URL such as socket://localhost:5000",
        "Check the name and the baud rate.",
    )
