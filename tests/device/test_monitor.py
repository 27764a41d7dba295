"""The monitor against scripted boards: lines, rates, noise, resets and a pulled plug."""

from __future__ import annotations

import itertools
import random
import struct

import numpy as np
import pytest

from mcu_slm.device import MonitorEvent, monitor, ports
from mcu_slm.device.monitor import STAND_IN_PERIOD_MS
from mcu_slm.errors import DeviceError, ToolError
from mcu_slm.protocol import Frame, MessageType, encode_frame
from tests.protocol.fake_board import (
    BOOT,
    FAULT,
    HELLO,
    INFO,
    MEANING,
    PREDICTION,
    RESULT,
    START,
    STARTED,
    STREAM,
    FakeBoard,
    FakePort,
    fault_payload,
    hello_payload,
    info_payload,
    prediction_payload,
    string,
)

pytestmark = [pytest.mark.unit, pytest.mark.usefixtures("clock")]

OUTPUT = np.array([-100, 20, 5], np.int8).tobytes()


class StreamingBoard(FakeBoard):
    """Sends a prediction, and whatever `script` holds, each time that it is told to stream."""

    def __init__(self, *script: bytes, predictions: int = 2) -> None:
        super().__init__()
        self.script = b"".join(script)
        self.predictions = predictions

    def answer(self, request: Frame) -> bytes:
        answer = super().answer(request)
        if request.type == STREAM and request.payload[0]:
            events = [
                encode_frame(PREDICTION, n, prediction_payload(n, 100 * n, 41_000, OUTPUT))
                for n in range(self.predictions)
            ]
            answer += b"".join(events) + self.script
        return answer


def watch(port: FakePort, **options) -> list[MonitorEvent]:
    return list(monitor("fake", seconds=10.0, opener=lambda *_: port, **options))


def kinds(events: list[MonitorEvent]) -> list[str]:
    return [event.kind for event in events]


def test_predictions_become_lines_with_label_score_rate_and_cycles():
    board = StreamingBoard()
    connected, first, second = watch(FakePort(board), period_ms=250)
    assert connected.text == "nucleo_f446re, model 000102030405, mcu-slm 0.1.0, 180 MHz"
    assert first.label == "walk"
    assert first.scores == (-100.0, 20.0, 5.0)
    assert first.text == "#0  walk  20  41,000 cycles"
    assert second.text == "#1  walk  20  41,000 cycles"  # no rate: both came at one moment
    assert board.requests[-1].payload[0] == 0  # the board is left quiet
    streams = [request for request in board.requests if request.type == STREAM]
    assert streams[0].payload == b"\x01\xfa\x00"


def test_scores_are_real_values_where_the_scale_is_known():
    events = watch(FakePort(StreamingBoard()), scale=1 / 256, zero_point=-128)
    assert events[1].scores == (28 / 256, 148 / 256, 133 / 256)
    assert "walk  0.578" in events[1].text


def test_a_model_without_labels_shows_the_output_number():
    class Unlabelled(StreamingBoard):
        def payload_for(self, request: Frame) -> bytes | None:
            if request.type == INFO:
                return info_payload(12, 3, [])
            return super().payload_for(request)

    assert "#0  output 1  20" in watch(FakePort(Unlabelled()))[1].text


def test_the_rate_is_measured_over_arrivals(clock):
    port = FakePort(FakeBoard())
    rates = []
    for event in monitor("fake", seconds=60.0, opener=lambda *_: port):
        if event.kind == "prediction":
            rates.append(event.rate_hz)
        if len(rates) == 40:
            break
        # Four in a second, later eight: the last 32 arrivals count.
        clock.sleep(0.25 if len(rates) < 20 else 0.125)
        number = len(rates)
        port.send(encode_frame(PREDICTION, number, prediction_payload(number, 0, 0, OUTPUT)))
    assert rates[:20] == [0.0] + 19 * [4.0]
    assert rates[20] == 20 / (19 * 0.25 + 0.125)
    assert rates[-1] == 31 / (11 * 0.25 + 20 * 0.125)
    assert event.text == "#39  walk  20  5.9/s"


def test_gaps_in_the_numbering_are_counted():
    gap = encode_frame(PREDICTION, 9, prediction_payload(9, 0, 0, OUTPUT))
    events = watch(FakePort(StreamingBoard(gap)))
    assert [event.missing for event in events] == [0, 0, 0, 7]
    assert events[-1].text.endswith("7 missing")


def test_text_noise_and_faults_are_shown_as_such():
    board = StreamingBoard(
        b"\x1b[31mlow battery\x1b[0m\r\n\0",
        bytes(range(0x80, 0xC0)) + b"\0",
        encode_frame(FAULT, 0, fault_payload()),
        predictions=0,
    )
    _, text, noise, fault = watch(FakePort(board))
    assert (text.kind, text.text) == ("text", "low battery")
    assert (noise.kind, noise.text) == ("noise", "64 bytes of noise")
    assert fault.kind == "fault"
    assert "pc 0x08001234" in fault.text
    assert "DIVBYZERO" in fault.text


def test_after_a_reset_streaming_is_switched_on_again():
    board = StreamingBoard(predictions=1)
    port = FakePort(board)
    boots = itertools.count()
    events = []
    for event in monitor("fake", seconds=10.0, opener=lambda *_: port):
        events.append(event)
        if event.kind == "prediction" and next(boots) == 0:
            port.send(encode_frame(BOOT, 0, hello_payload() + b"\x01"))
    assert kinds(events) == ["connected", "prediction", "boot", "connected", "prediction"]
    assert "self-test passed" in events[2].text


def test_a_failed_self_test_at_boot_is_said_loudly():
    boot = encode_frame(BOOT, 0, hello_payload() + b"\x00")
    port = FakePort(FakeBoard())
    port.send(boot)
    assert any("FAILED" in event.text for event in watch(port) if event.kind == "boot")


def test_a_board_on_its_reset_clock_is_said():
    class Slow(StreamingBoard):
        def payload_for(self, request: Frame) -> bytes | None:
            if request.type == INFO:
                return info_payload(12, 3, self.labels, clock_state=1)
            return super().payload_for(request)

    assert "crystal did not start" in watch(FakePort(Slow()))[0].text


def test_a_silent_board_is_listened_to():
    class Silent:
        def receive(self, _: bytes) -> bytes:
            return b""

    port = FakePort(Silent())
    port.send(b"hello from another firmware\r\n\0")
    events = watch(port)
    assert kinds(events) == ["problem", "text"]
    assert "Showing whatever arrives" in events[0].text


def test_a_fault_during_the_greeting_is_shown():
    port = FakePort(FakeBoard())
    port.send(encode_frame(FAULT, 0, fault_payload()))
    assert "fault" in kinds(watch(port))


def test_an_event_that_does_not_fit_is_a_problem_and_the_monitor_goes_on():
    good = encode_frame(PREDICTION, 0, prediction_payload(0, 0, 0, OUTPUT))
    board = StreamingBoard(encode_frame(PREDICTION, 0, b"\x01"), good, predictions=0)
    assert kinds(watch(FakePort(board))) == ["connected", "problem", "prediction"]


def test_another_protocol_version_ends_the_monitor():
    class Future(FakeBoard):
        def payload_for(self, request: Frame) -> bytes | None:
            return hello_payload(version=3) if request.type == HELLO else None

    with pytest.raises(DeviceError, match="version 3; expected version 1"):
        watch(FakePort(Future()))


def test_a_pulled_plug_is_said_and_the_board_is_greeted_when_it_is_back(monkeypatch):
    monkeypatch.setattr(ports, "list_ports", lambda: ())
    opened: list[FakePort] = []

    def opener(url: str, baud: int) -> FakePort:
        assert (url, baud) == ("fake", 9600)
        if len(opened) == 1 and opened[0].incoming != b"seen":
            opened[0].incoming = bytearray(b"seen")  # the first attempt comes too early
            raise ToolError("serial port fake", "there is no such port")
        opened.append(FakePort(StreamingBoard(predictions=1)))
        return opened[-1]

    events = []
    for event in monitor("fake", baud=9600, seconds=10.0, opener=opener):
        events.append(event)
        if event.kind == "prediction":
            opened[0].is_plugged = False
    assert kinds(events) == ["connected", "prediction", "lost", "connected", "prediction"]
    assert "waiting for it to come back" in events[2].text


def test_a_board_that_stays_away_is_given_up(clock):
    opened = []

    def opener(*_) -> FakePort:
        if opened:
            raise ToolError("serial port fake", "there is no such port")
        opened.append(FakePort(FakeBoard()))
        return opened[0]

    events = monitor("fake", opener=opener, replug_seconds=60.0)
    assert next(events).kind == "connected"
    opened[0].is_plugged = False
    assert next(events).kind == "lost"
    gone_at = clock.now
    with pytest.raises(ToolError, match="no such port"):
        next(events)
    assert clock.now - gone_at == 60.0


def test_closing_the_monitor_leaves_the_board_quiet_and_the_port_closed():
    board = StreamingBoard()
    port = FakePort(board)
    events = monitor("fake", opener=lambda *_: port)
    next(events)
    events.close()
    assert board.requests[-1].payload == b"\x00\xe8\x03"
    assert not port.is_plugged


class CutPort(FakePort):
    """A cable that is pulled after `left` bytes to the host."""

    def __init__(self, board: FakeBoard, left: int) -> None:
        super().__init__(board, damage=self.cut)
        self.left = left

    def cut(self, way: str, data: bytes) -> bytes:
        if way == "to_host":
            data = data[: self.left]
            self.left -= len(data)
            self.is_plugged = self.left > 0
        return data


def test_a_cable_pulled_after_any_byte_is_survived():
    """100 cuts at random byte positions: the session resumes, with the right predictions."""
    rng = random.Random(3)
    for _ in range(100):
        left = rng.randrange(260)
        board = StreamingBoard(predictions=3)
        cables = iter([CutPort(board, left), FakePort(board)])
        events = monitor("x", seconds=10.0, opener=lambda *_, cables=cables: next(cables))
        shown = [event for event in events if event.kind == "prediction"]
        assert len(shown) >= 3, f"cut after {left} bytes"
        assert all(event.scores == (-100.0, 20.0, 5.0) for event in shown)


class TellingBoard(StreamingBoard):
    """Says what its answers mean, and streams RESULT events when it is asked for them."""

    def __init__(self, meaning: bytes, *results: bytes, labels: tuple[str, ...] = ()) -> None:
        events = [
            encode_frame(RESULT, 0, struct.pack("<III", n, 0, 41_000) + result)
            for n, result in enumerate(results)
        ]
        super().__init__(*events, predictions=0)
        self.meaning = meaning
        self.labels = labels

    def payload_for(self, request: Frame) -> bytes | None:
        return self.meaning if request.type == MEANING else super().payload_for(request)


def told(
    meaning: bytes, *results: bytes, labels: tuple[str, ...] = ()
) -> tuple[TellingBoard, list[MonitorEvent]]:
    board = TellingBoard(meaning, *results, labels=labels)
    events = watch(FakePort(board))
    assert kinds(events) == ["connected", *(len(results) * ["prediction"])]
    (request,) = (one for one in board.requests if one.type == STREAM and one.payload[0])
    assert request.payload == b"\x02" + STAND_IN_PERIOD_MS.to_bytes(2, "little")
    return board, events[1:]


@pytest.mark.parametrize(("window_samples", "period_ms"), [(128, 0), (0, STAND_IN_PERIOD_MS)])
def test_a_sensor_that_samples_sets_its_own_pace(window_samples: int, period_ms: int):
    class Sampling(StreamingBoard):
        def payload_for(self, request: Frame) -> bytes | None:
            if request.type != MessageType.SENSOR:
                return super().payload_for(request)
            return string("adc") + struct.pack("<IHIIH", 50_000, 3, window_samples, 32, 0)

    board = Sampling()
    watch(FakePort(board))
    (request,) = (one for one in board.requests if one.type == STREAM and one.payload[0])
    assert int.from_bytes(request.payload[1:], "little") == period_ms


def test_a_class_is_shown_with_its_score():
    meaning = b"\x01" + bytes(4) + string("")
    result = struct.pack("<iH", 578, 1) + OUTPUT
    _, (event,) = told(meaning, result, labels=("still", "walk", "run"))
    assert event.text == "#0  walk  0.578  41,000 cycles"
    assert (event.label, event.value, event.alarm) == ("walk", 0.578, None)


def test_a_value_is_shown_with_its_unit():
    meaning = b"\x02" + bytes(4) + string("cycles") + struct.pack("<ii", 0, 125_000)
    _, events = told(meaning, struct.pack("<iH", 112_500, 0) + b"\x10")
    assert events[0].text == "#0  112.500 cycles  41,000 cycles"
    assert (events[0].value, events[0].unit, events[0].label) == (112.5, "cycles", "")


def test_an_alarm_is_shown_with_score_and_threshold():
    meaning = b"\x03" + bytes(4) + string("") + struct.pack("<i", 2300)
    results = [struct.pack("<iH", milli, alarm) + b"\x10" for milli, alarm in ((2344, 1), (-94, 0))]
    _, (alarm, normal) = told(meaning, *results)
    assert alarm.text == "#0  ALARM  2.344  (threshold 2.300)  41,000 cycles"
    assert normal.text == "#1  normal  -0.094  (threshold 2.300)  41,000 cycles"
    assert (alarm.alarm, normal.alarm) == (True, False)


def test_events_are_shown_with_the_samples_that_they_last():
    meaning = b"\x04" + bytes(4) + string("") + struct.pack("<II", 4, 8)
    output = np.array([[9, 0], [9, 0], [0, 3], [5, 4]], np.int8).tobytes()
    _, (event,) = told(meaning, struct.pack("<iH", 5, 0) + output, labels=("none", "step"))
    assert event.text == "#0  none 0..15, step 16..23, none 24..31  41,000 cycles"
    assert event.label == "none"


def test_a_result_that_nobody_explained_is_a_problem():
    stray = encode_frame(RESULT, 0, struct.pack("<IIIiH", 0, 0, 0, 1, 2) + OUTPUT)
    events = watch(FakePort(StreamingBoard(stray, predictions=0)))
    assert kinds(events) == ["connected", "problem"]


def start_payload(causes: int, found_crc32: int = 5, fault: bytes = b"") -> bytes:
    head = bytes((causes, *range(12))) + struct.pack("<II", 5, found_crc32)
    return head + bytes((bool(fault),)) + fault


def test_a_start_says_why_and_on_which_chip():
    event = encode_frame(STARTED, 0, start_payload(16 | 2))
    shown = watch(FakePort(StreamingBoard(event, predictions=0)))[-1]
    assert shown.kind == "start"
    chip = bytes(range(12)).hex()
    assert shown.text == f"reset by the watchdog: the firmware hung; chip {chip}"


def test_damaged_weights_and_the_last_fault_are_shown():
    payload = start_payload(8, found_crc32=0xABCD, fault=fault_payload())
    shown = watch(FakePort(StreamingBoard(encode_frame(STARTED, 0, payload), predictions=0)))[-1]
    assert "the weights are DAMAGED (CRC-32 0x0000abcd, expected 0x00000005)" in shown.text
    assert "the run before faulted at pc 0x08001234, lr 0x08004321 (DIVBYZERO FORCED)" in shown.text


def test_a_board_that_faulted_before_the_monitor_came_tells_it():
    class Faulted(StreamingBoard):
        def payload_for(self, request: Frame) -> bytes | None:
            if request.type == START:
                return start_payload(8, fault=fault_payload())
            return super().payload_for(request)

    connected, told, *_ = watch(FakePort(Faulted()))
    assert (connected.kind, told.kind) == ("connected", "start")
    assert told.text.startswith("the run before this one faulted at pc 0x08001234")
