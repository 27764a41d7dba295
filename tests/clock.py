"""Time for tests: it passes when somebody waits, and for nothing else, however busy the machine."""

from __future__ import annotations

import importlib
import time

import pytest

_HANGS_S = 600.0
_START = 1024.0

_WAITING = (
    *("mcu_slm.protocol.client", "mcu_slm.device.monitor", "mcu_slm.device.uart_boot"),
    *("mcu_slm.simulator.board", "tests.protocol.fake_board"),
)


class FakeClock:
    """Stands in for the module `time`; a test that hangs is ended by the real one.

    Args:
        look_s: How far each look moves it. Above 0 it ends loops around a simulated core, where
            nobody sleeps.
    """

    def __init__(self, look_s: float = 0.0) -> None:
        self.now = _START
        self._look_s = look_s
        self._real_end = time.monotonic() + _HANGS_S

    def monotonic(self) -> float:
        if time.monotonic() > self._real_end:
            pytest.fail(f"it hangs: {self.now - _START:.3f} s of test time passed")
        self.now += self._look_s
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def install(self, monkeypatch: pytest.MonkeyPatch) -> FakeClock:
        """Give it to everything that waits for bytes, and to the fake port that lets it wait."""
        for name in _WAITING:
            monkeypatch.setattr(importlib.import_module(name), "time", self)
        return self
