"""Show what a board says: predictions with what they mean, and rate; text, faults.

A firmware whose model says what it answers tells results: a class, a value in its unit, an alarm,
events. Of others the highest output is shown, with its label where there is one.

It goes on after a reset of the board and after unplugging.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from mcu_slm.device.places import FaultDescriber
from mcu_slm.device.ports import device_with, open_port, serial_number_of
from mcu_slm.device.results import show as show_result
from mcu_slm.errors import DeviceError, FirmwareFault, McuSlmError
from mcu_slm.protocol import (
    Boot,
    Client,
    ClockState,
    Event,
    Fault,
    Hello,
    Info,
    Meaning,
    Prediction,
    Result,
    Start,
    Text,
)

Kind = Literal[
    "connected", "prediction", "text", "noise", "boot", "start", "fault", "problem", "lost"
]
_RATE_WINDOW = 32  # predictions
_RETRY_S = 0.25


@dataclass(frozen=True, eq=False)
class MonitorEvent:
    """One thing to show. `text` says it for people; the other fields are its parts.

    `label` is empty where the model has no labels; `scores` are real values where the output's
    scale was given, quantised ones otherwise. `value` (in `unit`) and `alarm` are what the board
    itself makes of the outputs, None where it does not say. `rate_hz` is 0 until two predictions
    came; `missing` counts predictions whose number never arrived. Units: seconds since the
    monitor's start, hertz, core cycles.
    """

    kind: Kind
    seconds: float
    text: str
    label: str = ""
    scores: tuple[float, ...] = ()
    value: float | None = None
    unit: str = ""
    alarm: bool | None = None
    rate_hz: float = 0.0
    cycles: int = 0
    missing: int = 0
    source: Event | Hello | None = field(default=None, repr=False)


STAND_IN_PERIOD_MS = 1000
"""Between windows of a stand-in, which has them ready at any time."""


def monitor(
    port_url: str,
    *,
    baud: int = 115200,
    period_ms: int | None = None,
    seconds: float | None = None,
    replug_seconds: float = 60.0,
    scale: float = 0.0,
    zero_point: int = 0,
    timeout: float = 2.0,
    opener: Callable[[str, int], Any] = open_port,
    elf: Path | None = None,
) -> Iterator[MonitorEvent]:
    """Switch the board's predictions on and yield what it says, for `seconds` or without end.

    Args:
        port_url: A device or a pyserial URL.
        baud: The board file's rate.
        period_ms: Shortest time between two predictions. None: each window of a sensor that
            samples, and one a second of a stand-in.
        seconds: When to stop; None for never.
        replug_seconds: How long to wait for a port that went away.
        scale: The output's scale (real = scale * (q - zero_point)); 0 shows quantised scores.
        zero_point: The output's zero point.
        timeout: Seconds to wait for the board's answers.
        opener: Opens a port by URL and baud rate.
        elf: The firmware's ELF file, to say of faults in which function and line they were.

    Raises:
        ToolError: The port cannot be opened at the start, or did not come back in time.
        DeviceError: The firmware speaks another protocol version.
    """
    started = time.monotonic()
    deadline = None if seconds is None else started + seconds
    view = _View(started, scale, zero_point, FaultDescriber(elf))
    line = _SerialLine(port_url, baud, serial_number_of(port_url), opener)
    port = line.open()
    while port is not None:
        try:
            yield from _session(Client(port, timeout), view, period_ms, deadline)
        except DeviceError as error:
            if not _is_port_lost(error):
                raise
            yield view.event("lost", f"{port_url}: {error.found}; waiting for it to come back")
        else:
            return
        finally:
            _close(port)
        port = line.reopen(replug_seconds, deadline)


def _session(
    client: Client, view: _View, period_ms: int | None, deadline: float | None
) -> Iterator[MonitorEvent]:
    """Talk to one connection until time is up or the port is lost."""
    try:
        yield from _start(client, view, period_ms)
        while deadline is None or time.monotonic() < deadline:
            left = None if deadline is None else deadline - time.monotonic()
            try:
                for event in client.events(left):
                    yield view.show(event)
                    if isinstance(event, Boot):  # a board that restarted does not stream
                        yield from _start(client, view, period_ms, tells_fault=False)
            except DeviceError as error:  # an event that does not fit its type
                if _is_port_lost(error) or _is_other_version(error):
                    raise
                yield view.event("problem", str(error))
    finally:
        if view.info is not None:  # it answered once; waiting for a mute one helps nobody
            _stop_streaming(client)


def _start(
    client: Client, view: _View, period_ms: int | None, *, tells_fault: bool = True
) -> Iterator[MonitorEvent]:
    """Greet the board and switch its predictions on; a silent one is only listened to.

    A board that has just started tells by itself how its last run ended.
    """
    try:
        hello = client.hello()
        view.info = client.info()
        view.meaning = client.meaning()
        start = client.start()
        fault = None if start is None else start.last_fault
        pace = _pace_ms(client) if period_ms is None else period_ms
        client.stream(on=True, period_ms=pace, results=view.meaning is not None)
    except FirmwareFault as error:
        yield view.show(error.values["fault"])
        return
    except DeviceError as error:
        if _is_port_lost(error) or _is_other_version(error):
            raise
        yield view.event("problem", f"{error} Showing whatever arrives.")
        return
    yield view.connected(hello, view.info)
    if fault is not None and tells_fault:
        yield view.event("start", f"the run before this one {view.faulted(fault)}", source=start)


def _pace_ms(client: Client) -> int:
    """Return the shortest time between predictions: a sensor that samples sets its own pace."""
    sensor = client.sensor()
    return 0 if sensor is not None and sensor.window_samples > 0 else STAND_IN_PERIOD_MS


def _stop_streaming(client: Client) -> None:
    """Leave the board quiet; one that is gone or silent is left as it is."""
    try:
        client.stream(on=False)
    except (DeviceError, FirmwareFault):
        return


def _is_port_lost(error: DeviceError) -> bool:
    return bool(error.values.get("port_lost"))


def _is_other_version(error: DeviceError) -> bool:
    return "board_version" in error.values


def _close(port: Any) -> None:
    try:
        port.close()
    except OSError:  # the device file of an unplugged board
        return


@dataclass(frozen=True)
class _SerialLine:
    """A port that can be opened again, under another name if the system gives it one."""

    url: str
    baud: int
    serial_number: str | None
    opener: Callable[[str, int], Any]

    def open(self) -> Any:
        return self.opener(self.url, self.baud)

    def reopen(self, patience: float, deadline: float | None) -> Any | None:
        """Wait for the port to come back; None when the monitor's time ran out first."""
        give_up = time.monotonic() + patience
        while deadline is None or time.monotonic() < deadline:
            device = device_with(self.serial_number) if self.serial_number else None
            try:
                return self.opener(device or self.url, self.baud)
            except McuSlmError:  # a port that is just appearing fails in several ways
                if time.monotonic() >= give_up:
                    raise
            time.sleep(_RETRY_S)
        return None


class _View:
    """Turns the board's events into lines; remembers what rate and numbering need."""

    def __init__(
        self, started: float, scale: float, zero_point: int, faults: FaultDescriber
    ) -> None:
        self.info: Info | None = None
        self.meaning: Meaning | None = None
        self._started = started
        self._faults = faults
        self._scale = scale
        self._zero_point = zero_point
        self._arrivals: deque[float] = deque(maxlen=_RATE_WINDOW)
        self._next_index: int | None = None
        self._missing = 0

    def event(self, kind: Kind, text: str, **parts: Any) -> MonitorEvent:
        return MonitorEvent(kind, time.monotonic() - self._started, text, **parts)

    def connected(self, hello: Hello, info: Info) -> MonitorEvent:
        self._arrivals.clear()
        self._next_index = None
        text = (
            f"{hello.board}, model {hello.model_sha256[:12]}, mcu-slm {hello.tool_version}, "
            f"{info.core_clock_hz / 1e6:g} MHz"
        )
        if info.clock_state == ClockState.RESET_CLOCK:
            text += ", on the reset clock: the crystal did not start"
        return self.event("connected", text, source=hello)

    def show(self, event: Event) -> MonitorEvent:
        """Return the line for one event."""
        if isinstance(event, Prediction):
            return self._prediction(event)
        if isinstance(event, Result):
            return self._result(event)
        if isinstance(event, Boot):
            passed = "passed" if event.self_test_passed else "FAILED: it refuses to predict"
            text = f"{event.hello.board} started; self-test {passed}"
            return self.event("boot", text, source=event)
        if isinstance(event, Fault):
            return self.event("fault", f"the firmware {self.faulted(event)}", source=event)
        if isinstance(event, Start):
            return self.event("start", self._start(event), source=event)
        return self._text(event)

    def faulted(self, fault: Fault) -> str:
        """Return that something faulted, where and why."""
        return f"faulted {self._faults.describe(fault)}"

    def _start(self, event: Start) -> str:
        parts = [f"reset by {event.reset_causes.text}"]
        if event.unique_id:
            parts.append(f"chip {event.unique_id}")
        if not event.constants_intact:
            parts.append(
                f"the weights are DAMAGED (CRC-32 0x{event.found_crc32:08x}, "
                f"expected 0x{event.constants_crc32:08x}): it refuses to predict"
            )
        if event.last_fault is not None:
            parts.append(f"the run before {self.faulted(event.last_fault)}")
        return "; ".join(parts)

    def _text(self, event: Text) -> MonitorEvent:
        if event.is_noise:
            return self.event("noise", f"{len(event.raw)} bytes of noise", source=event)
        return self.event("text", event.text.strip("\n"), source=event)

    def _prediction(self, event: Prediction) -> MonitorEvent:
        self._count(event)
        scores = self._scores(event)
        best = max(range(len(scores)), key=scores.__getitem__)
        labels = self.info.labels if self.info is not None else ()
        label = labels[best] if len(labels) == len(scores) else ""
        parts = (label or f"output {best}", f"{scores[best]:.3g}")
        return self._line(event, parts, label=label, scores=scores)

    def _result(self, event: Result) -> MonitorEvent:
        self._count(event)
        if self.meaning is None or self.info is None:
            text = f"#{event.index}  a result, but the board did not say what results mean"
            return self.event("problem", text, source=event)
        shown = show_result(event, self.meaning, self.info.labels)
        facts = {name: getattr(shown, name) for name in ("label", "value", "unit", "alarm")}
        return self._line(event, shown.parts, scores=self._scores(event), **facts)

    def _count(self, event: Prediction | Result) -> None:
        """Note when an answer came, and which ones before it did not."""
        self._arrivals.append(time.monotonic())
        if self._next_index is not None and event.index > self._next_index:
            self._missing += event.index - self._next_index
        self._next_index = event.index + 1

    def _line(
        self, event: Prediction | Result, parts: tuple[str, ...], **facts: Any
    ) -> MonitorEvent:
        """Return an answer as a line: its number, what it says, and how fast."""
        rate = self._rate_hz()
        texts = [f"#{event.index}", *parts]
        if rate:
            texts.append(f"{rate:.1f}/s")
        if event.cycles:
            texts.append(f"{event.cycles:,} cycles")
        if self._missing:
            texts.append(f"{self._missing} missing")
        return self.event(
            "prediction",
            "  ".join(texts),
            rate_hz=rate,
            cycles=event.cycles,
            missing=self._missing,
            source=event,
            **facts,
        )

    def _scores(self, event: Prediction | Result) -> tuple[float, ...]:
        if not self._scale:
            return tuple(float(q) for q in event.output)
        return tuple(self._scale * (int(q) - self._zero_point) for q in event.output)

    def _rate_hz(self) -> float:
        """Predictions per second over the last ones, by this machine's clock."""
        if len(self._arrivals) < 2:
            return 0.0
        span = self._arrivals[-1] - self._arrivals[0]
        return (len(self._arrivals) - 1) / span if span > 0 else 0.0
