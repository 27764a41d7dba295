"""What all phases of one training share: data as tensors, settings, checkpoints, progress."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from mcu_slm.config import Project
from mcu_slm.errors import TrainingError
from mcu_slm.train.augment import augment, mixup
from mcu_slm.train.checkpoint import CheckpointStore, fingerprint
from mcu_slm.train.loop import Phase, Schedule, Score, Step, TensorWindows, run_phase
from mcu_slm.train.losses import (
    Predict,
    distillation_loss,
    hard_label_loss,
    score,
    smoothed_targets,
)
from mcu_slm.train.progress import Progress
from mcu_slm.train.teacher import Teacher, ensemble_probabilities


class SplitLike(Protocol):
    """Windows and labels of one split. Shapes: x: [N, T, C] in physical units, y: [N]."""

    @property
    def x(self) -> npt.NDArray[np.float32]: ...  # noqa: D102
    @property
    def y(self) -> npt.NDArray[np.int64]: ...  # noqa: D102


class DatasetLike(Protocol):
    """What training needs of a data set."""

    @property
    def train(self) -> SplitLike: ...  # noqa: D102
    @property
    def validation(self) -> SplitLike: ...  # noqa: D102
    @property
    def test(self) -> SplitLike: ...  # noqa: D102
    @property
    def classes(self) -> tuple[str, ...]: ...  # noqa: D102


class NormalisationLike(Protocol):
    """Brings physical units to mean 0 and standard deviation 1."""

    def apply(self, x: npt.ArrayLike) -> npt.NDArray[np.float32]: ...  # noqa: D102


@dataclass(frozen=True, eq=False)
class Session:
    """One training: its data, its settings, and where it keeps and tells what it has done.

    Args:
        seconds: Time spent per phase, filled as phases end.
        answers: The teachers' probabilities of the batches that come again.
    """

    project: Project
    train: TensorWindows
    validation: TensorWindows
    test: TensorWindows
    classes: int
    store: CheckpointStore
    progress: Progress
    seconds: dict[str, float] = field(default_factory=dict)
    answers: dict[tuple[int, int], torch.Tensor] = field(default_factory=dict)

    @property
    def seed(self) -> int:
        """The seed that all randomness derives from."""
        return self.project.project.seed

    @property
    def learns_from_validation(self) -> bool:
        """Whether the validation windows are among the training windows."""
        return self.project.train.learn_from_validation

    def schedule(self, epochs: int, learning_rate: float) -> Schedule:
        """Return the schedule of a phase."""
        settings = self.project.train
        return Schedule(epochs, learning_rate, settings.batch_size, settings.weight_decay)

    def lineage(self) -> str:
        """Return the fingerprint of data, seed and the settings that every phase depends on."""
        digest = hashlib.sha256()
        for windows in (self.train, self.validation):
            digest.update(repr(tuple(windows.x.shape)).encode())
            digest.update(windows.x.numpy().tobytes())
            digest.update(windows.y.numpy().tobytes())
        settings = self.project.train
        return fingerprint(
            digest.hexdigest(),
            self.seed,
            self.classes,
            settings.augment.model_dump(),
            settings.label_smoothing,
            min(settings.threads, torch.get_num_threads()),
            torch.__version__,
        )

    def fit(
        self,
        name: str,
        model: nn.Module,
        *,
        schedule: Schedule,
        lineage: str,
        loss: Callable[[torch.Tensor, torch.Tensor, Step], torch.Tensor],
        predict: Predict,
        stream: str,
        cycle: int = 0,
    ) -> None:
        """Run one phase; `model` ends with the weights of the epoch that is kept."""

        def validate() -> Score:
            model.eval()
            return score(predict, self.validation)

        judged = None if self.learns_from_validation else validate
        phase = Phase(name, model, schedule, lineage, loss, judged, stream, cycle)
        self.seconds[name] = run_phase(phase, self.train, self.seed, self.store, self.progress)

    def targets(self, labels: torch.Tensor) -> torch.Tensor:
        """Return smoothed label probabilities."""
        return smoothed_targets(labels, self.classes, self.project.train.label_smoothing)

    def augmented(
        self, x: torch.Tensor, labels: torch.Tensor, step: Step
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return changed windows and their target probabilities."""
        how = self.project.train.augment
        changed = augment(x, how, step.generator)
        return mixup(changed, self.targets(labels), how.mixup_alpha, step.generator)

    def student_loss(
        self,
        logits: torch.Tensor,
        x: torch.Tensor,
        targets: torch.Tensor,
        teachers: Sequence[Teacher],
        batch: tuple[int, int] | None = None,
    ) -> torch.Tensor:
        """Return the loss of a student's logits: distillation, or the labels alone.

        The teachers cost more than the student, so their answers to a numbered `batch` are kept.
        """
        if not teachers:
            return hard_label_loss(logits, targets)
        settings = self.project.train
        answers = self.answers.get(batch) if batch is not None else None
        if answers is None:
            answers = ensemble_probabilities(teachers, x, settings.temperature)
            if batch is not None:
                self.answers[batch] = answers
        return distillation_loss(
            logits,
            targets,
            answers,
            temperature=settings.temperature,
            teacher_share=settings.distillation_weight,
        )

    def first_batches(self, count: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield some unchanged training batches, in an order fixed by the seed."""
        generator = torch.Generator().manual_seed(self.seed)
        order = torch.randperm(len(self.train), generator=generator)
        for index in torch.split(order, self.project.train.batch_size)[:count]:
            yield self.train.x[index], self.train.y[index]

    def accuracies(self, predict: Predict) -> dict[str, float]:
        """Return the share of right answers per split that was not learned from."""
        splits = {"validation": self.validation, "test": self.test}
        if self.learns_from_validation:
            del splits["validation"]
        return {name: score(predict, windows).accuracy for name, windows in splits.items()}


def open_session(
    dataset: DatasetLike,
    normalisation: NormalisationLike,
    project: Project,
    folder: Path,
    progress: Progress,
) -> Session:
    """Normalise all windows once and check that there is something to learn.

    Raises:
        TrainingError: A split is empty, the training windows are of one class, or values are not
        finite.
    """
    train = _as_tensors("train", dataset.train, normalisation)
    validation = _as_tensors("validation", dataset.validation, normalisation)
    if project.train.learn_from_validation:
        train = TensorWindows(
            torch.cat([train.x, validation.x]), torch.cat([train.y, validation.y])
        )
    classes = torch.unique(train.y)
    if len(classes) < 2:
        raise TrainingError(
            "training windows",
            f"all {len(train)} windows have the class {dataset.classes[int(classes[0])]}",
            "at least two classes",
            "Check the labels and the split.",
        )
    return Session(
        project=project,
        train=train,
        validation=validation,
        test=_as_tensors("test", dataset.test, normalisation),
        classes=len(dataset.classes),
        store=CheckpointStore(folder / "checkpoints"),
        progress=progress,
    )


def _as_tensors(name: str, split: SplitLike, normalisation: NormalisationLike) -> TensorWindows:
    if len(split.y) == 0:
        raise TrainingError(
            f"{name} windows",
            "there are none",
            "at least one",
            "Change the split in [data.split].",
        )
    x = torch.from_numpy(np.ascontiguousarray(normalisation.apply(split.x), np.float32))
    if not bool(torch.isfinite(x).all()):
        raise TrainingError(
            f"{name} windows",
            "contain NaN or infinite values after normalisation",
            "finite numbers",
            "Clean the recordings.",
        )
    return TensorWindows(x, torch.from_numpy(np.asarray(split.y, np.int64)))
