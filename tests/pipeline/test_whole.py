"""The whole way on small models: from a flatbuffer, and from recordings."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from mcu_slm import boards, judge, tflite
from mcu_slm.compile import Choices
from mcu_slm.config import BudgetConfig
from mcu_slm.errors import BudgetError, ProofError, UsageError
from mcu_slm.pipeline import deployment
from mcu_slm.pipeline.evidence import Evidence
from mcu_slm.pipeline.gate import find_run, require_proof
from mcu_slm.pipeline.run_folder import RunFolder, Silence
from mcu_slm.pipeline.targets import open_target, prove
from mcu_slm.pipeline.whole import Outcome, run_model
from tests.models import tiny

pytest.importorskip("unicorn", reason="skipped: unicorn is not installed")
pytestmark = [
    pytest.mark.emulator,
    pytest.mark.skipif(not judge.available("tflm"), reason="skipped: no judge"),
]

BOARD = "nucleo_f446re"


class Recorder(Silence):
    """Remembers which stages ran and which were skipped."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.skipped: list[str] = []
        self.warnings: list[str] = []

    def finish(self, stage: str, result: str, *, skipped: bool = False) -> None:
        (self.skipped if skipped else self.ran).append(stage)

    def warn(self, text: str) -> None:
        self.warnings.append(text)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "tiny.tflite"
    path.write_bytes(tflite.write_model(tiny()))
    return path


@pytest.fixture(scope="module")
def outcome(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    run = RunFolder(tmp_path_factory.mktemp("runs") / "tiny", Recorder())
    return run_model(model, boards.load_board(BOARD), run)


def _again(outcome: Outcome, model: Path, *, force: bool = False) -> Recorder:
    reporter = Recorder()
    run_model(model, outcome.board, RunFolder(outcome.run.folder, reporter, force))
    return reporter


def test_a_model_from_elsewhere_is_proved_on_every_leg(outcome: Outcome) -> None:
    assert outcome.proof.complete
    statuses = {leg.leg: (leg.status, leg.differing) for leg in outcome.proof.legs}
    for leg in ("tflm", "numpy", "host", "sim"):
        assert statuses[leg] == ("ok", 0)


def test_the_measurement_has_every_field_and_adds_up(outcome: Outcome) -> None:
    cost = outcome.cost
    assert cost["macs"] == 8
    layers = sum(layer["instructions"] for layer in cost["layers"])
    assert 0 < layers <= cost["instructions"]
    assert cost["weight_bytes"] == 8 + 2 * 4  # int8 weights, int32 biases
    assert 0 < cost["model_code_bytes"] < cost["flash_bytes"]
    assert cost["estimated_cycles"] >= cost["instructions"]
    assert 0 < cost["stack_bytes"] < outcome.build.stack_bytes
    assert 0 < cost["model_stack_bytes"] < cost["program_stack_bytes"] < outcome.build.stack_bytes
    assert cost["stack_bytes"] <= cost["program_stack_bytes"]  # seen, and the most that may be


def test_the_evidence_carries_hashes_and_the_report_the_proof(outcome: Outcome) -> None:
    evidence = Evidence(outcome.run.folder)
    assert evidence.edited("firmware") == []
    proof = evidence.fields["proof"]
    assert proof["complete"]
    assert re.fullmatch("[0-9a-f]{64}", proof["elf_sha256"])
    assert "The proof is complete." in outcome.run.report.read_text()
    require_proof(*find_run(outcome.run.folder))


def test_running_again_skips_what_has_not_changed(outcome: Outcome, model: Path) -> None:
    reporter = _again(outcome, model)
    assert reporter.ran == []
    assert reporter.skipped == ["firmware", "build", "verify", "bench"]


def test_a_flipped_weight_fails_the_proof_names_the_layer_and_is_not_flashed(
    outcome: Outcome, model: Path
) -> None:
    weights = outcome.run.code / "model_weights.c"
    right = weights.read_text()
    first = re.compile(r"(_weights\[\d+\] = \{\s*(?:/\*.*?\*/\s*)?)(\d+)")
    assert first.search(right)
    weights.write_text(first.sub(lambda m: m[1] + str(int(m[2]) + 1), right, count=1))
    try:
        with pytest.raises(ProofError, match=r"leg host.*layer 0 logits \(FULLY_CONNECTED\)"):
            _again(outcome, model)
        with pytest.raises(ProofError, match="the proof failed"):
            require_proof(*find_run(outcome.run.folder))
        target = open_target(outcome.run.folder, None, outcome.run.folder.parent, Silence(), False)
        proof = prove(target, ("tflm", "sim"), None, None, 1, None)
        assert proof.differs
        assert "layer 0 logits" in proof.legs[1].reason
    finally:
        _again(outcome, model, force=True)
    assert weights.read_text() == right
    require_proof(*find_run(outcome.run.folder))


def test_an_edit_is_never_written_over_when_the_code_has_to_be_generated_again(
    outcome: Outcome, model: Path
) -> None:
    weights = outcome.run.code / "model_weights.c"
    generated = weights.read_text()
    weights.write_text(generated + "/* mine */\n")
    smaller = Choices(optimize="size")
    with pytest.raises(UsageError, match=r"generated files were edited: \S*model_weights\.c"):
        run_model(model, boards.load_board(BOARD), outcome.run, choices=smaller)
    assert weights.read_text() == generated + "/* mine */\n"
    weights.write_text(generated)
    run_model(model, boards.load_board(BOARD), outcome.run)


def test_given_windows_go_through_the_legs_that_are_asked_for(
    outcome: Outcome, model: Path, tmp_path: Path
) -> None:
    windows = np.arange(-10, 10, dtype=np.int8).reshape(5, 1, 4)
    np.save(tmp_path / "x.npy", windows)
    target = open_target(model, BOARD, outcome.run.folder.parent, Silence(), False)
    proof = prove(target, ("tflm", "numpy", "host", "sim"), tmp_path / "x.npy", None, 1, None)
    assert [(leg.status, leg.windows, leg.bytes) for leg in proof.legs] == [("ok", 5, 10)] * 4


def test_limits_of_the_project_are_compared_with_the_measurement(outcome: Outcome) -> None:
    assert outcome.cost["available_cycles"] is None  # the model does not say how often it runs
    deployment.check_budget(outcome.cost, BudgetConfig(flash_bytes=100_000, cycles=10**9))
    with pytest.raises(BudgetError, match=r"\[budget\] cycles: the model needs [\d,]+ estimated"):
        deployment.check_budget(outcome.cost, BudgetConfig(cycles=1))
    late = {**outcome.cost, "available_cycles": outcome.cost["estimated_cycles"] - 1}
    with pytest.raises(BudgetError, match="from one window to the next"):
        deployment.check_budget(late, BudgetConfig())
