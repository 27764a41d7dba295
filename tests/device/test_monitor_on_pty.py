"""The monitor with the real pyserial on a pseudo terminal."""

from __future__ import annotations

import pytest

from mcu_slm.device import monitor, ports
from tests.device.test_monitor import StreamingBoard

pytestmark = pytest.mark.unit


def test_unplugging_a_pseudo_terminal_and_plugging_it_again():
    """The real pyserial on a real file: lost while streaming, back under another name."""
    pytest.importorskip("pty")
    from tests.device.pty_line import PtyLine

    first = PtyLine(StreamingBoard(predictions=1))
    second = PtyLine(StreamingBoard(predictions=1))
    lines = iter((first, second))
    seen = []

    def opener(_: str, baud: int):
        return ports.open_port(next(lines).path, baud)

    with first, second:
        for event in monitor("board", opener=opener, timeout=60.0):
            seen.append(event.kind)
            if seen == ["connected", "prediction"]:
                first.unplug()
            if len(seen) == 5:
                break
    assert seen == ["connected", "prediction", "lost", "connected", "prediction"]
