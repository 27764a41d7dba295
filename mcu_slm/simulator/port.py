"""The simulated board's serial port, as an object that behaves like pyserial's `Serial`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

_NOBODY_WAITS = 1 << 62
_LOOK_S = 0.0005  # board time that passes when somebody looks whether bytes are waiting


class PortOwner(Protocol):
    """What the port needs of the board."""

    def send_to_firmware(self, data: bytes) -> None:
        """Put bytes on the line towards the firmware."""

    def run_for_output(self, enough: Callable[[], bool], seconds: float | None) -> bool:
        """Run until `enough()`; False when time is up or the board waits for the host."""

    def run_slice(self, seconds: float, enough: Callable[[], bool]) -> bool:
        """Run for `seconds` of board time or until `enough()`."""


class SimulatedPort:
    """Reading runs the simulated core; nothing happens in the background.

    `read` returns early with what there is when the core waits for a byte that nobody has sent, and
    when it has slept for `timeout` seconds of board time.
    """

    def __init__(self, owner: PortOwner, timeout: float | None = 1.0) -> None:
        self.timeout = timeout
        self.is_open = True
        self._wanted = _NOBODY_WAITS
        self._owner = owner
        self._buffer = bytearray()

    def deliver(self, byte: int) -> bool:
        """Take a byte from the firmware; return whether somebody waits for it."""
        self._buffer.append(byte)
        return len(self._buffer) >= self._wanted

    def read(self, size: int = 1, /) -> bytes:
        """Return up to `size` bytes, fewer when `timeout` seconds pass or the board waits."""
        self._require_open()
        if len(self._buffer) < size:
            with self.wanting(size):
                self._owner.run_for_output(lambda: len(self._buffer) >= size, self.timeout)
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def write(self, data: bytes, /) -> int:
        """Put bytes on the line; the firmware reads them when the simulation runs."""
        self._require_open()
        self._owner.send_to_firmware(bytes(data))
        return len(data)

    @property
    def in_waiting(self) -> int:
        """Bytes that can be read at once; lets the core run a little when there are none."""
        self._require_open()
        if not self._buffer:
            with self.wanting(1):
                self._owner.run_slice(_LOOK_S, lambda: bool(self._buffer))
        return len(self._buffer)

    @property
    def buffered(self) -> int:
        """Bytes that the firmware has sent and nobody has read, without running the core."""
        return len(self._buffer)

    def take(self) -> bytes:
        """Return all bytes that are here, without running the core."""
        data = bytes(self._buffer)
        self._buffer.clear()
        return data

    def reset_input_buffer(self) -> None:
        """Forget what the firmware has sent so far."""
        self._buffer.clear()

    def reset_output_buffer(self) -> None:
        """Do nothing: written bytes are on the line at once."""

    def flush(self) -> None:
        """Do nothing: written bytes are on the line at once."""

    def close(self) -> None:
        """Close the port; the board stays as it is."""
        self.is_open = False

    @contextmanager
    def wanting(self, size: int) -> Iterator[None]:
        """Let the core pause at each byte once `size` bytes are here."""
        self._wanted = size
        try:
            yield
        finally:
            self._wanted = _NOBODY_WAITS

    def _require_open(self) -> None:
        if not self.is_open:
            raise OSError("the simulated port is closed")
