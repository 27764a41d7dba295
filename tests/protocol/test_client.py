"""The client against a scripted board: answers, retries, faults, noise, a pulled plug."""

from __future__ import annotations

import itertools
import random
import struct

import numpy as np
import pytest

from mcu_slm.errors import DeviceError, FirmwareFault, UsageError
from mcu_slm.protocol import Boot, Client, Fault, Frame, Prediction, Text, encode_frame
from tests.protocol.fake_board import (
    BOOT,
    ERROR,
    FAULT,
    HELLO,
    INFER,
    PREDICTION,
    FakeBoard,
    FakePort,
    StallingPort,
    error_payload,
    fault_payload,
    hello_payload,
    prediction_payload,
)

pytestmark = [pytest.mark.unit, pytest.mark.usefixtures("clock")]


def connect(board: FakeBoard | None = None, **port_options) -> tuple[Client, FakePort]:
    port = FakePort(board or FakeBoard(), **port_options)
    return Client(port), port


def test_every_request_is_answered():
    client, port = connect()
    assert client.hello().board == "nucleo_f446re"
    assert client.info().labels == ("still", "walk", "run")
    assert client.infer(np.arange(12, dtype=np.int8)).output.tolist() == [0, -1, -2]
    assert client.stats().stack_reserved_bytes == 2048
    assert client.self_test().passed
    client.stream(on=True, period_ms=250)
    assert port.board.streaming_ms == 250
    client.stream(on=False)
    assert port.board.streaming_ms is None
    client.reset()
    assert [request.type for request in port.board.requests] == [1, 2, 3, 4, 5, 7, 7, 6]


def test_sequence_numbers_wrap():
    client, port = connect()
    for _ in range(300):
        client.hello()
    sequences = [request.sequence for request in port.board.requests]
    assert all((b - a) & 0xFF == 1 for a, b in itertools.pairwise(sequences))


def test_a_large_input_arrives_byte_by_byte():
    client, port = connect(FakeBoard(27_648), piece=1)
    values = np.random.default_rng(1).integers(-128, 128, 27_648, dtype=np.int8)
    client.infer(values.reshape(96, 96, 3))
    assert port.board.requests[0].payload == values.tobytes()


def test_an_input_that_is_not_int8_is_refused_before_sending():
    client, port = connect()
    with pytest.raises(UsageError, match="float64; expected int8"):
        client.infer(np.zeros(12))
    assert not port.board.requests


def test_counts_are_sent_as_little_endian_int16():
    client, port = connect()
    with pytest.raises(UsageError, match="int8; expected int16"):
        client.infer_counts(np.zeros(12, np.int8))
    with pytest.raises(DeviceError, match="unknown type"):
        client.infer_counts(np.array([[1, -2], [32767, -32768]], np.int16))
    assert port.board.requests[0].payload.hex() == "0100feffff7f0080"


def test_a_firmware_that_knows_no_meaning_has_none():
    client, port = connect()
    assert client.meaning() is None
    client.stream(on=True, results=True)
    client.stream(on=False, results=True)
    assert [request.payload[:1] for request in port.board.requests] == [b"", b"\x02", b"\x00"]


def test_a_period_beyond_16_bits_is_refused():
    with pytest.raises(UsageError, match="65535"):
        connect()[0].stream(on=True, period_ms=70_000)


@pytest.mark.parametrize("direction", ["to_board", "to_host"])
def test_one_damaged_frame_costs_one_retry_with_a_new_number(direction):
    damaged = itertools.count()

    def flip_once(way: str, data: bytes) -> bytes:
        if way != direction or not data or next(damaged):
            return data
        return data[:4] + bytes((data[4] ^ 0x10,)) + data[5:]

    client, port = connect(damage=flip_once)
    assert client.hello().board == "nucleo_f446re"
    seen = [request.sequence for request in port.board.requests]
    assert seen == ([2] if direction == "to_board" else [1, 2])


def test_silence_is_an_error_after_two_tries():
    client, port = connect(damage=lambda way, data: data if way == "to_board" else b"")
    with pytest.raises(DeviceError, match=r"HELLO: none came within 2 s, asked 2 times") as got:
        client.hello()
    assert "TX and RX" in got.value.remedy
    assert [request.sequence for request in port.board.requests] == [1, 2]


@pytest.mark.parametrize("early", [0, 9])
@pytest.mark.parametrize("piece", [1, 1000], ids=["tcp", "serial"])
def test_an_answer_that_came_while_the_machine_was_busy_is_taken(early, piece):
    board = FakeBoard()
    client = Client(StallingPort(board, early, piece))
    assert client.hello().board == "nucleo_f446re"
    assert len(board.requests) == 1


def test_an_event_that_came_while_the_machine_was_busy_is_yielded():
    port = StallingPort(FakeBoard())
    client = Client(port)
    port.send(encode_frame(FAULT, 0, fault_payload()))
    assert [event.pc for event in client.events(seconds=1.0)] == [0x0800_1234]


def test_a_board_that_babbles_and_never_answers_is_given_up(clock):
    class Babbling(FakePort):
        def write(self, data: bytes) -> int:
            self.incoming += b"\xee"
            return len(data)

        def read(self, size: int = 1) -> bytes:
            clock.sleep(0.25)
            return bytes(self.incoming)

    with pytest.raises(DeviceError, match="none came within 2 s, asked 2 times"):
        Client(Babbling(FakeBoard())).hello()


def test_a_request_whose_end_was_lost_succeeds_at_the_second_try():
    class LosesFirstEnd(FakePort):
        """The board sees that the first frame is broken only when the second begins."""

        lost = False

        def write(self, data: bytes) -> int:
            if not self.lost:
                self.lost = True
                return len(data)
            self.send(encode_frame(ERROR, 1, error_payload(3, HELLO, "the frame is damaged")))
            return super().write(data)

    client = Client(LosesFirstEnd(FakeBoard()))
    assert client.hello().board == "nucleo_f446re"


def test_a_late_answer_to_an_earlier_request_is_not_taken():
    class Late(FakeBoard):
        def answer(self, request: Frame) -> bytes:
            stale = encode_frame(INFER | 0x80, (request.sequence - 1) & 0xFF, b"\0\0\0\0\x63")
            return stale + super().answer(request)

    client, _ = connect(Late())
    assert client.infer(np.ones(12, np.int8)).output.tolist() == [-1, -1, -1]


@pytest.mark.parametrize(
    ("code", "tries", "words"),
    [
        (1, 1, "unknown type"),
        (2, 1, "wrong length"),
        (3, 2, "bad crc"),
        (4, 1, "self test failed"),
        (5, 2, "busy"),
        (99, 1, "code 99"),
    ],
)
def test_refusals_say_why_and_what_to_do(code, tries, words):
    class Refusing(FakeBoard):
        def answer(self, request: Frame) -> bytes:
            return encode_frame(ERROR, request.sequence, error_payload(code, INFER, "because"))

    client, port = connect(Refusing())
    with pytest.raises(DeviceError, match=f'it refused: {words} \\("because"\\)') as caught:
        client.infer(np.zeros(12, np.int8))
    assert caught.value.remedy
    assert caught.value.values["code"] == code
    assert len(port.board.requests) == tries


def test_a_fault_while_waiting_is_raised_with_its_registers():
    class Faulting(FakeBoard):
        def answer(self, _: Frame) -> bytes:
            return encode_frame(FAULT, 0, fault_payload(pc=0x0800_0A1C))

    client, _ = connect(Faulting())
    with pytest.raises(FirmwareFault, match=r"INFER: it faulted at pc 0x08000a1c.*DIVBYZERO") as e:
        client.infer(np.zeros(12, np.int8))
    assert e.value.values["pc"] == 0x0800_0A1C
    assert isinstance(e.value.values["fault"], Fault)


def test_an_answer_that_should_be_empty_is_checked():
    class Talkative(FakeBoard):
        def payload_for(self, _: Frame) -> bytes | None:
            return b"more"

    with pytest.raises(DeviceError, match="RESET: it has 4 bytes; expected none"):
        connect(Talkative())[0].reset()


def test_text_and_events_between_requests_are_kept_for_later():
    client, port = connect()
    port.send(b"\x1b[1mstarting\r\n" + encode_frame(BOOT, 0, hello_payload() + b"\1"))
    client.hello()
    port.send(encode_frame(PREDICTION, 1, prediction_payload(5, 60, 70, b"\x01\x02\x03")))
    text, boot, prediction = client.events(seconds=1.0)
    assert isinstance(text, Text)
    assert text.text == "starting\n"
    assert isinstance(boot, Boot)
    assert boot.self_test_passed
    assert isinstance(prediction, Prediction)
    assert (prediction.index, prediction.uptime_ms, prediction.cycles) == (5, 60, 70)


def test_text_without_a_delimiter_comes_out_when_the_line_is_quiet():
    client, port = connect()
    port.send(b"assert failed")
    assert [event.text for event in client.events(seconds=1.0)] == ["assert failed"]


def test_a_fault_event_is_yielded_by_the_iterator():
    client, port = connect()
    port.send(encode_frame(FAULT, 0, fault_payload()))
    (fault,) = client.events(seconds=1.0)
    assert fault.pc == 0x0800_1234


def test_a_pulled_plug_is_one_clear_error():
    client, port = connect()
    client.hello()
    port.is_plugged = False
    with pytest.raises(DeviceError, match=r"it went away while in use .*Plug the board in again"):
        client.hello()
    with pytest.raises(DeviceError, match="went away"):
        next(client.events(seconds=1))


def test_a_firmware_of_another_version_is_refused():
    class Future(FakeBoard):
        def payload_for(self, request: Frame) -> bytes | None:
            return hello_payload(version=2) if request.type == HELLO else None

    with pytest.raises(DeviceError, match="version 2; expected version 1"):
        connect(Future())[0].hello()


def test_a_bad_line_never_gives_a_wrong_answer():
    """1,000 requests over a line that damages one piece in five: right bytes or a DeviceError."""
    rng = random.Random(7)

    def damage(_: str, data: bytes) -> bytes:
        wire = bytearray(data)
        if wire and rng.random() < 0.2:
            at = rng.randrange(len(wire))
            if rng.random() < 0.5:
                wire[at] ^= 1 << rng.randrange(8)
            else:
                del wire[at : at + rng.randint(1, 4)]
        return bytes(wire)

    port = FakePort(FakeBoard(), damage=damage)
    client = Client(port)
    right = refused = 0
    for index in range(1000):
        values = np.full(12, index % 100, np.int8)
        try:
            assert client.infer(values).output.tolist() == [-(index % 100)] * 3
            right += 1
        except DeviceError:
            refused += 1
    assert right > 500
    assert right + refused == 1000


def test_predictions_survive_noise_between_them():
    client, port = connect()
    for index in range(50):
        port.send(bytes((index + 1, 0xFF, 0x1B)) * 3)
        port.send(encode_frame(PREDICTION, index, prediction_payload(index, 0, 0, b"\x01")))
    indices = [e.index for e in client.events(seconds=1.0) if isinstance(e, Prediction)]
    assert indices == list(range(50))


def test_an_event_that_does_not_fit_is_a_device_error():
    client, port = connect()
    port.send(encode_frame(PREDICTION, 0, struct.pack("<I", 1)))
    with pytest.raises(DeviceError, match="PREDICTION message: it has 4 bytes"):
        list(client.events(seconds=1.0))
