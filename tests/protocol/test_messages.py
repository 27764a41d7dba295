"""Parsing of every payload: right values, and one clean error for everything else."""

from __future__ import annotations

import contextlib
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcu_slm.boards.reset import RESET_CAUSES
from mcu_slm.errors import DeviceError
from mcu_slm.protocol import (
    Boot,
    ClockState,
    DeviceErrorAnswer,
    Fault,
    Hello,
    Inference,
    Info,
    Meaning,
    Prediction,
    ResetCause,
    Result,
    SelfTest,
    Sensor,
    Start,
    Stats,
    Task,
)
from tests.protocol.fake_board import (
    MODEL_HASH,
    error_payload,
    fault_payload,
    hello_payload,
    info_payload,
    prediction_payload,
    string,
)

pytestmark = pytest.mark.unit

GOOD = {
    Hello: hello_payload(),
    Info: info_payload(600, 4, ["still", "gehen", "läuft", ""]),
    Inference: struct.pack("<I", 77) + b"\x80\x7f",
    Stats: struct.pack("<7I", *range(1, 8)),
    Sensor: string("stream") + struct.pack("<IHIIH", 52_000, 3, 104, 52, 32),
    SelfTest: struct.pack("<BHHIbb", 0, 8, 3, 2, -5, 6),
    Prediction: prediction_payload(1, 2, 3, b"\xff"),
    Boot: hello_payload() + b"\1",
    Fault: fault_payload(),
    DeviceErrorAnswer: error_payload(2, 3, "wrong length"),
    Start: bytes((16 | 2, *range(12))) + struct.pack("<IIB", 5, 6, 1) + fault_payload(),
    Meaning: struct.pack("<BI", 2, 96) + string("\u00b0C") + struct.pack("<ii", -40_000, 125_000),
    Result: struct.pack("<IIIiH", 1, 2, 3, -1250, 2) + b"\x80",
}
OPEN_ENDED = (Inference, Prediction, Result)  # their last field takes whatever follows


def test_good_payloads_give_their_values():
    hello = Hello(1, MODEL_HASH.hex(), "nucleo_f446re", "0.1.0")
    assert Hello.parse(GOOD[Hello]) == hello
    assert Boot.parse(GOOD[Boot]) == Boot(hello, self_test_passed=True)
    info = Info.parse(GOOD[Info])
    assert info.labels == ("still", "gehen", "läuft", "")
    assert (info.core_clock_hz, info.clock_state) == (180_000_000, ClockState.FULL_SPEED)
    assert (info.input_bytes, info.output_bytes, info.arena_bytes) == (600, 4, 4096)
    assert Stats.parse(GOOD[Stats]) == Stats(1, 2, 3, 4, 5, 6, 7)
    assert SelfTest.parse(GOOD[SelfTest]) == SelfTest(False, 8, 3, 2, -5, 6)
    assert DeviceErrorAnswer.parse(GOOD[DeviceErrorAnswer]).reason == "wrong length"


def test_outputs_are_int8_arrays():
    inference = Inference.parse(GOOD[Inference])
    assert inference.cycles == 77
    np.testing.assert_array_equal(inference.output, np.array([-128, 127], np.int8))
    assert Prediction.parse(GOOD[Prediction]).output.tolist() == [-1]


def test_what_answers_mean_depends_on_the_task():
    assert Meaning.parse(GOOD[Meaning]) == Meaning(Task.REGRESSION, 96, "°C", -40_000, 125_000)
    head = struct.pack("<I", 0) + string("")
    assert Meaning.parse(b"\x01" + head) == Meaning(Task.CLASSIFICATION, 0, "")
    anomaly = Meaning.parse(b"\x03" + head + struct.pack("<i", -2300))
    assert (anomaly.task, anomaly.threshold) == (Task.ANOMALY, -2300)
    events = Meaning.parse(b"\x04" + head + struct.pack("<II", 4, 8))
    assert (events.tokens, events.samples_per_token) == (4, 8)
    result = Result.parse(GOOD[Result])
    assert (result.thousandths, result.decision, result.output.tolist()) == (-1250, 2, [-128])


def test_a_passed_self_test_names_no_vector():
    passed = SelfTest.parse(struct.pack("<BHHIbb", 1, 8, 0xFFFF, 0, 0, 0))
    assert passed.passed
    assert passed.first_failing_vector is None


def test_a_sensor_that_samples_has_more_counters():
    more = Stats.parse(struct.pack("<14I", *range(1, 15)))
    assert (more.samples, more.lost_samples, more.worst_latency_cycles) == (8, 9, 14)
    with pytest.raises(DeviceError, match="expected"):
        Stats.parse(struct.pack("<15I", *range(15)))
    assert Sensor.parse(GOOD[Sensor]) == Sensor("stream", 52.0, 3, 104, 52, 32)


def test_a_self_test_can_fail_without_a_failing_vector():
    damaged = SelfTest.parse(struct.pack("<BHHIbb", 0, 8, 0xFFFF, 0, 0, 0))
    assert (damaged.passed, damaged.first_failing_vector) == (False, None)


def test_a_start_tells_cause_chip_weights_and_the_last_fault():
    start = Start.parse(GOOD[Start])
    assert start.reset_causes == ResetCause.WATCHDOG | ResetCause.PIN
    assert start.reset_causes.text == "the watchdog: the firmware hung"
    assert start.unique_id == bytes(range(12)).hex()
    assert not start.constants_intact
    assert start.last_fault == Fault.parse(fault_payload())
    quiet = Start.parse(bytes(13) + struct.pack("<IIB", 5, 5, 0))
    assert (quiet.unique_id, quiet.constants_intact, quiet.last_fault) == ("", True, None)
    assert quiet.reset_causes.text == "a cause not told"


def test_causes_have_the_order_that_the_boards_name():
    assert tuple(cause.name.lower() for cause in ResetCause) == RESET_CAUSES


def test_fault_names_its_causes():
    assert Fault.parse(fault_payload(cfsr=1 << 25 | 1 << 1)).causes == (
        "DACCVIOL",
        "DIVBYZERO",
        "FORCED",
    )


@pytest.mark.parametrize("kind", GOOD)
def test_every_shorter_payload_is_a_device_error(kind):
    needed = len(GOOD[kind].rstrip(b"\x80\x7f\xff")) + 1 if kind in OPEN_ENDED else len(GOOD[kind])
    for length in range(needed):
        with pytest.raises(DeviceError, match=r"board's .* message: it h"):
            kind.parse(GOOD[kind][:length])


@pytest.mark.parametrize("kind", [kind for kind in GOOD if kind not in OPEN_ENDED])
def test_every_longer_payload_is_a_device_error(kind):
    with pytest.raises(DeviceError, match="expected"):
        kind.parse(GOOD[kind] + b"\0")


@pytest.mark.parametrize("kind", GOOD)
@given(payload=st.binary(max_size=80))
def test_any_payload_parses_or_is_a_device_error(kind, payload):
    with contextlib.suppress(DeviceError):
        kind.parse(payload)


@pytest.mark.parametrize("kind", [Hello, Boot])
def test_another_protocol_version_names_both(kind):
    with pytest.raises(DeviceError, match=r"version 7; expected version 1") as caught:
        kind.parse(hello_payload(version=7) + b"layout of the future")
    assert caught.value.values["board_version"] == 7
    assert caught.value.values["host_version"] == 1


@pytest.mark.parametrize(
    ("kind", "payload", "words"),
    [
        (Hello, struct.pack("<H", 1) + MODEL_HASH + b"\x02\xff\xfe\x00", "UTF-8"),
        (Info, info_payload(1, 1, [], clock_state=9), "clock state is 9"),
        (Boot, hello_payload() + b"\x02", "yes/no byte is 2"),
        (SelfTest, struct.pack("<BHHIbb", 1, 8, 2, 0, 0, 0), "passed=True"),
        (Inference, struct.pack("<I", 1), "no output"),
        (Meaning, b"\x05" + bytes(5), "the task is 5"),
        (Meaning, bytes(6), "the task is 0"),
    ],
)
def test_payloads_that_mean_nothing_are_device_errors(kind, payload, words):
    with pytest.raises(DeviceError, match=words):
        kind.parse(payload)


def test_strings_of_the_board_cannot_steer_the_terminal():
    assert Hello.parse(hello_payload(board="\x1b[2Jf446\x07")).board == "f446"
