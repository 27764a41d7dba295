"""A small sensor task and a student trained on it once, for the tests of both rooms."""

from __future__ import annotations

import functools
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from mcu_slm.config import (
    ArraySet,
    AugmentConfig,
    BiLstmModel,
    BoardConfig,
    ClassificationTask,
    FilterbankModel,
    NpzData,
    Project,
    ProjectConfig,
    PruneConfig,
    SpectralModel,
    SplitConfig,
    TcnModel,
    TeacherConfig,
    TokenLmModel,
    TrainConfig,
    TransformerModel,
    TrendModel,
)
from mcu_slm.metadata import ModelInfo
from mcu_slm.train import (
    BoardCost,
    FloatOps,
    Head,
    Student,
    TrainedStudent,
    TrainResult,
    make_student,
    shape_of,
    train_model,
)
from mcu_slm.train.families import deployed_parameter_count

SAMPLES, CHANNELS, CLASSES = 32, 3, 4


@dataclass(frozen=True)
class Split:
    x: np.ndarray
    y: np.ndarray

    @property
    def group(self) -> np.ndarray:
        """Five groups, each with windows of all classes."""
        return (np.arange(len(self.y)) % 5).astype(np.str_)


@dataclass(frozen=True)
class Dataset:
    train: Split
    validation: Split
    test: Split
    classes: tuple[str, ...] = ("slow", "fast", "burst", "noise")


class Identity:
    """The normalisation of windows that already have mean 0 and standard deviation 1."""

    mean = np.zeros(CHANNELS, np.float32)
    std = np.ones(CHANNELS, np.float32)
    counts = None

    def apply(self, x):
        return np.asarray(x, np.float32)


def make_split(count: int, seed: int, samples: int = SAMPLES) -> Split:
    """Slow and fast oscillations, a burst, and noise: `count` windows of every class."""
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(CLASSES), count)
    time = np.arange(samples) / samples
    phase = rng.uniform(0, 2 * np.pi, (len(y), 1))
    cycles = np.array([2.0, 7.0, 5.0, 0.0])[y][:, None] * rng.uniform(0.9, 1.1, (len(y), 1))
    wave = np.sin(2 * np.pi * cycles * time + phase)
    centre = rng.uniform(0.3, 0.7, (len(y), 1))
    envelope = np.where(y[:, None] == 2, np.exp(-(((time - centre) / 0.1) ** 2)), 1.0)
    signal = (wave * envelope)[..., None] * np.array([1.0, -0.7, 0.4])
    x = signal + 0.3 * rng.standard_normal((len(y), samples, CHANNELS))
    return Split(x.astype(np.float32), y.astype(np.int64))


def make_dataset(count: int = 40, samples: int = SAMPLES) -> Dataset:
    return Dataset(
        *(make_split(n, seed, samples) for seed, n in enumerate((count, count // 2, count)))
    )


def make_project(
    samples: int = SAMPLES,
    model: dict | None = None,
    teacher: dict | None = None,
    task=None,
    **train,
) -> Project:
    """A project with few epochs; keyword arguments go to `[train]`."""
    truth = "target" if task is not None and task.kind == "regression" else "labels"
    arrays = ArraySet(windows="x", **{truth: "y"})
    data = NpzData(
        format="npz",
        files=("unused.npz",),
        train=arrays,
        test=arrays,
        channels=("x", "y", "z"),
        channel_units=("g", "g", "g"),
        sampling_rate_hz=50.0,
        window_samples=samples,
        split=SplitConfig(kind="official"),
    )
    settings = {"teacher_epochs": 2, "student_epochs": 6, "qat_epochs": 3, "batch_size": 32}
    # One thread: the tests share the machine, and so small a network is not faster with two.
    settings["threads"] = 1
    settings["prune"] = PruneConfig(keep_instructions=0.7, epochs=3)
    settings["augment"] = AugmentConfig(shift_samples=2, mask_samples=4)
    return Project(
        project=ProjectConfig(name="example", seed=3),
        data=data,
        task=task or ClassificationTask(),
        board=BoardConfig(name="any"),
        model=make_model(**(model or {})),
        teacher=TeacherConfig(**({"members": 1, "width": 16, "blocks": 2} | (teacher or {}))),
        train=TrainConfig(**(settings | train)),
    )


SMALL = {
    "transformer": {
        "blocks": 2,
        "width": 16,
        "heads": 2,
        "ffn_width": 24,
        "attention_window_tokens": 4,
    },
    "tcn": {"blocks": 2, "width": 16, "kernel_tokens": 5},
    "bilstm": {"units": 8, "stem_width": 8},
    "spectral": {
        "width": 12,
        "frequencies": 3,
        "loudness_features": 4,
        "filter_samples": 8,
        "filter_stride_samples": 4,
    },
    "filterbank": {"bands": 8, "hidden": 12, "stem_samples": 16, "stem_stride_samples": 4},
    "trend": {"hidden": 12},
    "token-lm": {
        "blocks": 2,
        "width": 8,
        "ffn_width": 12,
        "attention_window_tokens": 4,
        "scored_samples": 3,
    },
}
"""Small sizes of every family."""


def make_model(family: str = "transformer", **settings):
    """Return the `[model]` of a small student."""
    classes = {
        "transformer": TransformerModel,
        "tcn": TcnModel,
        "bilstm": BiLstmModel,
        "spectral": SpectralModel,
        "filterbank": FilterbankModel,
        "trend": TrendModel,
        "token-lm": TokenLmModel,
    }
    return classes[family](family=family, **(SMALL[family] | settings))


def make_small_student(samples: int = SAMPLES, head: Head | None = None, **model) -> Student:
    """Return an untrained student; keyword arguments go to `make_model`."""
    shape = shape_of(make_model(**model), samples, CHANNELS, head or Head(CLASSES))
    return make_student(shape, torch.Generator().manual_seed(samples))


def calibrated(student: Student) -> TrainedStudent:
    """Return a student whose statistics and ranges come from random windows."""
    samples, channels = student.shape.window, student.shape.channels
    x = torch.randn(64, samples, channels, generator=torch.Generator().manual_seed(samples))
    student.fit_inputs(x)
    for _ in range(20):
        student.forward(FloatOps(learn_statistics=True), x.unsqueeze(1))
    trained = TrainedStudent(student.eval())
    with torch.no_grad():
        trained.fake_quantized(x, observe=True)
    return trained


def cost_of(student: Student) -> BoardCost:
    """A stand-in for the compiler's cost model: an instruction and a byte per parameter."""
    count = deployed_parameter_count(student)
    return BoardCost(count, count, count, count)


def make_info(samples: int = SAMPLES, channels: int = CHANNELS) -> ModelInfo:
    return ModelInfo(
        labels=make_dataset(2).classes,
        channels=("x", "y", "z")[:channels],
        units=("g", "g", "g")[:channels],
        sampling_rate_hz=50.0,
        window_samples=samples,
        hop_samples=samples,
        mean=(0.0, 0.0, 0.0)[:channels],
        std=(1.0, 1.0, 1.0)[:channels],
    )


def quiet(_event) -> None:
    """Show no progress."""


@functools.cache
def trained_example() -> TrainResult:
    """Train once per test session."""
    with tempfile.TemporaryDirectory() as folder:
        return train_model(make_dataset(), Identity(), make_project(), Path(folder), quiet, cost_of)
