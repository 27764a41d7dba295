"""ST's boot loader in ROM, simulated: AN3155 over any byte stream, in front of a simulated flash.

The flash behaves like flash: erasing sets a sector to 0xFF, writing only clears bits. After Go the
stream belongs to `application` (anything with `receive(bytes) -> bytes`).
"""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Protocol

from mcu_slm.boards import Chip

ACK, NACK = b"\x79", b"\x1f"
GET, GET_ID, READ, GO, WRITE, ERASE, EXTENDED_ERASE = 0x00, 0x02, 0x11, 0x21, 0x31, 0x43, 0x44


class Device(Protocol):
    """Whatever sits at the other end of a serial line."""

    def receive(self, data: bytes, /) -> bytes:
        """Take bytes from the host; return the bytes that are sent back."""


@dataclass
class Faults:
    """What goes wrong. Addresses are absolute; None and False mean that it does not."""

    flip_bit_read_at: int | None = None
    refuse_write_at: int | None = None
    refuse_erase: bool = False
    stuck_low_at: int | None = None  # a byte of flash that erasing no longer sets to 0xFF
    read_protected: bool = False
    silent_on: int | None = None  # a command after which nothing comes any more
    strange_answer_on: int | None = None
    short_answer_on: int | None = None


class BootRom:
    """The chip after a reset with BOOT0 high.

    Args:
        chip: Its flash and product id.
        faults: What goes wrong.
        legacy_erase: Whether it has Erase (8-bit page numbers) in place of Extended Erase.
        version: The boot loader's version, as Get gives it.
    """

    def __init__(
        self,
        chip: Chip,
        faults: Faults | None = None,
        *,
        legacy_erase: bool = False,
        version: int = 0x31,
        application: Device | None = None,
    ) -> None:
        self.chip = chip
        self.faults = faults or Faults()
        self.flash = bytearray(b"\x00" * chip.flash.size_bytes)  # an old program
        self.product_id = chip.bootloader_product_id
        self.erased_sectors: list[int] = []
        self.writes: list[int] = []
        self.started_at: int | None = None
        self.application = application
        self._erase_command = ERASE if legacy_erase else EXTENDED_ERASE
        self._version = version
        self._input, self._output = bytearray(), bytearray()
        self._program = self._run()
        self._wanted = next(self._program)
        self._handlers: dict[int, Callable[[], Generator[int, bytes, None]]] = {
            GET: self._get,
            GET_ID: self._get_id,
            READ: self._read,
            WRITE: self._write,
            GO: self._go,
            self._erase_command: self._erase,
        }

    def receive(self, data: bytes) -> bytes:
        """Take bytes from the host; return the bytes that are sent back."""
        if self.started_at is not None:
            return self.application.receive(data) if self.application else b""
        self._input += data
        while len(self._input) >= self._wanted:
            piece = bytes(self._input[: self._wanted])
            del self._input[: self._wanted]
            self._wanted = self._program.send(piece)
        answer = bytes(self._output)
        self._output.clear()
        return answer

    # Each handler is a generator: it yields how many bytes it wants, and is sent them.

    def _run(self) -> Generator[int, bytes, None]:
        while (yield 1) != b"\x7f":
            pass
        self._send(ACK)
        while True:
            command = (yield 1)[0]
            complement = (yield 1)[0]
            handler = self._handlers.get(command)
            refused = self.faults.read_protected and command not in (GET, GET_ID)
            if command ^ complement != 0xFF or handler is None or refused:
                self._send(NACK)
            elif command == self.faults.silent_on:
                while True:
                    yield 1
            elif command == self.faults.strange_answer_on:
                self._send(b"\x42")
            else:
                self._send(ACK)
                yield from handler()

    def _get(self) -> Generator[int, bytes, None]:
        body = bytes((self._version, *self._handlers))
        self._counted(GET, body)
        return
        yield

    def _get_id(self) -> Generator[int, bytes, None]:
        self._counted(GET_ID, self.product_id.to_bytes(2, "big"))
        return
        yield

    def _counted(self, command: int, body: bytes) -> None:
        answer = bytes((len(body) - 1,)) + body + ACK
        self._send(answer[:1] if command == self.faults.short_answer_on else answer)

    def _address(self) -> Generator[int, bytes, int | None]:
        """Take an address and its checksum; None, and refused, where it is not in flash."""
        data = yield 5
        address = int.from_bytes(data[:4], "big")
        in_flash = self.chip.flash.base <= address < self.chip.flash.end
        if not _checksum_fits(data) or not in_flash:
            self._send(NACK)
            return None
        self._send(ACK)
        return address

    def _read(self) -> Generator[int, bytes, None]:
        address = yield from self._address()
        if address is None:
            return
        count, complement = yield 2
        offset = address - self.chip.flash.base
        data = bytearray(self.flash[offset : offset + count + 1])
        if count ^ complement != 0xFF or len(data) != count + 1:
            self._send(NACK)
            return
        bad = self.faults.flip_bit_read_at
        if bad is not None and address <= bad <= address + count:
            data[bad - address] ^= 0x04
        if self.faults.short_answer_on == READ:
            del data[-1:]
        self._send(ACK + bytes(data))

    def _write(self) -> Generator[int, bytes, None]:
        address = yield from self._address()
        if address is None:
            return
        count = (yield 1)[0] + 1
        data = yield count + 1
        offset = address - self.chip.flash.base
        refused = address == self.faults.refuse_write_at or count % 4 or address % 4
        fits = offset + count <= len(self.flash)
        if not _checksum_fits(bytes((count - 1,)) + data) or refused or not fits:
            self._send(NACK)
            return
        for index in range(count):
            self.flash[offset + index] &= data[index]
        self.writes.append(address)
        self._send(ACK)

    def _erase(self) -> Generator[int, bytes, None]:
        width = 2 if self._erase_command == EXTENDED_ERASE else 1
        head = yield width
        count = int.from_bytes(head, "big") + 1
        body = yield count * width + 1
        numbers = [
            int.from_bytes(body[at : at + width], "big") for at in range(0, count * width, width)
        ]
        known = all(number < len(self.chip.flash_sectors) for number in numbers)
        if not _checksum_fits(head + body) or not known or self.faults.refuse_erase:
            self._send(NACK)
            return
        for number in numbers:
            self._erase_sector(number)
        self._send(ACK)

    def _erase_sector(self, number: int) -> None:
        starts = list(itertools.accumulate(self.chip.flash_sectors, initial=0))
        size = self.chip.flash_sectors[number]
        self.flash[starts[number] : starts[number] + size] = b"\xff" * size
        if self.faults.stuck_low_at is not None:
            self.flash[self.faults.stuck_low_at - self.chip.flash.base] = 0
        self.erased_sectors.append(number)

    def _go(self) -> Generator[int, bytes, None]:
        address = yield from self._address()
        if address is not None:
            self.started_at = address

    def _send(self, data: bytes) -> None:
        self._output += data


def _checksum_fits(data: bytes) -> bool:
    return functools.reduce(operator.xor, data) == 0
