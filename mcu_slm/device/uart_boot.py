"""Flash over a serial line, through the boot loader that ST burnt into the chip's ROM.

The line runs at any rate (115200 baud here) with 8 data bits and even parity; the boot loader
measures the rate from the first byte, 0x7F. Each step is acknowledged (0x79) or refused (0x1F).

Source: ST AN3155 (USART protocol of the STM32 boot loader), AN2606 (how to start it, product ids).
"""

from __future__ import annotations

import functools
import operator
import time
from dataclasses import dataclass
from typing import Final

from mcu_slm.boards import Chip
from mcu_slm.device.image import FlashImage, Sector, Segment, ensure_same, touched_sectors
from mcu_slm.device.report import Progress
from mcu_slm.errors import DeviceError
from mcu_slm.protocol import SerialPort, port_lost

BAUD: Final = 115200
BLOCK_BYTES: Final = 256

_SYNC = b"\x7f"
_ACK, _NACK = b"\x79", b"\x1f"
_GET, _GET_ID, _READ, _GO, _WRITE = 0x00, 0x02, 0x11, 0x21, 0x31
_ERASE, _EXTENDED_ERASE = 0x43, 0x44  # a boot loader has one of them
_COMMAND_NAMES = {
    _GET: "Get", _GET_ID: "Get ID", _READ: "Read Memory", _GO: "Go", _WRITE: "Write Memory",
    _ERASE: "Erase", _EXTENDED_ERASE: "Extended Erase",
}  # fmt: skip
_SYNC_ATTEMPTS = 4
_START_IT = (
    "Set BOOT0 high (3.3 V) and press reset, so that the boot loader starts; then try again."
)
_PINS = (
    "It listens only on the pins that AN2606 lists for the chip, often USART1 (PA9, PA10). A "
    "NUCLEO's own USB port is often USART2 and does not reach it: use a USB-to-serial adapter."
)
_WIRING = "Check ground, TX and RX (crossed), and that the line runs with even parity (8E1)."
_TRY_AGAIN = "Press reset with BOOT0 high and flash again."
_PROTECTED = (
    "The flash may be read- or write-protected: remove the protection with ST's programmer "
    "(removing read protection erases the chip)."
)


@dataclass(frozen=True)
class BootLoaderInfo:
    """What Get and Get ID answered."""

    version: int
    commands: frozenset[int]
    product_id: int


class UartBootLoader:
    """The host's side of AN3155.

    Args:
        port: An open port, 8E1.
        timeout: Seconds to wait for each acknowledgement, erasing aside.
        erase_timeout: Seconds to wait for the end of erasing a sector; data sheets give up to 4 s
            for 128 KiB.

    Raises:
        DeviceError: From every method: silence, a refusal, a meaningless answer, a lost port.
    """

    def __init__(self, port: SerialPort, timeout: float = 1.0, erase_timeout: float = 20.0) -> None:
        self._port = port
        self._port.timeout = min(timeout, 0.1)
        self._timeout = timeout
        self._erase_timeout = erase_timeout
        self._commands: frozenset[int] = frozenset()

    def connect(self) -> BootLoaderInfo:
        """Synchronise, and ask what the boot loader can do and which chip it is in."""
        self._synchronise()
        version, *commands = self._counted_answer(_GET)
        self._commands = frozenset(commands)
        product = self._counted_answer(_GET_ID)
        return BootLoaderInfo(version, self._commands, int.from_bytes(product, "big"))

    def erase(self, sector: Sector) -> None:
        """Erase one sector, with whichever of the two erase commands this boot loader has."""
        step = f"erasing sector {sector.number} (0x{sector.address:08x})"
        if _EXTENDED_ERASE in self._commands:
            self._command(_EXTENDED_ERASE)
            # Both numbers are 16 bits: how many sectors less one, and which.
            self._send_checked(b"\0\0" + sector.number.to_bytes(2, "big"))
        elif sector.number <= 0xFF:
            self._command(_ERASE)
            self._send_checked(b"\0" + bytes((sector.number,)))
        else:
            raise DeviceError(
                "boot loader",
                f"it cannot erase sector {sector.number}",
                "0 to 255 with its Erase command",
                "Flash through a debug probe instead.",
            )
        self._acknowledge(step, _PROTECTED, self._erase_timeout)

    def write(self, block: Segment) -> None:
        """Write up to 256 bytes, a multiple of 4, at a multiple of 4."""
        step = f"writing 0x{block.address:08x}"
        self._command(_WRITE)
        self._send_address(block.address, step)
        self._send_checked(bytes((len(block.data) - 1,)) + block.data)
        self._acknowledge(step, _PROTECTED)

    def read(self, address: int, byte_count: int) -> bytes:
        """Read 1 to 256 bytes."""
        step = f"reading 0x{address:08x}"
        self._command(_READ)
        self._send_address(address, step)
        self._send(bytes((byte_count - 1, (byte_count - 1) ^ 0xFF)))
        self._acknowledge(step, _PROTECTED)
        data = self._receive(byte_count)
        if len(data) != byte_count:
            raise DeviceError(
                f"boot loader, {step}", f"{len(data)} bytes came", f"{byte_count}", _TRY_AGAIN
            )
        return data

    def go(self, address: int) -> None:
        """Start the program whose vector table is at `address`."""
        self._command(_GO)
        self._send_address(address, f"starting the program at 0x{address:08x}")

    def _synchronise(self) -> None:
        self._discard_input()
        for _ in range(_SYNC_ATTEMPTS):
            self._send(_SYNC)
            # To one that is synchronised, two of these are a command with a wrong complement: NACK.
            if self._receive(1) in (_ACK, _NACK):
                self._discard_input()
                return
        raise DeviceError(
            "boot loader, synchronising",
            f"no answer to {_SYNC_ATTEMPTS} synchronisation bytes",
            "0x79",
            f"{_START_IT} {_WIRING} {_PINS}",
        )

    def _discard_input(self) -> None:
        """Throw away what the program before or a disturbed line has left."""
        while self._receive(1, 0.02):
            pass

    def _counted_answer(self, command: int) -> bytes:
        """Send a command whose answer is a count less one, the bytes, and an acknowledgement."""
        self._command(command)
        step = _COMMAND_NAMES[command]
        count = self._receive(1)
        data = self._receive(count[0] + 1) if count else b""
        if not count or len(data) != count[0] + 1:
            raise DeviceError(
                f"boot loader, {step}", f"its answer {count + data!r} is cut short", "", _WIRING
            )
        self._acknowledge(step, _TRY_AGAIN)
        return data

    def _command(self, command: int) -> None:
        self._send(bytes((command, command ^ 0xFF)))
        self._acknowledge(f"command {_COMMAND_NAMES[command]}", _PROTECTED)

    def _send_address(self, address: int, step: str) -> None:
        self._send_checked(address.to_bytes(4, "big"))
        self._acknowledge(step, "This chip has no such memory: is it the right board?")

    def _send_checked(self, data: bytes) -> None:
        self._send(data + bytes((functools.reduce(operator.xor, data),)))

    def _acknowledge(self, step: str, if_refused: str, seconds: float | None = None) -> None:
        answer = self._receive(1, seconds)
        if answer == _ACK:
            return
        if not answer:
            waited = self._timeout if seconds is None else seconds
            found, remedy = f"no answer within {waited:g} s", f"{_WIRING} {_TRY_AGAIN}"
        elif answer == _NACK:
            found, remedy = "it refused (NACK)", f"{if_refused} {_TRY_AGAIN}"
        else:
            found, remedy = f"it answered 0x{answer[0]:02x}", f"{_WIRING} {_TRY_AGAIN}"
        raise DeviceError(f"boot loader, {step}", found, "an acknowledgement (0x79)", remedy)

    def _send(self, data: bytes) -> None:
        try:
            self._port.write(data)
        except OSError as error:
            raise port_lost(error) from error

    def _receive(self, count: int, seconds: float | None = None) -> bytes:
        """Return `count` bytes, or fewer when time is up."""
        deadline = time.monotonic() + (self._timeout if seconds is None else seconds)
        data, is_late = b"", False
        try:
            while len(data) < count and not is_late:
                # Before reading: bytes that came while this machine was busy are read still.
                is_late = time.monotonic() >= deadline
                data += self._port.read(count - len(data))
        except OSError as error:
            raise port_lost(error) from error
        return data


def program(loader: UartBootLoader, image: FlashImage, chip: Chip, progress: Progress) -> None:
    """Erase the sectors that the image touches, write it, read it back, and start it.

    Raises:
        DeviceError: Another chip, a refusal, silence, or bytes that read back otherwise.
    """
    info = loader.connect()
    ensure_chip(info, chip)
    sectors, blocks = touched_sectors(image, chip), image.blocks(BLOCK_BYTES)
    for count, sector in enumerate(sectors, start=1):
        loader.erase(sector)
        progress("erase", count / len(sectors))
    for count, block in enumerate(blocks, start=1):
        loader.write(block)
        progress("write", count / len(blocks))
    for count, block in enumerate(blocks, start=1):
        ensure_same(loader.read(block.address, len(block.data)), block)
        progress("verify", count / len(blocks))
    loader.go(image.start)


def ensure_chip(info: BootLoaderInfo, chip: Chip) -> None:
    """Refuse another chip before anything is erased."""
    if info.product_id != chip.bootloader_product_id:
        raise DeviceError(
            "boot loader, Get ID",
            f"the chip's product id is 0x{info.product_id:03x}",
            f"0x{chip.bootloader_product_id:03x} ({chip.name})",
            "Another chip is connected: choose its board, or connect the right one.",
            product_id=info.product_id,
        )
    missing = [c for c in (_READ, _WRITE, _GO) if c not in info.commands]
    if missing or not info.commands & {_ERASE, _EXTENDED_ERASE}:
        raise DeviceError(
            "boot loader, Get",
            f"it offers only {sorted(map(hex, info.commands))}",
            "Read Memory, Write Memory, Go and an erase command",
            _PROTECTED,
        )
