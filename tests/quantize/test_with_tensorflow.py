"""TensorFlow itself: what it makes of Keras models gives the judge's bytes (`make keras`)."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mcu_slm import judge, ops
from mcu_slm.errors import ModelError, UnsupportedOperatorError
from mcu_slm.ops import reference
from mcu_slm.quantize import Job, quantize_model, read_quantized
from mcu_slm.rows import unpack
from mcu_slm.verify.inputs import graph_windows
from tests.models import needs_judge

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("tensorflow") is None,
        reason="skipped: TensorFlow is not installed (make keras)",
    ),
]

MODELS = {
    "convolutions": """
h = L.Conv1D(8, 5, strides=2, padding="same", activation="relu")(x)
h = L.BatchNormalization()(h)
h = L.MaxPooling1D(2)(h)
y = L.Dense(4, activation="softmax")(L.Flatten()(h))
""",
    "separable": """
h = L.SeparableConv1D(8, 3, padding="same")(x)
h = L.ReLU(6.0)(L.BatchNormalization()(h))
h = L.DepthwiseConv1D(5, padding="same", activation="relu")(h)
y = L.Dense(4)(L.GlobalAveragePooling1D()(h))
""",
    "transformer": """
h = L.Conv1D(8, 5, strides=5)(x)
h = L.LayerNormalization()(h + L.MultiHeadAttention(2, 4)(h, h))
h = L.RMSNormalization()(h + L.Dense(8)(L.Dense(16, activation="silu")(h)))
y = L.Dense(4, activation="softmax")(L.GlobalAveragePooling1D()(h))
""",
    "lstm": "y = L.Dense(4)(L.LSTM(4)(x))",
    "elu": "y = L.Dense(4)(L.Flatten()(L.Conv1D(4, 3, activation='elu')(x)))",
    "cholesky": "h = keras.ops.cholesky(L.Reshape((20, 3, 3))(x))\ny = L.Dense(4)(L.Flatten()(h))",
}
"""Layers between the input x [20, 9] and the output y."""

_SCRIPT = """
import keras
from keras import layers as L
keras.utils.set_random_seed(1)
"""
_MODEL = """
x = keras.Input((20, 9))
{layers}
model = keras.Model(x, y)
model.save("{name}.keras")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All models and windows for them; Keras runs in a process of its own here, too."""
    path = tmp_path_factory.mktemp("keras")
    np.save(path / "w.npy", np.random.default_rng(1).normal(size=(64, 20, 9)))
    models = (_MODEL.format(name=name, layers=layers) for name, layers in MODELS.items())
    export = 'keras.models.load_model("convolutions.keras").export("saved", verbose=False)'
    subprocess.run(
        [sys.executable, "-c", "\n".join([_SCRIPT, *models, export])],
        cwd=path,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=True,
        capture_output=True,
        timeout=300,
    )
    return path


def job(folder: Path, name: str) -> Job:
    return Job(folder / name, folder / "w.npy", "w.npy", 32)


@needs_judge
@pytest.mark.parametrize(
    "name", ["convolutions.keras", "separable.keras", "transformer.keras", "saved"]
)
def test_what_is_converted_runs_and_the_judge_agrees(folder: Path, name: str) -> None:
    found = quantize_model(job(folder, name))
    graph, warnings = read_quantized(found.raw, name)
    assert warnings == ()
    assert (found.windows, found.available) == (32, 64)
    assert graph.tensor(graph.inputs[0]).shape == (1, 20, 9)
    ends = (*graph.inputs, *graph.outputs)
    assert {graph.tensor(number).dtype for number in ends} == {"int8"}
    windows = graph_windows(graph, 32, seed=1)
    judged = judge.run(found.raw, unpack(graph, graph.inputs, windows))
    folded = ops.fold_graph(graph)
    values = reference.run(folded, ops.parse_graph(folded), unpack(folded, folded.inputs, windows))
    np.testing.assert_array_equal(values[folded.outputs[0]], judged[0])


def test_a_recurrent_layer_that_crashes_the_converter_is_named(folder: Path) -> None:
    with pytest.raises(ModelError, match=r"crashed \(signal 11\) .*'lstm' \(LSTM\)"):
        quantize_model(job(folder, "lstm.keras"))


def test_what_stays_in_float_is_named(folder: Path) -> None:
    found = quantize_model(job(folder, "elu.keras"))
    with pytest.raises(UnsupportedOperatorError, match=r"in float: ELU in \S*conv1d\S*/Elu;"):
        read_quantized(found.raw, "elu.keras")


def test_what_has_no_built_in_operator_is_named(folder: Path) -> None:
    with pytest.raises(ModelError, match=r"converter cannot convert tf\.Cholesky;"):
        quantize_model(job(folder, "cholesky.keras"))
