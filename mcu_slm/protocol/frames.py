"""Frames on the wire: `00 COBS(type, sequence, payload, CRC-32) 00`.

The leading 00 cuts off whatever text came before, so one lost delimiter never costs more than the
frames it touches.
"""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass

_BLOCK = 254  # longest run of non-zero bytes behind one COBS code byte
_HEAD_BYTES = 2  # type, sequence
_CRC = struct.Struct("<I")
_LARGEST_BODY = 1 << 17  # four times the largest input in sight; bounds what noise may make us keep

# CSI, OSC/DCS/PM/APC strings with their terminator, and two-character escapes (ECMA-48).
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|\x1b[\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]"
)


@dataclass(frozen=True)
class Frame:
    """One frame whose CRC-32 was right."""

    type: int
    sequence: int
    payload: bytes


@dataclass(frozen=True)
class Text:
    """Bytes that are no frame: text of the board, or noise."""

    raw: bytes

    @property
    def text(self) -> str:
        """The bytes as text that is safe to print."""
        return printable(self.raw)

    @property
    def is_noise(self) -> bool:
        """Whether a quarter of it or more is unreadable: a wrong baud rate, a broken frame."""
        text = _ESCAPES.sub("", self.raw.decode("utf-8", errors="replace"))
        unreadable = sum(c == "\ufffd" or not (c.isprintable() or c in "\r\n\t") for c in text)
        return 4 * unreadable >= max(1, len(text))


def printable(raw: bytes | str) -> str:
    """Return text without terminal escape sequences and control characters; newlines and tabs stay.

    Undecodable bytes become U+FFFD. What is printed on a terminal can make it type commands.
    """
    text = raw.decode("utf-8", errors="replace") if isinstance(raw, bytes) else raw
    text = _ESCAPES.sub("", text)
    return "".join(c for c in text if c.isprintable() or c in "\n\t")


def cobs_encode(body: bytes) -> bytes:
    """Return `body` without zero bytes.

    Source: Cheshire and Baker, "Consistent Overhead Byte Stuffing", 1999.
    """
    encoded = bytearray()
    runs = body.split(b"\0")
    for index, run in enumerate(runs):
        start = 0
        while len(run) - start >= _BLOCK:
            encoded.append(_BLOCK + 1)
            encoded += run[start : start + _BLOCK]
            start += _BLOCK
        # A full last block says all: a code byte behind it would stand for nothing.
        is_full_end = start and start == len(run) and index == len(runs) - 1
        if not is_full_end:
            encoded.append(len(run) - start + 1)
            encoded += run[start:]
    return bytes(encoded)


def cobs_decode(encoded: bytes) -> bytes | None:
    """Return the body, or None where `encoded` is not the code of any."""
    body = bytearray()
    position, end = 0, len(encoded)
    while position < end:
        code = encoded[position]
        block_end = position + code
        if code == 0 or block_end > end:
            return None
        body += encoded[position + 1 : block_end]
        if code <= _BLOCK and block_end < end:
            body.append(0)
        position = block_end
    return bytes(body) if 0 not in encoded else None


def encode_frame(type: int, sequence: int, payload: bytes = b"") -> bytes:
    """Return the bytes of one frame, delimiters included."""
    body = bytes((type, sequence)) + payload
    return b"\0" + cobs_encode(body + _CRC.pack(zlib.crc32(body))) + b"\0"


class FrameDecoder:
    """Cuts a byte stream into frames and text; takes any bytes in any pieces and never raises.

    Args:
        largest_body: Longest body that is kept; longer ones come out as text while they arrive.
    """

    def __init__(self, largest_body: int = _LARGEST_BODY) -> None:
        self._largest = largest_body + largest_body // _BLOCK + 1
        self._pending = bytearray()
        self._too_long = False

    def push(self, data: bytes) -> list[Frame | Text]:
        """Take what arrived; return what is complete."""
        found: list[Frame | Text] = []
        first, *others = bytes(data).split(b"\0")
        self._extend(first, found)
        for chunk in others:
            self._close(found)
            self._extend(chunk, found)
        return found

    def flush(self) -> list[Frame | Text]:
        """Give out what is pending as text: for a quiet line, where no delimiter will come."""
        found: list[Frame | Text] = [Text(bytes(self._pending))] if self._pending else []
        self._pending.clear()
        return found

    @property
    def pending_bytes(self) -> int:
        """How many bytes wait for a delimiter."""
        return len(self._pending)

    def _extend(self, chunk: bytes, found: list[Frame | Text]) -> None:
        self._pending += chunk
        if len(self._pending) > self._largest:
            self._too_long = True
            found.extend(self.flush())

    def _close(self, found: list[Frame | Text]) -> None:
        """A delimiter came: what is pending is a frame or it is text."""
        frame = None if self._too_long else _parse_body(cobs_decode(bytes(self._pending)))
        if frame is None:
            found.extend(self.flush())
        else:
            found.append(frame)
        self._pending.clear()
        self._too_long = False


def _parse_body(body: bytes | None) -> Frame | None:
    """Check length and CRC of a decoded body."""
    if body is None or len(body) < _HEAD_BYTES + _CRC.size:
        return None
    covered, check = body[: -_CRC.size], body[-_CRC.size :]
    if _CRC.pack(zlib.crc32(covered)) != check:
        return None
    return Frame(covered[0], covered[1], covered[_HEAD_BYTES:])
