"""A detector learned from normal windows, from the recipe to the judge."""

from dataclasses import dataclass

import numpy as np
import pytest

from mcu_slm import judge, tflite
from mcu_slm.config import AnomalyTask, AugmentConfig, PruneConfig
from mcu_slm.convert import convert
from mcu_slm.metadata import ModelInfo, read_info
from mcu_slm.train import train_model
from tests.train.example import CHANNELS, Identity, cost_of, make_info, make_project, quiet

pytestmark = pytest.mark.unit

SAMPLES = 24


@dataclass(frozen=True)
class Split:
    x: np.ndarray
    y: np.ndarray
    at_end: np.ndarray
    recording: np.ndarray
    start: np.ndarray


@dataclass(frozen=True)
class Dataset:
    train: Split
    validation: Split
    test: Split
    classes: tuple[str, ...] = ("normal", "anomaly")


def recording(samples: int, seed: int, faults: tuple[int, ...] = ()) -> Split:
    """Three slow oscillations, which stand still from the samples `faults` on, for a while."""
    rng = np.random.default_rng(seed)
    time = np.arange(samples)[:, None]
    wave = np.sin(2 * np.pi * time / np.array([12.0, 16.0, 20.0]) + rng.uniform(0, 6, CHANNELS))
    label = np.zeros(samples, np.int64)
    for fault in faults:
        wave[fault : fault + 20] = 1.6
        label[fault : fault + 20] = 1
    wave += 0.05 * rng.standard_normal(wave.shape)
    start = np.arange(samples - SAMPLES + 1)
    rows = start[:, None] + np.arange(SAMPLES)
    inside = label[rows]
    x = wave[rows].astype(np.float32)
    return Split(x, inside.max(1), inside[:, -1], np.zeros_like(start), start)


@pytest.fixture(scope="module")
def dataset():
    return Dataset(recording(400, 0), recording(200, 1), recording(400, 2, (120, 300)))


@pytest.fixture(scope="module")
def result(dataset, tmp_path_factory):
    project = make_project(
        SAMPLES,
        model={"family": "token-lm", "bins": 12, "scored_samples": 4},
        student_epochs=4,
        qat_epochs=1,
        prune=PruneConfig(keep_instructions=1.0),
        augment=AugmentConfig(enabled=False),
    )
    task = AnomalyTask(kind="anomaly", normal_labels=("normal",), false_alarm_rate=0.01)
    project = project.model_copy(update={"task": task})
    folder = tmp_path_factory.mktemp("run")
    return train_model(dataset, Identity(), project, folder, quiet, cost_of)


def test_both_faults_are_found_in_int8_with_few_false_alarms(result):
    found = result.metrics["int8"]["test"]
    assert (found["anomalies"], found["anomalies_found"]) == (2, 2)
    assert found["auroc"] > 0.95
    assert found["false_alarms_per_1000"] < 60


def test_there_is_no_teacher(result):
    assert "teacher" not in result.metrics
    assert result.parameters["teacher"] == 0


def test_the_threshold_lets_the_wished_share_of_normal_windows_alarm(result, dataset):
    scores = result.trained.answer(dataset.validation.x).flatten()
    threshold = result.metrics["int8"]["validation"]["threshold"]
    assert int((scores > threshold).sum()) <= 0.01 * len(scores)
    assert bool((scores >= threshold).any())


@pytest.mark.skipif(not judge.available("tflm"), reason="tflite-micro not installed")
def test_the_judge_gives_the_same_alarms(result, dataset):
    threshold = result.metrics["int8"]["test"]["threshold"]
    info = {**vars(make_info(SAMPLES)), "labels": (), "threshold": threshold}
    graph = convert(result.trained, ModelInfo(**info))
    raw = tflite.write_model(graph)
    inputs = result.trained.quantize_windows(dataset.test.x)
    (codes,) = judge.run(raw, [inputs[:, None]])
    output = graph.tensor(graph.outputs[0]).quantization
    assert output is not None
    scores = output.scale * (codes.flatten().astype(np.float64) - output.zero_point)
    assert read_info(tflite.read_model(raw).metadata).threshold == threshold
    alarms = result.trained.answer(dataset.test.x).flatten().numpy() > threshold
    np.testing.assert_array_equal(scores > threshold, alarms)
    assert alarms.any()
