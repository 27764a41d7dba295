"""Reading a payload from front to back, bounds-checked."""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt

from mcu_slm.errors import DeviceError
from mcu_slm.protocol.frames import printable

REFLASH = "Flash the board again with the firmware that this version of mcu-slm builds."


class Cursor:
    """Reads a payload from front to back; whatever does not fit is a `DeviceError`."""

    def __init__(self, message: str, payload: bytes) -> None:
        self._message = message
        self._payload = payload
        self._position = 0

    def error(self, found: str, expected: str) -> DeviceError:
        """Return the error for a payload that does not fit."""
        return DeviceError(
            f"board's {self._message} message", found, expected, REFLASH, payload=self._payload
        )

    def take(self, count: int) -> bytes:
        """Read bytes."""
        start, end = self._position, self._position + count
        if end > len(self._payload):
            raise self.error(f"it has {len(self._payload)} bytes", f"at least {end}")
        self._position = end
        return self._payload[start:end]

    def u8(self) -> int:
        """Read an unsigned number of 8 bits."""
        return self.take(1)[0]

    def i8(self) -> int:
        """Read a signed number of 8 bits."""
        return int.from_bytes(self.take(1), signed=True)

    def u16(self) -> int:
        """Read an unsigned number of 16 bits."""
        return int.from_bytes(self.take(2), "little")

    def u32(self) -> int:
        """Read an unsigned number of 32 bits."""
        return int.from_bytes(self.take(4), "little")

    def i32(self) -> int:
        """Read a signed number of 32 bits."""
        return int.from_bytes(self.take(4), "little", signed=True)

    def flag(self) -> bool:
        """Read a yes or no."""
        value = self.u8()
        if value > 1:
            raise self.error(f"a yes/no byte is {value}", "0 or 1")
        return value == 1

    def string(self) -> str:
        """Read a text, without what could steer a terminal."""
        raw = self.take(self.u8())
        try:
            return printable(raw.decode("utf-8"))
        except UnicodeDecodeError:
            raise self.error(f"a string is {raw!r}", "UTF-8") from None

    def all_u32(self, count: int) -> tuple[int, ...]:
        """Read the whole payload as unsigned numbers of 32 bits."""
        values = struct.unpack(f"<{count}I", self.take(4 * count))
        self.finish()
        return values

    def int8_rest(self) -> npt.NDArray[np.int8]:
        """Read everything that is left: the output of the model."""
        rest = self._payload[self._position :]
        if not rest:
            raise self.error("it holds no output", "at least one byte of output")
        return np.frombuffer(rest, dtype=np.int8)

    def finish(self) -> None:
        """Refuse a payload that goes on."""
        if self._position != len(self._payload):
            raise self.error(f"it has {len(self._payload)} bytes", f"{self._position}")
