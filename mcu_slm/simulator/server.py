"""The simulated board's console on TCP, for `socket://127.0.0.1:PORT` and any other host program.

The board runs no faster than its clock says: waiting for a SysTick takes real time. Clients may
come and go; the board goes on while none is connected, and what it sends then is lost, as on a
wire.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable

from mcu_slm.errors import DeviceError
from mcu_slm.simulator.board import BoardSimulator

_SLICE_S = 0.02
_CHUNK_BYTES = 4096
_SLEEP_S = 0.05  # how long `stop` may go unasked


def serve_tcp(
    simulator: BoardSimulator,
    host: str = "127.0.0.1",
    port: int = 0,
    stop: Callable[[], bool] = lambda: False,
    ready: Callable[[int], None] = lambda _port: None,
) -> None:
    """Serve until `stop()`; Ctrl-C comes out as KeyboardInterrupt with all sockets closed.

    Args:
        simulator: The board.
        host: Address to listen on.
        port: TCP port; 0 lets the system choose.
        stop: Asked some twenty times per second.
        ready: Told the port number once clients can connect.

    Raises:
        DeviceError: The port cannot be opened.
        FirmwareFault: The firmware faulted.
    """
    try:
        listener = socket.create_server((host, port))
    except OSError as error:
        raise DeviceError(
            f"TCP port {host}:{port}",
            f"cannot be opened: {error.strerror}",
            "a free port",
            "Choose another port, or 0 for any free one.",
        ) from error
    with listener:
        ready(listener.getsockname()[1])
        _Session(simulator, listener, stop).run()


class _Session:
    """One server's loop: one client at a time."""

    def __init__(
        self, simulator: BoardSimulator, listener: socket.socket, stop: Callable[[], bool]
    ) -> None:
        self._simulator = simulator
        self._listener = listener
        self._stop = stop
        self._client: socket.socket | None = None
        self._epoch = time.monotonic() - simulator.board_seconds  # when board time was 0

    def run(self) -> None:
        try:
            while not self._stop():
                waiting = not self._simulator.run_slice(_SLICE_S)
                self._send(self._simulator.port.take())
                self._listen(self._seconds_to_sleep(waiting))
        finally:
            self._drop_client()

    def _seconds_to_sleep(self, waiting: bool) -> float:
        """Return how far the board is ahead of the wall clock; a board that waits has time."""
        ahead = self._epoch + self._simulator.board_seconds - time.monotonic()
        if ahead < 0:
            self._epoch -= ahead  # slower than the chip: do not catch up later
        return _SLEEP_S if waiting else min(max(ahead, 0.0), _SLEEP_S)

    def _listen(self, seconds: float) -> None:
        source = self._client or self._listener
        if not select.select([source], [], [], seconds)[0]:
            return
        if self._client is None:
            self._client, _address = self._listener.accept()
            self._client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return
        try:
            data = self._client.recv(_CHUNK_BYTES)
        except OSError:
            data = b""
        if data:
            self._simulator.port.write(data)
        else:
            self._drop_client()

    def _send(self, data: bytes) -> None:
        if not data or self._client is None:
            return
        try:
            self._client.sendall(data)
        except OSError:
            self._drop_client()

    def _drop_client(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None
