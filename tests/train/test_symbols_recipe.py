"""An event log as a sequence of symbols, from its file to the judge."""

import runpy
import shutil
from pathlib import Path

import numpy as np
import pytest

from mcu_slm import judge, tflite
from mcu_slm.config import load_project
from mcu_slm.convert import convert
from mcu_slm.data import load_dataset, normalisation_for
from mcu_slm.errors import ConfigError
from mcu_slm.metadata import ModelInfo
from mcu_slm.train import Head, shape_of, train_model
from tests.train.example import cost_of, make_model, quiet

pytestmark = pytest.mark.unit

EXAMPLE = Path(__file__).parents[2] / "examples" / "event_log"


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    folder = tmp_path_factory.mktemp("event_log")
    for name in ("mcu_slm.toml", "vocabulary.txt"):
        shutil.copy(EXAMPLE / name, folder)
    runpy.run_path(str(EXAMPLE / "make_recordings.py"))["main"](folder / "recordings")
    project = load_project(folder)
    train = project.train.model_copy(update={"student_epochs": 6, "qat_epochs": 1})
    project = project.model_copy(update={"train": train})
    return project, load_dataset(project.data, project.directory, 1, project.task)


@pytest.fixture(scope="module")
def result(example, tmp_path_factory):
    project, dataset = example
    folder = tmp_path_factory.mktemp("run")
    return train_model(
        dataset, normalisation_for(dataset, project.data), project, folder, quiet, cost_of
    )


def test_logs_are_told_apart_in_int8_without_a_teacher(result):
    assert result.metrics["int8"]["test"]["accuracy"] > 0.8
    assert "teacher" not in result.metrics


def test_the_code_of_a_symbol_is_its_number_less_128(result, example):
    _, dataset = example
    codes = result.trained.quantize_windows(dataset.test.x)
    np.testing.assert_array_equal(codes[:, 0].astype(int), dataset.test.x.astype(int) - 128)


@pytest.mark.skipif(not judge.available("tflm"), reason="tflite-micro not installed")
def test_the_judge_gives_the_same_answers(result, example):
    project, dataset = example
    info = ModelInfo(
        dataset.classes, dataset.channels, dataset.channel_units, 1.0, 48, 12, (0.0,), (1.0,)
    )
    raw = tflite.write_model(convert(result.trained, info, name=project.project.name))
    rng = np.random.default_rng(0)
    random = rng.integers(-128, 128, (4, 1, 48, 1)).astype(np.int8)
    inputs = np.concatenate([result.trained.quantize_windows(dataset.test.x[:20]), random])
    (codes,) = judge.run(raw, [inputs[:, None]])
    expected = result.trained.predict_int8(dataset.test.x[:20])
    np.testing.assert_array_equal(codes.reshape(24, -1)[:20], expected)


def test_other_families_take_no_symbols():
    with pytest.raises(ConfigError, match=r"data\.vocabulary gives symbols"):
        shape_of(make_model("tcn"), 48, 1, Head(3), symbols=8)
