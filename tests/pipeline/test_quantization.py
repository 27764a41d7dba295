"""From a Keras file to a flatbuffer on disk: what travels in it; nothing bad is written."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mcu_slm import tflite
from mcu_slm.errors import DataError, McuSlmError, ModelError, ToolError, UsageError
from mcu_slm.metadata import read_info
from mcu_slm.pipeline.quantization import Written, quantize_file
from mcu_slm.pipeline.run_folder import Silence
from tests.cli.test_cli import cli, one_error
from tests.models import tiny
from tests.quantize import fake_tensorflow
from tests.quantize.fake_tensorflow import keras_file, seen_by_converter

pytestmark = pytest.mark.unit

PROJECT = """
[project]
name = "door"
[task]
TASK
[data]
format = "npz"
files = ["data.npz"]
all = { windows = "X", TRUTH, groups = "g" }
channels = ["a", "b"]
channel_units = ["g", "V"]
sampling_rate_hz = 50
window_samples = 2
[data.split]
kind = "by_group"
[model]
patch_samples = 1
patch_stride_samples = 1
[board]
name = "nucleo_f446re"
"""
CLASSES = ('kind = "classification"', 'labels = "y"')
VALUES = ('kind = "regression"\nunit = "mm"\nmin = 0\nmax = 9', 'target = "t"')


@pytest.fixture(autouse=True)
def _fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_tensorflow.install(tmp_path / "packages", monkeypatch)
    x = np.random.default_rng(0).normal(3.0, 2.0, (60, 2, 2)).astype(np.float32)
    y, groups = np.arange(60) % 2, np.arange(60) // 6
    np.savez(
        tmp_path / "data.npz",
        X=x,
        y=np.array(["no", "yes"])[y],
        three=np.array(["a", "b", "c"])[np.arange(60) % 3],
        g=groups,
        t=y.astype(np.float32),
    )


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return keras_file(tmp_path / "m.keras", tflite.write_model(tiny()))


def project(folder: Path, task: tuple[str, str] = CLASSES) -> Path:
    path = folder / "mcu_slm.toml"
    path.write_text(PROJECT.replace("TASK", task[0]).replace("TRUTH", task[1]))
    return path


def quantized(model: Path, data: Path, windows: int = 16, array: str | None = None) -> Written:
    return quantize_file(
        model, data, model.with_name("out.tflite"), windows, array, reporter=Silence()
    )


def refused(kind: type[McuSlmError], model: Path, data: Path, **fields: Any) -> McuSlmError:
    with pytest.raises(kind) as caught:
        quantized(model, data, **fields)
    assert not model.with_name("out.tflite").exists()
    return caught.value


def test_arrays_give_the_converters_bytes_as_they_are(tmp_path: Path, model: Path) -> None:
    np.savez(tmp_path / "w.npz", x=np.zeros((40, 4)))
    written = quantized(model, tmp_path / "w.npz")
    assert (tmp_path / "out.tflite").read_bytes() == tflite.write_model(tiny())
    assert written.info is None
    assert written.lines()[-2] == "calibrated on 16 of 40 windows of x, TensorFlow 2.21.fake"
    facts = written.to_json()
    assert facts["calibration"] == {"array": "x", "windows": 16, "available": 40}
    assert (facts["task"], facts["labels"], facts["macs"]) == ("", [], 8)


def test_a_project_gives_normalised_training_windows_and_meaning(
    tmp_path: Path, model: Path
) -> None:
    keras_file(model, tflite.write_model(tiny()), inputs=[[None, 2, 1, 2]])
    written = quantized(model, project(tmp_path), windows=1000)
    seen = seen_by_converter(model)
    assert len(seen["shapes"]) == written.quantized.available > 30
    assert seen["shapes"][0] == [1, 2, 1, 2]
    assert abs(seen["sum"]) < 1e-3  # normalised over exactly these windows
    graph, _ = tflite.read_file(tmp_path / "out.tflite")
    info = read_info(graph.metadata)
    assert (info.labels, info.task, info.units) == (("no", "yes"), "classification", ("g", "V"))
    assert len(info.mean) == len(info.std) == 2
    assert abs(info.mean[0] - 3.0) < 1.0
    assert written.to_json()["labels"] == ["no", "yes"]


def test_a_model_with_other_answers_than_the_projects_is_refused(
    tmp_path: Path, model: Path
) -> None:
    keras_file(model, tflite.write_model(tiny()), inputs=[[None, 2, 2]])
    error = refused(ModelError, model, project(tmp_path, VALUES))
    assert error.found == "outputs of shape [1, 2]"
    assert error.expected.startswith("one int8 output of one value in mm")
    error = refused(ModelError, model, project(tmp_path, (CLASSES[0], 'labels = "three"')))
    assert error.expected.startswith("one int8 output of 3 classes")


def test_a_project_of_other_windows_is_refused_by_its_name(tmp_path: Path, model: Path) -> None:
    keras_file(model, tflite.write_model(tiny()), inputs=[[None, 3, 2]])
    error = refused(DataError, model, project(tmp_path))
    assert error.where == str(tmp_path / "mcu_slm.toml")
    assert error.expected.startswith("[windows, 3, 2]")


def test_an_unsupported_model_is_not_written(tmp_path: Path, model: Path) -> None:
    np.save(tmp_path / "w.npy", np.zeros((40, 4)))
    keras_file(model, b"TFL3 but nothing else")
    refused(ModelError, model, tmp_path / "w.npy")


@pytest.mark.parametrize(
    ("data", "array", "kind", "message"),
    [
        ("w.csv", None, UsageError, r"a file of kind '\.csv'; expected an \.npz or \.npy"),
        ("w.npz", None, DataError, r"w\.npz: no such file"),
        ("mcu_slm.toml", "x", UsageError, r"Drop --array"),
    ],
)
def test_data_that_is_none(
    tmp_path: Path, model: Path, data: str, array: str | None, kind: type[McuSlmError], message: str
) -> None:
    with pytest.raises(kind, match=message):
        quantized(model, tmp_path / data, array=array)


def test_the_command_says_what_it_did_or_one_error(tmp_path: Path, model: Path) -> None:
    np.save(tmp_path / "w.npy", np.zeros((40, 4)))
    arguments = ("quantize", model, "--data", "w.npy", "--out", "m.tflite")
    done = cli(*arguments, "--windows", 3, cwd=tmp_path, PYTHONPATH=_path(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "calibrated on 3 of 40 windows, TensorFlow 2.21.fake" in done.stdout
    assert "next: mcu-slm run --model m.tflite --board NAME" in done.stdout
    done = cli(*arguments, "--json", cwd=tmp_path, PYTHONPATH=_path(tmp_path))
    assert json.loads(done.stdout)["calibration"]["windows"] == 40
    keras_file(model, then="crash")
    done = cli(*arguments, cwd=tmp_path, PYTHONPATH=_path(tmp_path))
    assert "crashed (signal 11) while converting" in one_error(done, 2)


def test_without_tensorflow_no_recording_is_read(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mcu_slm.toml").write_text("no project")
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    error = refused(ToolError, model, tmp_path / "mcu_slm.toml")
    assert error.exit_code == 3
    assert error.remedy == "Install it with: pip install 'mcu-slm[keras]'"


def _path(folder: Path) -> str:
    return f"{folder / 'packages'}:{fake_tensorflow.ROOT}"
