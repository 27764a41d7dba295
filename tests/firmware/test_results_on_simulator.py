"""Firmware of every task on the board simulator: raw counts in, engineering units out."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from mcu_slm import boards, judge, protocol, tflite, toolchain
from mcu_slm.answers import answer_of
from mcu_slm.compile import compile_model
from mcu_slm.compile.meaning import count_quantizer_of
from mcu_slm.errors import DeviceError
from mcu_slm.firmware import build, generate
from mcu_slm.firmware.record import load_project_record
from mcu_slm.ir import Graph
from mcu_slm.ops import parse_graph, reference
from mcu_slm.protocol import Client, Result, Task
from tests.answers.models import CHANNEL_SCALES, CHANNELS, MEAN, STD, TOKENS, WINDOW, answering

pytest.importorskip("unicorn")
from mcu_slm.simulator import BoardSimulator

pytestmark = pytest.mark.emulator

BOARD = boards.load_board("nucleo_f446re")


def counts_of_sensor(windows: int) -> npt.NDArray[np.int16]:
    """Return windows of counts as the sensor of the models gives them, and extremes."""
    rng = np.random.default_rng(31)
    real = rng.normal(MEAN, STD, (windows, WINDOW, CHANNELS))
    counts = np.clip(np.rint(real / CHANNEL_SCALES), -(2**15), 2**15 - 1).astype(np.int16)
    counts[0], counts[1], counts[2, ::2] = -(2**15), 2**15 - 1, 0
    return counts


def codes_of(graph: Graph, counts: npt.NDArray[np.int16]) -> npt.NDArray[np.int8]:
    quantizer = count_quantizer_of(graph)
    assert quantizer is not None
    return quantizer.quantize(counts).reshape(len(counts), -1)


def expected_outputs(graph: Graph, codes: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Return what the judge answers, or the NumPy reference where there is no judge."""
    shaped = codes.reshape(len(codes), *graph.tensor(graph.inputs[0]).shape)
    if judge.available("tflm"):
        outputs = judge.run(tflite.write_model(graph), [shaped])[0]
    else:
        outputs = reference.run(graph, parse_graph(graph), [shaped])[graph.outputs[0]]
    return outputs.reshape(len(codes), -1)


@pytest.fixture(scope="module", params=["classification", "regression", "anomaly", "events"])
def booted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    """Return the model, a client of the simulated board, counts, and the judge's outputs."""
    folder: Path = tmp_path_factory.mktemp(request.param)
    graph = answering(request.param)
    compile_model(graph, tflite.write_model(graph), folder / "code")
    counts = counts_of_sensor(24)
    codes = codes_of(graph, counts)
    outputs = expected_outputs(graph, codes)
    known = (codes[:6], outputs[:6])
    generate(folder / "code", BOARD, *known, folder / "project", "demo")
    elf = build(folder / "project", BOARD, "Release").elf
    client = Client(BoardSimulator(BOARD, elf).port, timeout=60.0, inference_timeout=60.0)
    return graph, client, counts, outputs


@pytest.fixture(params=["classification", "regression", "anomaly", "events"])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Graph, Path]:
    """Return a task's model and its firmware project."""
    graph = answering(request.param)
    compile_model(graph, tflite.write_model(graph), tmp_path / "code")
    size = graph.tensor(graph.outputs[0]).element_count
    known = np.zeros((1, WINDOW * CHANNELS), np.int8), np.zeros((1, size), np.int8)
    generate(tmp_path / "code", BOARD, *known, tmp_path / "project", "demo")
    return graph, tmp_path / "project"


@pytest.mark.parametrize("preset", ["Debug", "MinSizeRel"])
def test_firmware_of_every_task_builds_without_a_warning(project, arm, preset: str) -> None:
    _, folder = project
    assert build(folder, BOARD, preset, arm).flash_bytes > 0


@pytest.mark.skipif(sys.platform == "win32", reason="sanitizers of gcc and clang on POSIX")
def test_sanitizers_find_nothing_where_counts_come_in(project, tmp_path: Path) -> None:
    _, folder = project
    tree, host = folder / "mcu_slm", toolchain.find_host_compiler()
    for path in (Path(__file__).parent / "host").glob("*.c"):
        shutil.copy(path, tree / path.name)
    names = load_project_record(folder)["sources"]
    sources = [tree / name for name in (*names, "host_port.c", "fuzz_main.c")]
    sanitize = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O1")
    try:
        objects = toolchain.compile_objects(host, sources, tree, tmp_path, ("-std=c11", *sanitize))
        program = toolchain.link(host, objects, tmp_path / "fuzz", sanitize[:1], tree)
    except toolchain.BuildError as error:
        if "asan" in str(error) or "ubsan" in str(error):
            pytest.skip("this compiler has no sanitizer libraries")
        raise
    chance, stream = random.Random(8), bytearray()
    while len(stream) < 150_000:
        payload = chance.randbytes(chance.choice((0, 1, 3, 96, 191, 192, 193, 194, 900)))
        frame = bytearray(protocol.encode_frame(chance.choice((3, 7, 8, 9, 9)), 1, payload))
        for _ in range(chance.choice((0, 0, 1))):
            frame[chance.randrange(len(frame))] = chance.randrange(256)
        stream += frame
    done = subprocess.run([program], input=bytes(stream), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()[-2000:]


def test_raw_counts_give_the_outputs_of_the_judge_on_python_s_codes(booted) -> None:
    graph, client, counts, outputs = booted
    codes = codes_of(graph, counts)
    differing = 0
    for window, code, expected in zip(counts, codes, outputs, strict=True):
        differing += np.count_nonzero(client.infer_counts(window).output != expected)
        differing += np.count_nonzero(client.infer(code).output != expected)
    assert differing == 0
    assert len(np.unique(outputs, axis=0)) > 3


def test_a_window_of_another_length_is_refused_and_the_next_one_is_right(booted) -> None:
    _, client, counts, outputs = booted
    for wrong in (counts[3, :-1], np.zeros(500, np.int16)):
        with pytest.raises(DeviceError, match="wrong length"):
            client.infer_counts(wrong)
    assert client.infer_counts(counts[3]).output.tolist() == outputs[3].tolist()


def test_the_firmware_says_what_its_answers_mean(booted) -> None:
    graph, client, _, _ = booted
    answer, meaning = answer_of(graph), client.meaning()
    assert meaning.task.name.lower() == answer.task
    assert (meaning.unit, meaning.counts) == (answer.unit, WINDOW * CHANNELS)
    assert client.hello().protocol_version == 1
    expected = {
        Task.CLASSIFICATION: (0, 0, 0, 0, 0),
        Task.REGRESSION: (0, 125_000, 0, 0, 0),
        Task.ANOMALY: (0, 0, 2300, 0, 0),
        Task.EVENTS: (0, 0, 0, TOKENS, WINDOW // TOKENS),
    }[meaning.task]
    found = (meaning.lowest, meaning.highest, meaning.threshold)
    assert (*found, meaning.tokens, meaning.samples_per_token) == expected
    assert len(client.info().labels) == answer.classes


def test_results_say_the_value_of_the_answer(booted) -> None:
    graph, client, _, outputs = booted
    answer = answer_of(graph)
    client.stream(True, period_ms=20, results=True)
    results: list[Result] = []
    for event in client.events(10.0):
        results += [event] if isinstance(event, Result) else []
        if len(results) == 6:
            break
    client.stream(False)
    assert [result.output.tolist() for result in results] == outputs[:6].tolist()
    for result in results:
        values = answer.values(result.output)
        last = values.reshape(answer.tokens, -1)[-1]
        best = int(last.argmax()) if answer.classes else 0
        alarm = result.output[0] >= answer.alarm_code
        assert result.thousandths == last[best]
        assert result.decision == (best if answer.classes else alarm)


def test_a_host_that_knows_no_results_gets_predictions(booted) -> None:
    _, client, _, outputs = booted
    client.stream(True, period_ms=20)
    event = next(e for e in client.events(10.0) if isinstance(e, protocol.Prediction | Result))
    client.stream(False)
    assert isinstance(event, protocol.Prediction)
    assert event.output.tolist() in outputs[:6].tolist()
