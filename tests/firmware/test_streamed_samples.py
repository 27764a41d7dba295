"""Raw counts streamed into the simulated board: its windows are those that training cuts."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from mcu_slm import boards, tflite
from mcu_slm.compile import compile_model
from mcu_slm.compile.meaning import count_quantizer_of
from mcu_slm.counts import count_normalisation
from mcu_slm.errors import DeviceError, UsageError
from mcu_slm.firmware import SensorChoice, build, generate
from mcu_slm.metadata import read_info
from mcu_slm.protocol import Client, Prediction, Result, play
from tests.answers.models import CHANNEL_SCALES, CHANNELS, MEAN, STD, WINDOW, answering
from tests.firmware.test_results_on_simulator import codes_of, counts_of_sensor, expected_outputs

pytest.importorskip("unicorn")
from mcu_slm.simulator import BoardSimulator

pytestmark = pytest.mark.emulator

BOARD = boards.load_board("nucleo_f446re")
HOP = 12
CWRU = Path(os.environ.get("MCU_SLM_SHARED", "shared")) / "data" / "cwru" / "cwru_12k_de.npz"
Counts = npt.NDArray[np.int16]


def windows_of(counts: Counts, hop: int = HOP) -> Counts:
    """Cut a recording into windows, as training does. Shapes: [T, C] -> [n, WINDOW, C]."""
    starts = range(0, len(counts) - WINDOW + 1, hop)
    return np.stack([counts[start : start + WINDOW] for start in starts])


class Board:
    """A simulated board that samples the host; collects the windows that its model was given."""

    def __init__(self, elf: Path) -> None:
        self.simulator = BoardSimulator(BOARD, elf)
        self.client = Client(self.simulator.port, timeout=60.0, inference_timeout=60.0)
        self.windows: list[bytes] = []

    def play(self, counts: Counts) -> list[Prediction | Result]:
        place = self.simulator.symbol("mcu_slm_arena") + self.input_offset()
        size = WINDOW * CHANNELS
        taken = self.client.stats().windows

        def keep() -> None:
            nonlocal taken
            count = int.from_bytes(self.simulator.read_memory(self.taken_counter(), 4), "little")
            if count > taken:
                taken = count
                self.windows.append(self.simulator.read_memory(place, size))

        with self.simulator.watch_returns({"mcu_slm_windows_take": keep}):
            events = list(play(self.client, counts))
        return [event for event in events if isinstance(event, Prediction | Result)]

    def taken_counter(self) -> int:
        return self.simulator.symbol("counters") + 8

    def input_offset(self) -> int:
        return 0  # the only input of a one-layer model


@pytest.fixture(scope="module")
def graph():
    return answering("classification")


@pytest.fixture(scope="module")
def elf(tmp_path_factory: pytest.TempPathFactory, graph) -> Path:
    folder = tmp_path_factory.mktemp("stream")
    compile_model(graph, tflite.write_model(graph), folder / "code")
    codes = codes_of(graph, counts_of_sensor(4))
    known = codes, expected_outputs(graph, codes)
    sensor = SensorChoice("stream", HOP)
    info = read_info(graph.metadata)
    generate(folder / "code", BOARD, *known, folder / "project", "demo", sensor, info)
    return build(folder / "project", BOARD, "Release").elf


@pytest.fixture
def board(elf: Path) -> Board:
    return Board(elf)


def recording(samples: int, seed: int) -> Counts:
    """Return noise like the models' sensor gives, with extremes."""
    rng = np.random.default_rng(seed)
    real = rng.normal(MEAN, STD, (samples, CHANNELS)) / CHANNEL_SCALES
    counts = np.clip(np.rint(real), -(2**15), 2**15 - 1).astype(np.int16)
    counts[::37], counts[::41] = -(2**15), 2**15 - 1
    return counts


def test_the_firmware_says_where_its_windows_come_from(board: Board) -> None:
    sensor = board.client.sensor()
    assert (sensor.name, sensor.rate_hz) == ("stream", 100.0)
    assert (sensor.channels, sensor.window_samples, sensor.hop_samples) == (CHANNELS, WINDOW, HOP)
    assert sensor.most_samples == 32


def test_every_window_and_answer_is_that_of_training(board: Board, graph) -> None:
    counts = recording(400, seed=3)
    expected = codes_of(graph, windows_of(counts))
    board.client.stream(True, period_ms=0)
    answers = board.play(counts)
    assert board.windows == [codes.tobytes() for codes in expected]
    assert [a.output.tolist() for a in answers] == expected_outputs(graph, expected).tolist()
    stats = board.client.stats()
    assert (stats.samples, stats.windows) == (400, len(expected))
    assert (stats.lost_samples, stats.passed_windows, stats.sensor_errors) == (0, 0, 0)
    assert 0 < stats.last_cycles < stats.latency_cycles <= stats.worst_latency_cycles
    assert board.simulator.unmodelled == {}


def test_switching_on_begins_a_new_recording(board: Board, graph) -> None:
    board.client.stream(True, period_ms=0)
    board.play(recording(WINDOW + 5, seed=1))
    counts = recording(WINDOW, seed=2)
    board.client.stream(True, period_ms=0)
    (answer,) = board.play(counts)
    assert board.windows[-1] == codes_of(graph, counts[None]).tobytes()
    assert answer.index == 0


@pytest.mark.skipif(not CWRU.is_file(), reason="skipped: no shared data")
def test_a_real_recording_gives_the_windows_of_training(board: Board, graph) -> None:
    with np.load(CWRU) as data:
        names = ("B007_0_DE", "B007_0_FE", "IR014_2_DE")
        counts = np.stack([data[name][:800] for name in names], axis=1)
    assert counts.dtype == np.int16
    # Training's own way: normalised floats, whose counts are quantised.
    normalised = ((counts * np.array(CHANNEL_SCALES) - MEAN) / STD).astype(np.float32)
    counted = count_normalisation(MEAN, STD, CHANNEL_SCALES, CHANNELS)
    quantizer = count_quantizer_of(graph)
    trained = quantizer.quantize(counted.counts_of(windows_of(normalised)))
    board.client.stream(True, period_ms=0)
    answers = board.play(counts)
    assert board.windows == [codes.tobytes() for codes in trained]
    assert len(answers) == len(trained) == 65
    assert len(set(board.windows)) == 65


def test_without_streaming_the_host_is_told_that_nothing_leaves(board: Board) -> None:
    with pytest.raises(DeviceError, match="it took nothing 4 times in a row"):
        list(play(board.client, recording(100, seed=1), patience=3))


def test_samples_of_a_wrong_length_are_refused(board: Board) -> None:
    for wrong in (np.zeros((4, 1), np.int16), np.zeros((33, 3), np.int16)):
        with pytest.raises(DeviceError, match="wrong length"):
            board.client.samples(wrong)
    with pytest.raises(UsageError, match="int16"):
        board.client.samples(np.zeros((3, 3), np.int8))
    assert board.client.samples(np.zeros((0, 3), np.int16)) == 0


def test_a_firmware_of_another_sensor_takes_no_samples(tmp_path, graph) -> None:
    compile_model(graph, tflite.write_model(graph), tmp_path / "code")
    codes = codes_of(graph, counts_of_sensor(4))
    known = codes, expected_outputs(graph, codes)
    generate(tmp_path / "code", BOARD, *known, tmp_path / "project", "demo")
    other = Board(build(tmp_path / "project", BOARD).elf)
    with pytest.raises(DeviceError, match="it is replay"):
        list(play(other.client, recording(10, seed=1)))
    with pytest.raises(DeviceError, match="no such request"):
        other.client.samples(np.zeros((1, 3), np.int16))
