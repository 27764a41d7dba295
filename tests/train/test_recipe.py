"""The whole recipe on a small task."""

import contextlib
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from mcu_slm import tflite
from mcu_slm.config import AugmentConfig
from mcu_slm.config.task import EventsTask, RegressionTask
from mcu_slm.convert import convert
from mcu_slm.errors import ConfigError, TrainingError
from mcu_slm.train import load_trained, train_model
from mcu_slm.train.session import open_session
from mcu_slm.train.trained import save_trained
from tests.train.example import (
    Identity,
    Split,
    cost_of,
    make_dataset,
    make_info,
    make_project,
    quiet,
    trained_example,
)

pytestmark = pytest.mark.unit
QUICK = {"student_epochs": 1, "qat_epochs": 1}


def _train(folder, dataset=None, project=None, progress=quiet):
    return train_model(
        dataset or make_dataset(10),
        Identity(),
        project or make_project(**QUICK),
        folder,
        progress,
        cost_of,
    )


def test_the_student_learns_the_task_and_keeps_it_in_int8():
    result = trained_example()
    assert result.metrics["float"]["test"]["accuracy"] >= 0.9
    assert result.metrics["int8"]["test"]["accuracy"] >= 0.9
    assert set(result.metrics) == {"teacher", "float", "pruned", "fake_quant", "int8"}


def test_pruning_makes_the_deployed_student_smaller():
    result = trained_example()
    assert result.parameters["deployed"] < 0.7 * result.parameters["student"]
    assert result.removals[-1].cost.instructions == result.parameters["deployed"]


def test_one_seed_gives_one_result(tmp_path):
    first, second = (_train(tmp_path / name) for name in ("a", "b"))
    x = make_dataset(10).test.x
    assert np.array_equal(first.trained.predict_int8(x), second.trained.predict_int8(x))
    assert first.metrics == second.metrics
    files = [tflite.write_model(convert(r.trained, make_info())) for r in (first, second)]
    assert files[0] == files[1]


def test_without_truth_in_the_labels_there_is_nothing_to_learn(tmp_path):
    data = make_dataset(40)
    rng = np.random.default_rng(1)
    shuffled = (
        Split(part.x, rng.permutation(part.y)) for part in (data.train, data.validation, data.test)
    )
    project = make_project(teacher={"enabled": False}, student_epochs=4, qat_epochs=1)
    result = _train(tmp_path, dataset=replace(data, **_named(shuffled)), project=project)
    # Of 160 windows in four classes; 0.25 is chance, and five standard deviations are 0.17.
    assert result.metrics["int8"]["test"]["accuracy"] < 0.42


def test_interrupted_in_every_phase_it_ends_with_the_same_student(tmp_path):
    whole = _train(tmp_path / "whole")
    pending = {"teacher0", "float", "pruned", "quantized"}

    def interrupt(event):
        if event.phase in pending:
            pending.remove(event.phase)
            raise KeyboardInterrupt

    while pending:
        with pytest.raises(KeyboardInterrupt):
            _train(tmp_path / "broken", progress=interrupt)
    events = []
    result = _train(tmp_path / "broken", progress=events.append)
    x = make_dataset(10).test.x
    assert np.array_equal(result.trained.predict_int8(x), whole.trained.predict_int8(x))
    assert result.trained.ranges.get_extra_state() == whole.trained.ranges.get_extra_state()
    assert events == []


def test_changing_the_last_phase_repeats_only_that(tmp_path):
    _train(tmp_path)
    events = []
    _train(tmp_path, project=make_project(student_epochs=1, qat_epochs=2), progress=events.append)
    assert {event.phase for event in events} == {"quantized"}


def test_other_data_starts_again(tmp_path):
    _train(tmp_path)
    events = []
    _train(tmp_path, dataset=make_dataset(11), progress=events.append)
    assert {event.phase for event in events} == {"teacher0", "float", "pruned", "quantized"}


def test_a_trained_student_survives_the_disk(tmp_path):
    result = _train(tmp_path)
    loaded = load_trained(tmp_path)
    x = make_dataset(10).test.x
    assert np.array_equal(loaded.predict_int8(x), result.trained.predict_int8(x))
    assert all(path.is_file() for path in result.checkpoints)


def test_without_a_teacher_the_student_learns_from_labels(tmp_path):
    project = make_project(teacher={"enabled": False}, **QUICK)
    result = _train(tmp_path, project=project)
    assert "teacher" not in result.metrics
    assert set(result.seconds) == {"float", "pruned", "quantized"}


def test_zero_epochs_of_quantisation_training_is_calibration_alone(tmp_path):
    result = _train(tmp_path, project=make_project(student_epochs=1, qat_epochs=0))
    assert result.trained.predict_int8(make_dataset(10).test.x).dtype == np.int8


def test_loading_from_an_empty_folder_says_what_is_missing(tmp_path):
    with pytest.raises(TrainingError, match=r"no trained student; expected student\.pt"):
        load_trained(tmp_path)


def test_a_student_file_of_another_version_is_refused(tmp_path):
    torch.save({"shape": {"window": 3}, "state": {}}, tmp_path / "student.pt")
    with pytest.raises(TrainingError, match="student of this version"):
        load_trained(tmp_path)


def test_windows_of_one_class_are_refused(tmp_path):
    data = make_dataset(10)
    one = replace(data, train=Split(data.train.x, np.zeros_like(data.train.y)))
    with pytest.raises(TrainingError, match="all 40 windows have the class slow"):
        _train(tmp_path, dataset=one)


def test_an_empty_validation_split_is_refused(tmp_path):
    data = make_dataset(10)
    empty = replace(data, validation=Split(data.train.x[:0], data.train.y[:0]))
    with pytest.raises(TrainingError, match="validation windows: there are none"):
        _train(tmp_path, dataset=empty)


def test_values_that_are_not_finite_are_refused(tmp_path):
    data = make_dataset(10)
    x = data.train.x.copy()
    x[3, 4, 1] = math.nan
    with pytest.raises(TrainingError, match="train windows: contain NaN"):
        _train(tmp_path, dataset=replace(data, train=Split(x, data.train.y)))


def test_a_student_above_the_parameter_budget_is_refused_before_it_is_trained(tmp_path):
    project = make_project(model={"max_parameters": 1000}, **QUICK)
    events = []
    with pytest.raises(ConfigError, match="expected at most 1,000") as caught:
        _train(tmp_path, project=project, progress=events.append)
    assert events == []
    assert caught.value.values["parameters"] > 1000


def test_damaged_student_files_never_crash(tmp_path):
    raw = save_trained(tmp_path, trained_example().trained, {}).read_bytes()
    rng = np.random.default_rng(5)
    for _ in range(60):
        damaged = bytearray(raw)
        for position in rng.integers(0, 6000, 3):
            damaged[position] = rng.integers(256)
        (tmp_path / "student.pt").write_bytes(damaged[: rng.integers(len(raw) // 2, len(raw) + 1)])
        with contextlib.suppress(TrainingError):
            load_trained(tmp_path)


def test_a_regression_answers_in_the_units_of_its_targets(tmp_path):
    """The target is the number of oscillations in a window, times ten."""
    tens = np.array([20.0, 70.0, 50.0, 0.0], np.float32)
    data = make_dataset(20)
    splits = (Split(part.x, tens[part.y]) for part in (data.train, data.validation, data.test))
    task = RegressionTask(unit="Hz", min=0.0, max=100.0)
    augment = AugmentConfig(mixup_alpha=0.0)
    project = make_project(task=task, student_epochs=10, qat_epochs=2, augment=augment)
    result = _train(tmp_path, dataset=replace(data, **_named(splits)), project=project)
    assert result.main_metric == "rmse"
    answers = result.trained.answer(data.test.x).flatten()
    error = float((answers - torch.from_numpy(tens[data.test.y])).square().mean().sqrt())
    assert error == pytest.approx(result.metrics["int8"]["test"]["rmse"], rel=0.05)
    # Without a look at the windows, 26.9 is what the best constant answer gets.
    assert error < 18.0


def test_events_are_found_where_they_are(tmp_path):
    """Each window is noise, with an oscillation in one half of it."""

    def half(count, seed):
        rng = np.random.default_rng(seed)
        y = np.zeros((count, 32), np.int64)
        begin = 16 * rng.integers(0, 2, count)
        y[np.arange(count)[:, None], begin[:, None] + np.arange(16)] = 1
        wave = np.sin(np.arange(32) * 1.5)[:, None] * np.ones(3)
        x = wave * y[..., None] + 0.2 * rng.standard_normal((count, 32, 3))
        return Split(x.astype(np.float32), y)

    splits = [half(count, seed) for seed, count in enumerate((120, 40, 60))]
    data = replace(make_dataset(2), classes=("quiet", "running"), **_named(splits))
    project = make_project(task=EventsTask(), student_epochs=4, augment=AugmentConfig())
    result = _train(tmp_path, dataset=data, project=project)
    assert result.metrics["int8"]["test"]["accuracy"] > 0.85
    assert result.trained.predict_int8(data.test.x).shape == (60, 8, 2)


def _named(splits):
    return dict(zip(("train", "validation", "test"), splits, strict=True))


def _soft_labels(dataset, scale=6.0):
    splits = {name: getattr(dataset, name) for name in ("train", "validation", "test")}
    return {name: (scale * np.eye(4)[split.y]).astype(np.float32) for name, split in splits.items()}


def _taught(folder, soft_labels, progress=quiet, **train):
    project = make_project(**(QUICK | train))
    run = (make_dataset(10), Identity(), project, folder, progress, cost_of)
    return train_model(*run, soft_labels)


def test_soft_labels_take_the_teachers_place(tmp_path):
    soft = _soft_labels(make_dataset(10))
    events = []
    result = _taught(tmp_path, soft, events.append)
    assert {event.phase for event in events} == {"float", "pruned", "quantized"}
    assert result.metrics["teacher"]["test"]["accuracy"] == 1.0
    assert result.parameters["teacher"] == 0
    del soft["test"]
    assert "teacher" not in _taught(tmp_path, soft).metrics


def test_other_soft_labels_start_the_student_again(tmp_path):
    soft = _soft_labels(make_dataset(10))
    _taught(tmp_path, soft)
    events = []
    _taught(tmp_path, {**soft, "train": soft["train"] + 1.0}, events.append)
    assert {event.phase for event in events} == {"float", "pruned", "quantized"}


def test_soft_labels_of_the_validation_windows_teach_where_these_are_learned_from(tmp_path):
    dataset = make_dataset(10)
    project = make_project(learn_from_validation=True)
    soft = _soft_labels(dataset)
    session = open_session(dataset, Identity(), project, tmp_path, quiet, soft)
    assert torch.equal(session.soft_labels["train"].argmax(1), session.train.y)


def test_an_ablation_also_judges_what_single_steps_are_worth(tmp_path):
    project = make_project(ablation=True, **QUICK)
    result = _train(tmp_path, project=project)
    assert list(result.metrics) == [
        *("teacher", "labels_only", "float", "pruned", "int8_untrained", "fake_quant", "int8")
    ]
    plain = _train(tmp_path / "plain")
    assert result.metrics["int8"] == plain.metrics["int8"]
    alone = _train(tmp_path / "alone", project=make_project(teacher={"enabled": False}, **QUICK))
    assert result.metrics["labels_only"] == alone.metrics["float"]
    assert result.costs["float"] == result.costs["labels_only"]
    assert result.costs["int8"]["parameters"] == result.parameters["deployed"]
    assert result.costs["pruned"]["instructions"] < result.costs["float"]["instructions"]
    assert result.costs["teacher"] == {"parameters": result.parameters["teacher"]}


def test_without_a_teacher_labels_only_is_no_stage_of_its_own(tmp_path):
    project = make_project(ablation=True, teacher={"enabled": False}, **QUICK)
    assert "labels_only" not in _train(tmp_path, project=project).metrics
