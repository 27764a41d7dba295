"""The firmware's protocol code, compiled for this machine: the same C files as on the board."""

from __future__ import annotations

import ctypes
import random
import shutil
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcu_slm import protocol, toolchain
from mcu_slm.firmware.templates import TOOL_SOURCES
from mcu_slm.protocol import ErrorCode, Frame, FrameDecoder, MessageType
from tests.firmware.conftest import WEIGHTS, standin_output

pytestmark = pytest.mark.host
HOST = Path(__file__).parent / "host"
PROTOCOL_SOURCES = (*TOOL_SOURCES, "model.c", "model_weights.c")
FAST = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


class HostBoard:
    """The protocol as a library. Each has its own copy: the C code has static state."""

    def __init__(self, library: Path, copy: Path) -> None:
        self._library = ctypes.CDLL(str(shutil.copy(library, copy)))
        self._library.mcu_slm_protocol_start.restype = ctypes.c_bool

    def start(self) -> bool:
        return self._library.mcu_slm_protocol_start()

    def receive(self, data: bytes) -> None:
        self._library.host_receive(data, len(data))

    def poll(self, uptime_ms: int | None = None) -> None:
        if uptime_ms is not None:
            ctypes.c_uint32.in_dll(self._library, "host_uptime_ms").value = uptime_ms
        self._library.mcu_slm_protocol_poll()

    def number(self, name: str) -> int:
        return ctypes.c_uint32.in_dll(self._library, name).value

    def set_sensor(self, has_window: bool) -> None:
        ctypes.c_bool.in_dll(self._library, "host_sensor_has_window").value = has_window

    def output(self) -> bytes:
        count = self.number("host_output_bytes")
        data = bytes((ctypes.c_uint8 * count).in_dll(self._library, "host_output"))
        self._library.host_forget()
        return data

    def frames(self) -> list[Frame]:
        items = FrameDecoder().push(self.output())
        assert all(isinstance(item, Frame) for item in items), items
        return items

    def ask(self, type: int, payload: bytes = b"", sequence: int = 9) -> Frame:
        self.receive(protocol.encode_frame(type, sequence, payload))
        (answer,) = self.frames()
        assert answer.sequence == sequence
        return answer

    def decode(self, wire: bytes, capacity: int) -> tuple[int, list[int], bytes]:
        """Return whole frames, [type, sequence, payload bytes, broken frames], payload."""
        payload = (ctypes.c_uint8 * (capacity + 8))(*b"\xa5" * (capacity + 8))
        found = (ctypes.c_uint32 * 4)()
        complete = self._library.host_frames(wire, len(wire), payload, capacity, found)
        assert bytes(payload)[capacity:] == b"\xa5" * 8, "written beyond the capacity"
        return complete, list(found), bytes(payload)[:capacity]

    def encode(self, type: int, sequence: int, payload: bytes) -> bytes:
        self._library.host_send_frame(type, sequence, payload, len(payload))
        return self.output()


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory, known) -> Path:
    """A project whose `mcu_slm/` has the host port beside it."""
    from mcu_slm import boards
    from mcu_slm.firmware import generate
    from tests.firmware.conftest import STANDIN

    out = tmp_path_factory.mktemp("host")
    board = boards.load_board("nucleo_f446re")
    generate(STANDIN, board, *known, out, "demo")
    for path in HOST.glob("*.c"):
        shutil.copy(path, out / "mcu_slm" / path.name)
    return out / "mcu_slm"


@pytest.fixture(scope="module")
def library(tree: Path) -> Path:
    sources = [tree / name for name in (*PROTOCOL_SOURCES, "host_port.c")]
    return toolchain.build_host_library(
        sources, tree, tree.parent / "build", flags=("-O1", *toolchain.WARNING_FLAGS)
    )


@pytest.fixture
def board(library: Path, tmp_path: Path) -> Iterator[HostBoard]:
    host = HostBoard(library, tmp_path / library.name)
    assert host.start()
    host.output()
    return host


def test_boot_event_says_who_and_that_the_self_test_passed(library, tmp_path) -> None:
    host = HostBoard(library, tmp_path / library.name)
    assert host.start()
    event, started = host.frames()
    boot = protocol.Boot.parse(event.payload)
    assert (event.type, started.type) == (MessageType.BOOT, MessageType.STARTED)
    assert boot.self_test_passed
    assert boot.hello.board == "nucleo_f446re"
    assert boot.hello.model_sha256 == bytes(range(1, 33)).hex()


def test_every_request_is_answered(board: HostBoard) -> None:
    info = protocol.Info.parse(board.ask(MessageType.INFO).payload)
    assert info.labels == ("still", "walking", "rütteln")
    assert (info.input_bytes, info.output_bytes, info.arena_bytes) == (24, 3, 64)
    assert info.clock_state == protocol.ClockState.RESET_CLOCK
    test = protocol.SelfTest.parse(board.ask(MessageType.SELF_TEST).payload)
    assert (test.passed, test.vectors, test.first_failing_vector) == (True, 5, None)
    board.ask(MessageType.INFER, bytes(24))
    stats = protocol.Stats.parse(board.ask(MessageType.STATS).payload)
    assert (stats.inferences, stats.bad_frames, stats.receive_overruns) == (1, 0, 7)
    assert (stats.stack_used_bytes, stats.stack_reserved_bytes) == (100, 200)
    assert protocol.Hello.parse(board.ask(MessageType.HELLO).payload).protocol_version == 1
    assert board.ask(MessageType.STREAM, b"\0\0\0").payload == b""
    assert board.ask(MessageType.RESET).payload == b""
    assert board.number("host_resets") == 1


@FAST
@given(inputs=st.binary(min_size=24, max_size=24))
def test_inference_answers_what_the_model_says(board: HostBoard, inputs: bytes) -> None:
    answer = protocol.Inference.parse(board.ask(MessageType.INFER, inputs).payload)
    expected = standin_output(np.frombuffer(inputs, np.int8)[None])[0]
    assert answer.output.tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("request_type", "payload"),
    [
        (MessageType.HELLO, b"x"),
        (MessageType.INFER, bytes(23)),
        (MessageType.INFER, bytes(25)),
        (MessageType.INFER, bytes(5000)),
        (MessageType.STREAM, b"\1\0"),
        (MessageType.STREAM, bytes(400)),
    ],
)
def test_wrong_lengths_are_refused(board: HostBoard, request_type: int, payload: bytes) -> None:
    answer = board.ask(request_type, payload)
    assert answer.type == MessageType.ERROR
    refusal = protocol.DeviceErrorAnswer.parse(answer.payload)
    assert (refusal.code, refusal.request_type) == (ErrorCode.WRONG_LENGTH, request_type)


@pytest.mark.parametrize("request_type", [0x00, 0x08, 0x40, 0x7F, 0x81, 0xFF])
def test_unknown_requests_are_refused(board: HostBoard, request_type: int) -> None:
    refusal = protocol.DeviceErrorAnswer.parse(board.ask(request_type).payload)
    assert (refusal.code, refusal.request_type) == (ErrorCode.UNKNOWN_TYPE, request_type)


def test_damaged_frame_is_refused_and_counted(board: HostBoard) -> None:
    frame = bytearray(protocol.encode_frame(MessageType.INFER, 1, bytes(range(1, 25))))
    frame[10] ^= 0x40
    board.receive(bytes(frame))
    (answer,) = board.frames()
    assert protocol.DeviceErrorAnswer.parse(answer.payload).code == ErrorCode.BAD_CRC
    assert protocol.Stats.parse(board.ask(MessageType.STATS).payload).bad_frames == 1


def test_lone_spike_is_counted_but_not_answered(board: HostBoard) -> None:
    board.receive(b"\xf0\x00")
    assert board.output() == b""
    assert protocol.Stats.parse(board.ask(MessageType.STATS).payload).bad_frames == 1


@FAST
@given(noise=st.binary(max_size=300))
def test_any_noise_is_survived(board: HostBoard, noise: bytes) -> None:
    board.receive(b"\x00" + noise)
    board.receive(protocol.encode_frame(MessageType.HELLO, 77))
    answers = [frame for frame in board.frames() if frame.sequence == 77]
    assert protocol.Hello.parse(answers[-1].payload).board == "nucleo_f446re"


def test_a_start_tells_how_the_run_before_ended(board: HostBoard) -> None:
    start = protocol.Start.parse(board.ask(MessageType.START).payload)
    assert start.reset_causes == protocol.ResetCause.WATCHDOG | protocol.ResetCause.PIN
    assert start.unique_id == bytes(range(1, 13)).hex()
    assert start.constants_intact
    assert start.constants_crc32 == zlib.crc32(np.array(WEIGHTS, np.int8).tobytes())
    assert start.last_fault == protocol.Fault(*range(1, 8))


def test_damaged_weights_refuse_to_predict(tree: Path, tmp_path: Path) -> None:
    damaged = shutil.copytree(tree, tmp_path / "damaged")
    weights = damaged / "model_weights.c"
    weights.write_text(weights.read_text().replace("{7, 7,", "{7, 6,", 1))
    sources = [damaged / name for name in (*PROTOCOL_SOURCES, "host_port.c")]
    built = toolchain.build_host_library(sources, damaged, tmp_path / "build")
    host = HostBoard(built, tmp_path / "copy.so")
    assert not host.start()
    boot, started = host.frames()
    assert not protocol.Boot.parse(boot.payload).self_test_passed
    assert not protocol.Start.parse(started.payload).constants_intact
    for request, payload in ((MessageType.INFER, bytes(24)), (MessageType.STREAM, b"\1\0\0")):
        refusal = protocol.DeviceErrorAnswer.parse(host.ask(request, payload).payload)
        assert refusal.code == ErrorCode.CONSTANTS_DAMAGED
    assert host.ask(MessageType.STREAM, b"\0\0\0").payload == b""


def test_failed_self_test_refuses_to_predict(tree: Path, tmp_path: Path) -> None:
    wrong = shutil.copytree(tree, tmp_path / "wrong")
    answers = (wrong / "known_answers.c").read_text()
    head, _, outputs = answers.partition("mcu_slm_known_outputs")
    third_row = outputs.split("    {\n")[3]
    first = third_row.split(",")[0]
    changed = third_row.replace(first, f"        {int(first) ^ 1}", 1)
    (wrong / "known_answers.c").write_text(
        head + "mcu_slm_known_outputs" + outputs.replace(third_row, changed)
    )
    sources = [wrong / name for name in (*PROTOCOL_SOURCES, "host_port.c")]
    built = toolchain.build_host_library(sources, wrong, tmp_path / "build")
    host = HostBoard(built, tmp_path / "copy.so")
    assert not host.start()
    event, _started = host.frames()
    assert not protocol.Boot.parse(event.payload).self_test_passed
    for request, payload in ((MessageType.INFER, bytes(24)), (MessageType.STREAM, b"\1\0\0")):
        refusal = protocol.DeviceErrorAnswer.parse(host.ask(request, payload).payload)
        assert refusal.code == ErrorCode.SELF_TEST_FAILED
    result = protocol.SelfTest.parse(host.ask(MessageType.SELF_TEST).payload)
    assert (result.first_failing_vector, result.first_failing_element) == (2, 0)
    assert (result.expected, result.found) == (int(first) ^ 1, int(first))


def test_stream_keeps_its_period_and_stops(board: HostBoard) -> None:
    board.ask(MessageType.STREAM, b"\1\x64\0")
    for uptime_ms in (50, 99, 100, 150, 199, 200):
        board.poll(uptime_ms)
    events = [protocol.Prediction.parse(frame.payload) for frame in board.frames()]
    assert [(event.index, event.uptime_ms) for event in events] == [(0, 100), (1, 200)]
    board.set_sensor(False)
    board.poll(400)
    assert board.output() == b""
    board.set_sensor(True)
    board.poll(401)  # as soon as there is a window, not a period later
    assert len(board.frames()) == 1
    board.ask(MessageType.STREAM, b"\0\0\0")
    board.poll(900)
    assert board.output() == b""


def test_stream_does_not_disturb_an_input_that_is_coming_in(board: HostBoard) -> None:
    inputs = bytes(range(100, 124))
    frame = protocol.encode_frame(MessageType.INFER, 5, inputs)
    board.ask(MessageType.STREAM, b"\1\0\0")
    board.receive(frame[:15])
    board.poll(50)
    assert board.output() == b""
    board.receive(frame[15:])
    (answer,) = board.frames()
    expected = standin_output(np.frombuffer(inputs, np.int8)[None])[0]
    assert protocol.Inference.parse(answer.payload).output.tolist() == expected.tolist()


def test_stalled_frame_is_given_up(board: HostBoard) -> None:
    board.ask(MessageType.STREAM, b"\1\0\0")
    board.receive(protocol.encode_frame(MessageType.INFER, 5, bytes(24))[:10])
    board.poll(400)
    assert board.output() == b""
    board.poll(2600)
    board.poll(2601)
    assert [frame.type for frame in board.frames()] == [MessageType.PREDICTION]


@FAST
@given(
    type=st.integers(0, 255),
    sequence=st.integers(0, 255),
    payload=st.one_of(
        st.binary(max_size=40),
        st.builds(lambda n, b: bytes([b]) * n, st.integers(0, 1100), st.integers(0, 255)),
        st.binary(min_size=240, max_size=800),
    ),
)
def test_frames_round_trip_between_c_and_python(board, type, sequence, payload) -> None:
    wire = protocol.encode_frame(type, sequence, payload)
    assert board.encode(type, sequence, payload) == wire
    complete, found, received = board.decode(b"noise" + wire, len(payload))
    assert complete == 1
    assert found[:3] == [type, sequence, len(payload)]
    assert received == payload


@FAST
@given(
    payload=st.binary(min_size=1, max_size=300),
    capacity=st.integers(0, 40),
    position=st.integers(0, 10_000),
    flip=st.integers(1, 255),
)
def test_damage_never_writes_beyond_the_capacity(board, payload, capacity, position, flip) -> None:
    wire = bytearray(protocol.encode_frame(3, 0, payload))
    wire[position % len(wire)] ^= flip
    decoder = FrameDecoder()
    expected = [item for item in decoder.push(bytes(wire)) if isinstance(item, Frame)]
    complete, found, received = board.decode(bytes(wire), capacity)
    assert complete == len(expected)
    if expected:
        assert received == expected[0].payload[:capacity].ljust(capacity, b"\xa5")
        assert found[2] == len(expected[0].payload)


@pytest.mark.skipif(sys.platform == "win32", reason="sanitizers of gcc and clang on POSIX")
def test_sanitizers_find_nothing_in_a_million_hostile_bytes(tree: Path, tmp_path: Path) -> None:
    host = toolchain.find_host_compiler()
    sanitize = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O1")
    sources = [tree / name for name in (*PROTOCOL_SOURCES, "host_port.c", "fuzz_main.c")]
    try:
        objects = toolchain.compile_objects(host, sources, tree, tmp_path, ("-std=c11", *sanitize))
        program = toolchain.link(host, objects, tmp_path / "fuzz", sanitize[:1], tree)
    except toolchain.BuildError as error:
        if "asan" in str(error) or "ubsan" in str(error):
            pytest.skip("this compiler has no sanitizer libraries")
        raise
    chance = random.Random(4)
    stream = bytearray()
    while len(stream) < 1_000_000:
        payload = chance.randbytes(chance.choice((0, 1, 3, 23, 24, 25, 254, 1000)))
        frame = bytearray(protocol.encode_frame(chance.randrange(10), 1, payload))
        for _ in range(chance.choice((0, 0, 1, 3))):
            frame[chance.randrange(len(frame))] = chance.randrange(256)
        stream += frame + chance.randbytes(chance.choice((0, 0, 5)))
    done = subprocess.run([program], input=bytes(stream), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
