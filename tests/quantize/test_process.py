"""The child process: its answers and errors arrive, and its crashes become errors."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mcu_slm.errors import DataError, McuSlmError, ModelError, ToolError
from mcu_slm.quantize import Job, quantize_model
from tests.quantize import fake_tensorflow
from tests.quantize.fake_tensorflow import keras_file, seen_by_converter

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def _fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_tensorflow.install(tmp_path / "packages", monkeypatch)
    np.savez(tmp_path / "w.npz", y=np.zeros(40), x=np.arange(160.0).reshape(40, 4))


def job(folder: Path, windows: int = 8, **fields: Any) -> Job:
    model = keras_file(folder / "m.keras", b"the flatbuffer", **fields)
    return Job(model, folder / "w.npz", "w.npz", windows)


def failure(made: Job, kind: type[McuSlmError] = ModelError, seconds: float = 60.0) -> McuSlmError:
    with pytest.raises(kind) as caught:
        quantize_model(made, seconds)
    assert type(caught.value) is kind
    return caught.value


def test_bytes_and_facts_come_back(tmp_path: Path) -> None:
    made = job(tmp_path, inputs=[[None, 4, 1]])
    found = quantize_model(made)
    assert (found.raw, found.array) == (b"the flatbuffer", "x")
    assert (found.windows, found.available) == (8, 40)
    assert found.tensorflow == fake_tensorflow.VERSION
    rows = np.arange(160.0).reshape(40, 4)[[0, 6, 11, 17, 22, 28, 33, 39]]
    assert seen_by_converter(made.model) == {
        "shapes": [[1, 4, 1]] * 8,
        "sum": rows.sum(),
        "ops": ["int8 only"],
        "types": ["int8", "int8"],
    }


def test_a_crash_is_an_error_with_signal_and_stage(tmp_path: Path) -> None:
    error = failure(job(tmp_path, then="crash"))
    assert error.where == str(tmp_path / "m.keras")
    assert error.found == "TensorFlow crashed (signal 11) while converting"
    assert error.values == {"signal": 11}
    assert "to find the one that it crashes on" in error.remedy


def test_a_crash_on_recurrent_layers_names_them(tmp_path: Path) -> None:
    error = failure(job(tmp_path, then="crash", layers=["Dense", "LSTM", "Bidirectional"]))
    assert error.found.endswith(
        "the model has recurrent layers: 'lstm' (LSTM), 'bidirectional' (Bidirectional)"
    )
    assert "unroll=True" in error.remedy


def test_an_exit_without_an_answer_shows_the_last_line(tmp_path: Path) -> None:
    error = failure(job(tmp_path, then="exit"))
    assert error.found == "TensorFlow crashed (exit code 1) while converting: out of memory"


def test_a_converter_that_hangs_is_ended(tmp_path: Path) -> None:
    error = failure(job(tmp_path, then="hang"), seconds=3.0)
    assert error.found == "TensorFlow's converter gave no answer within 3 s"


@pytest.mark.parametrize(
    ("text", "where", "found"),
    [
        (
            '<unknown>:0: error: loc(callsite("net/dense/Lgamma@__inference" at 1)): '
            "'tf.Lgamma' op is neither a custom op nor a flex op\n more",
            "m.keras: net/dense/Lgamma",
            "TensorFlow's converter cannot convert tf.Lgamma",
        ),
        ("\n  no idea\nmore", "m.keras", "TensorFlow's converter gave up: no idea"),
    ],
)
def test_what_cannot_be_converted_is_named(
    tmp_path: Path, text: str, where: str, found: str
) -> None:
    error = failure(job(tmp_path, then="raise", text=text))
    assert (error.where, error.found) == (f"{tmp_path}/{where}", found)
    assert error.remedy == "Replace the layer; mcu-slm ops lists what runs."


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"inputs": [[None, 4], [None, 4]]}, "the model has 2 inputs (in0, in1)"),
        ({"inputs": []}, "the model does not say what its input is"),
        ({"inputs": [[8, 4]]}, "its input has a fixed batch of 8"),
        ({"inputs": [[None]]}, "its input has shape (None,)"),
        ({"cannot load": "Unknown layer: Mine"}, "Keras cannot load it: Unknown layer: Mine"),
    ],
)
def test_models_that_cannot_be_taken(tmp_path: Path, fields: dict[str, Any], found: str) -> None:
    error = failure(job(tmp_path, **fields))
    assert error.where == str(tmp_path / "m.keras")
    assert error.found == found
    assert error.expected


def test_windows_of_another_shape_are_the_datas_error(tmp_path: Path) -> None:
    error = failure(job(tmp_path, inputs=[[None, 5]]), DataError)
    assert error.where == "w.npz"
    assert error.expected.startswith("[windows, 5]")


def test_a_tensorflow_that_does_not_load_is_a_tool_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_TENSORFLOW", "broken")
    error = failure(job(tmp_path), ToolError)
    assert error.found == "cannot be imported: libtensorflow.so is cut short"
    assert "mcu-slm[keras]" in error.remedy


def test_without_tensorflow_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    error = failure(job(tmp_path), ToolError)
    assert error.message() == (
        "quantize: the Python package tensorflow-cpu is not installed. "
        "Install it with: pip install 'mcu-slm[keras]'"
    )


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("none.keras", "no such file or folder"),
        ("empty", "a folder without saved_model.pb"),
        ("w.npz", "a file of kind '.npz'"),
    ],
)
def test_what_is_no_model_by_its_looks(tmp_path: Path, name: str, found: str) -> None:
    (tmp_path / "empty").mkdir()
    error = failure(Job(tmp_path / name, tmp_path / "w.npz", "w.npz", 8))
    assert error.found == found
    assert error.expected == "a .keras file, or the folder of a SavedModel"
