"""Networks learn on the GPU: shown on a second processor that computes as the CPU does."""

import numpy as np
import pytest
import torch

from mcu_slm.config import AugmentConfig, PretrainConfig, PruneConfig
from mcu_slm.config.task import EventsTask, RegressionTask
from mcu_slm.errors import ConfigError
from mcu_slm.train import loop, session, train_model
from mcu_slm.train.families import FAMILIES
from mcu_slm.train.processor import CPU, choose_processor
from tests.train.example import (
    Identity,
    Split,
    cost_of,
    make_dataset,
    make_model,
    make_project,
    quiet,
)
from tests.train.second_processor import ELSEWHERE

pytestmark = pytest.mark.unit
QUICK = {
    **{"teacher_epochs": 1, "student_epochs": 1, "qat_epochs": 1},
    "prune": PruneConfig(keep_instructions=1.0),
}


@pytest.fixture(autouse=True)
def _few_steps(monkeypatch):
    """An operator in Python takes its time."""
    monkeypatch.setattr(loop, "MIN_STEPS_PER_EPOCH", 2)


def _same_on_both(folder, monkeypatch, dataset=None, soft_labels=None, **settings):
    """Train twice; the second processor must leave the same weights, on the CPU."""
    project = make_project(**(QUICK | settings))
    results = []
    for name, processor in (("here", CPU), ("there", ELSEWHERE)):
        monkeypatch.setattr(session, "choose_processor", lambda wanted, found=processor: found)
        results.append(
            train_model(
                *(dataset or make_dataset(6), Identity(), project, folder / name),
                *(quiet, cost_of, soft_labels),
            )
        )
    here, there = (result.trained.state_dict() for result in results)
    for name, value in here.items():
        if isinstance(value, torch.Tensor):
            assert there[name].device == CPU
            assert torch.equal(value, there[name]), name
    assert results[0].metrics == results[1].metrics


@pytest.fixture
def _foreign_lstm(monkeypatch):
    """PyTorch's LSTM has one kernel per kind of processor; the second one borrows the CPU's."""
    of_cpu = torch.lstm

    def lstm(x, hidden, weights, **settings):
        given = [x, *hidden, *weights]
        assert len({tensor.device for tensor in given}) == 1
        x, hidden, cell, *weights = (tensor.to(CPU) for tensor in given)
        return [y.to(given[0].device) for y in of_cpu(x, (hidden, cell), weights, **settings)]

    monkeypatch.setattr(torch, "lstm", lstm)


@pytest.mark.usefixtures("_foreign_lstm")
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_learns_the_same(tmp_path, monkeypatch, family):
    _same_on_both(tmp_path, monkeypatch, model={"family": family})


@pytest.mark.parametrize("kind", ["masked", "contrastive"])
def test_learning_without_labels(tmp_path, monkeypatch, kind):
    _same_on_both(tmp_path, monkeypatch, pretrain=PretrainConfig(kind=kind, epochs=1))


def test_pruning(tmp_path, monkeypatch):
    _same_on_both(tmp_path, monkeypatch, prune=PruneConfig(keep_instructions=0.8, epochs=1))


def test_matching_the_inside_of_teachers(tmp_path, monkeypatch):
    _same_on_both(tmp_path, monkeypatch, feature_weight=0.5, attention_weight=0.5)


def test_teachers_of_all_kinds(tmp_path, monkeypatch):
    kinds = ("convolutional", "model", "spectrogram")
    teacher = {"members": 3, "kinds": kinds, "model": make_model("spectral")}
    _same_on_both(tmp_path, monkeypatch, teacher=teacher, processes=1)


def test_answers_of_somebody_else(tmp_path, monkeypatch):
    dataset = make_dataset(6)
    answers = {"train": np.eye(4, dtype=np.float32)[dataset.train.y]}
    _same_on_both(tmp_path, monkeypatch, dataset, answers)


def _with_truth(dataset, truth):
    splits = (dataset.train, dataset.validation, dataset.test)
    return type(dataset)(*(Split(split.x, truth(split.y)) for split in splits))


def test_events(tmp_path, monkeypatch):
    dataset = _with_truth(make_dataset(6), lambda y: np.repeat(y[:, None], 32, 1))
    _same_on_both(tmp_path, monkeypatch, dataset, task=EventsTask(), augment=AugmentConfig())


def test_regression(tmp_path, monkeypatch):
    dataset = _with_truth(make_dataset(6), lambda y: y.astype(np.float32))
    _same_on_both(tmp_path, monkeypatch, dataset, task=RegressionTask(unit="m", min=0.0, max=3.0))


def test_the_second_processor_refuses_tensors_of_the_first():
    with pytest.raises(RuntimeError, match="lies on the CPU"):
        torch.ones(2).to(ELSEWHERE) + torch.ones(2)


def test_without_a_gpu_auto_is_the_cpu_and_cuda_an_error(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_processor("auto") == choose_processor("cpu") == CPU
    with pytest.raises(ConfigError, match="device"):
        choose_processor("cuda")


def test_with_a_gpu_auto_is_the_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    assert choose_processor("auto") == choose_processor("cuda") == torch.device("cuda", 1)
    assert choose_processor("cpu") == CPU
