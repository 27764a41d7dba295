"""The whole way from recordings on: training, conversion, firmware, proof."""

from __future__ import annotations

import numpy as np
import pytest

from mcu_slm import judge
from mcu_slm.config import load_project
from mcu_slm.pipeline.gate import find_run, require_proof
from mcu_slm.pipeline.run_folder import RunFolder, Silence
from mcu_slm.pipeline.whole import Outcome, run_project

pytest.importorskip("torch", reason="skipped: torch is not installed")
pytest.importorskip("unicorn", reason="skipped: unicorn is not installed")
pytestmark = [
    pytest.mark.emulator,
    pytest.mark.slow,
    pytest.mark.skipif(not judge.available("tflm"), reason="skipped: no judge"),
]

PROJECT = """
[project]
name = "waves"
[data]
format = "npz"
files = ["waves.npz"]
channels = ["x"]
channel_units = ["g"]
sampling_rate_hz = 50
window_samples = 32
[data.train]
windows = "x_train"
labels = "y_train"
[data.test]
windows = "x_test"
labels = "y_test"
[data.split]
kind = "official"
validation_fraction = 0.25
[model]
family = "bilstm"
units = 12
stem_width = 8
[teacher]
enabled = false
[train]
student_epochs = 6
qat_epochs = 2
[train.prune]
keep_instructions = 0.8
epochs = 2
[board]
name = "nucleo_f446re"
[verify]
sim_windows = 3
random_windows = 8
"""


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    folder = tmp_path_factory.mktemp("waves")
    rng = np.random.default_rng(4)
    arrays = {}
    for split in ("train", "test"):
        y = np.arange(80) % 2
        phase = rng.uniform(0, 2 * np.pi, (80, 1))
        waves = np.sin(2 * np.pi * np.where(y, 7, 2)[:, None] * np.arange(32) / 32 + phase)
        waves += 0.3 * rng.standard_normal(waves.shape)
        arrays |= {f"x_{split}": waves[..., None].astype(np.float32), f"y_{split}": y}
    np.savez(folder / "waves.npz", **arrays)
    (folder / "mcu_slm.toml").write_text(PROJECT, encoding="utf-8")
    run = RunFolder(folder / "run", Silence())
    return run_project(load_project(folder / "mcu_slm.toml"), run)


def test_a_recurrent_student_learns_is_pruned_and_proved_on_every_leg(outcome: Outcome) -> None:
    assert outcome.training is not None
    assert outcome.training["metrics"]["int8"]["test"]["accuracy"] >= 0.9
    assert outcome.training["removals"]
    legs = {leg.leg: leg for leg in outcome.proof.legs}
    for leg in ("torch", "tflm", "numpy", "host", "sim"):
        assert (legs[leg].status, legs[leg].differing) == ("ok", 0), leg
    assert outcome.proof.complete
    require_proof(*find_run(outcome.run.folder))


@pytest.mark.skipif(not judge.available("litert"), reason="skipped: no ai-edge-litert")
def test_litert_computes_gates_differently_which_is_told_and_refuses_nothing(
    outcome: Outcome,
) -> None:
    legs = {leg.leg: leg for leg in outcome.proof.legs}
    litert = legs["litert"]
    assert (litert.status, litert.information) == ("differs", True)
    assert litert.windows == legs["tflm"].windows
    assert "litert" in outcome.run.report.read_text(encoding="utf-8")
    require_proof(*find_run(outcome.run.folder))
