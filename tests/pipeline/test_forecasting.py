"""`mcu-slm forecast`: a trained token model continues a recording."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mcu_slm.config import Project, load_project
from mcu_slm.errors import DataError, ModelError
from mcu_slm.pipeline import training
from mcu_slm.pipeline.forecasting import Forecast, forecast_recording
from mcu_slm.pipeline.run_folder import RunFolder, Silence

pytest.importorskip("torch", reason="skipped: torch is not installed")
pytestmark = pytest.mark.host

PROJECT = """
[project]
name = "cycle"
[data]
format = "csv"
files = ["*.csv"]
channels = ["level"]
channel_units = ["V"]
sampling_rate_hz = 10
window_samples = 13
hop_samples = 1
label = { column = "state" }
[data.split]
kind = "probation"
probation_fraction = 0.5
validation_fraction = 0.3
[task]
kind = "anomaly"
normal_labels = ["ok"]
[model]
family = "token-lm"
width = 16
blocks = 1
ffn_width = 16
bins = 8
scored_samples = 2
[teacher]
enabled = false
[train]
student_epochs = 40
learning_rate = 0.01
qat_epochs = 2
[train.augment]
enabled = false
[board]
name = "nucleo_f446re"
"""
LEVELS = (1.0, 4.0, 2.0, 3.0)


def write_cycle(path: Path, samples: int, broken_at: int = -1) -> Path:
    rows = [
        f"{0.5 if i == broken_at else LEVELS[i % 4]},{'odd' if i == broken_at else 'ok'}"
        for i in range(samples)
    ]
    path.write_text("level,state\n" + "\n".join(rows) + "\n")
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, RunFolder]:
    folder = tmp_path_factory.mktemp("cycle")
    write_cycle(folder / "machine.csv", 600, broken_at=450)
    (folder / "mcu_slm.toml").write_text(PROJECT)
    project = load_project(folder / "mcu_slm.toml")
    run = RunFolder(folder / "runs" / "cycle", Silence(), False)
    training.train(project, training.load_recordings(project, run), run)
    return project, run


def test_a_cycle_goes_on_in_its_unit(trained, tmp_path: Path) -> None:
    past = write_cycle(tmp_path / "past.csv", 30)
    found = forecast_recording(*trained, past, 6)
    assert found.channels == ("level",)
    expected = [LEVELS[i % 4] for i in range(30, 36)]
    np.testing.assert_allclose([row[0] for row in found.rows], expected, atol=0.6)
    assert found.csv().splitlines()[0] == "level"
    assert len(found.csv().splitlines()) == 7


def test_a_recording_that_does_not_do_is_named(trained, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such file"):
        forecast_recording(*trained, tmp_path / "none.csv", 1)
    (tmp_path / "other.csv").write_text("speed\n1\n2\n")
    with pytest.raises(DataError, match="no column 'level'"):
        forecast_recording(*trained, tmp_path / "other.csv", 1)
    with pytest.raises(ModelError, match="a past of shape"):
        forecast_recording(*trained, write_cycle(tmp_path / "short.csv", 3), 1)


def test_an_untrained_project_is_named(trained, tmp_path: Path) -> None:
    project, _ = trained
    run = RunFolder(tmp_path / "runs", Silence(), False)
    with pytest.raises(ModelError, match="nothing is trained there"):
        forecast_recording(project, run, tmp_path / "past.csv", 1)


def test_symbols_are_printed_as_such() -> None:
    assert Forecast(("event",), (("start",), ("stop",))).csv() == "event\nstart\nstop\n"
