"""A model that keeps state, from flatbuffer to firmware on the board simulator."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mcu_slm import boards, judge, tflite
from mcu_slm.errors import ProofError
from mcu_slm.pipeline.run_folder import RunFolder, Silence
from mcu_slm.pipeline.targets import open_target, prove
from mcu_slm.pipeline.whole import Outcome, run_model
from mcu_slm.protocol import Client, Prediction
from mcu_slm.rows import pack, unpack
from mcu_slm.verify import graph_windows
from tests.streaming_layers import streaming
from tests.verify.test_streams import layer_of

pytest.importorskip("unicorn", reason="skipped: unicorn is not installed")
from mcu_slm.simulator import BoardSimulator

pytestmark = [
    pytest.mark.emulator,
    pytest.mark.skipif(not judge.available("tflm"), reason="skipped: no judge"),
]

BOARD = "nucleo_f446re"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "streaming.tflite"
    path.write_bytes(tflite.write_model(streaming()))
    return path


@pytest.fixture(scope="module")
def outcome(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    run = RunFolder(tmp_path_factory.mktemp("runs") / "streaming", Silence())
    return run_model(model, boards.load_board(BOARD), run)


def test_every_leg_proves_the_stream(outcome: Outcome) -> None:
    assert outcome.proof.complete
    legs = {leg.leg: leg for leg in outcome.proof.legs}
    assert all(legs[leg].status == "ok" for leg in ("tflm", "numpy", "host", "sim"))
    assert legs["sim"].windows >= 8


def test_the_state_is_counted(outcome: Outcome) -> None:
    assert outcome.cost["state_bytes"] > 0
    assert outcome.cost["ram_bytes"] >= outcome.cost["arena_bytes"] + outcome.cost["state_bytes"]
    assert f"| of it the state | {outcome.cost['state_bytes']} |" in outcome.run.report.read_text()


@pytest.fixture
def stream(model: Path) -> tuple[np.ndarray, np.ndarray]:
    """Windows and the judge's outputs of one stream."""
    graph, raw = tflite.read_file(model)
    windows = graph_windows(graph, 10, seed=31)
    outputs = judge.run(raw, unpack(graph, graph.inputs, windows))
    return windows, pack(graph, graph.outputs, outputs)


def test_the_firmware_continues_a_stream_until_it_is_restarted(
    outcome: Outcome, stream: tuple[np.ndarray, np.ndarray]
) -> None:
    windows, expected = stream
    simulator = BoardSimulator(boards.load_board(BOARD), outcome.build.elf)
    client = Client(simulator.port, timeout=60.0)
    for _ in range(2):
        for window, right in zip(windows, expected, strict=True):
            assert client.infer(window).output.tolist() == right.tolist()
        assert client.self_test().passed
    restarted = client.infer(windows[0]).output.tolist()
    continued = client.infer(windows[0]).output.tolist()
    assert restarted == expected[0].tolist() != continued


def test_the_sensors_stream_begins_anew_when_it_is_switched_on(
    outcome: Outcome, model: Path
) -> None:
    """The stand-in sensor replays the known inputs, over and over, as one stream."""
    graph, raw = tflite.read_file(model)
    known = graph_windows(graph, 64, seed=1)[:4]
    simulator = BoardSimulator(boards.load_board(BOARD), outcome.build.elf)
    client = Client(simulator.port, timeout=60.0)
    client.infer(known[2])
    client.stream(True, period_ms=0)
    found: list[list[int]] = []
    for event in client.events(10.0):
        if isinstance(event, Prediction):
            found.append(event.output.tolist())
        if len(found) == 6:
            break
    replayed = np.concatenate([known, known[:2]])
    outputs = judge.run(raw, unpack(graph, graph.inputs, replayed))
    assert found == pack(graph, graph.outputs, outputs).tolist()


@pytest.mark.parametrize(
    ("file", "right", "wrong", "op", "nth", "at_boot"),
    [
        ("model.c", "memset(STATE_REST, -7,", "memset(STATE_REST, 121,", "READ_VARIABLE", 1, True),
        ("model_weights.c", "_svdf_feature[", None, "SVDF", 0, False),
    ],
)
def test_a_flipped_bit_fails_the_proof(
    file: str,
    right: str,
    wrong: str | None,
    op: str,
    nth: int,
    at_boot: bool,
    outcome: Outcome,
    model: Path,
) -> None:
    """On the simulator too: at boot, or where the stream first shows it."""
    path = outcome.run.code / file
    text = path.read_text()
    path.write_text(text.replace(right, wrong, 1) if wrong else _flip_first_weight(text, right))
    index = layer_of(streaming(), op, nth)
    try:
        with pytest.raises(ProofError, match=rf"leg host.*layer {index} .*\({op}\)"):
            run_model(model, outcome.board, RunFolder(outcome.run.folder, Silence()))
        target = open_target(outcome.run.folder, None, outcome.run.folder.parent, Silence(), False)
        sim = prove(target, ("tflm", "sim"), None, 40, 1, None).legs[1]
        assert sim.status == "differs"
        assert ("the known-answer test at boot fails" in sim.reason) == at_boot
        assert f"layer {index} " in sim.reason
        assert sim.difference is not None
        assert (sim.difference.window >= 4) != at_boot
    finally:
        run_model(model, outcome.board, RunFolder(outcome.run.folder, Silence(), True))
    assert path.read_text() == text


def _flip_first_weight(text: str, symbol: str) -> str:
    """Flip bit 6 of the first number of an array."""
    start = text.index("{\n", text.index(symbol))
    number = text.index("    ", text.index("*/", start)) + 4
    end = text.index(",", number)
    return text[:number] + str(int(text[number:end]) ^ 64) + text[end:]
