"""A device behind a pseudo terminal: a file that pyserial opens, and a thread at its other end.

POSIX only: `pytest.importorskip("pty")` before importing this.
"""

from __future__ import annotations

import os
import pty
import select
import threading
import tty
from types import TracebackType

from tests.device.boot_rom import Device


class PtyLine:
    """Serves `device` on a pseudo terminal while the `with` block runs; `path` is its name."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self._stop_read, self._stop_write = os.pipe()
        self._thread = threading.Thread(target=self._serve, name="pty line")

    def __enter__(self) -> PtyLine:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.unplug()

    def send(self, data: bytes) -> None:
        """Let the device send bytes on its own account."""
        os.write(self._master, data)

    def unplug(self) -> None:
        """Take the device away, as pulling the USB cable does."""
        if not self._thread.is_alive():
            return
        os.write(self._stop_write, b"x")
        self._thread.join()
        for handle in (self._master, self._slave, self._stop_read, self._stop_write):
            os.close(handle)

    def _serve(self) -> None:
        while True:
            ready, _, _ = select.select([self._master, self._stop_read], [], [])
            if self._stop_read in ready:
                return
            answer = self._device.receive(os.read(self._master, 4096))
            if answer:
                os.write(self._master, answer)
