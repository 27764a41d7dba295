"""What all phases of one training share: data as tensors, settings, checkpoints, progress."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from mcu_slm.config import Project, TrainConfig
from mcu_slm.counts import CountNormalisation
from mcu_slm.errors import TrainingError
from mcu_slm.train.augment import Channels, Mix, augment, draw_mix
from mcu_slm.train.checkpoint import CheckpointStore, fingerprint
from mcu_slm.train.distillation import Guide, Lesson
from mcu_slm.train.labelled import labelled_rows
from mcu_slm.train.loop import Batch, Phase, Schedule, TensorWindows, run_phase
from mcu_slm.train.processor import CPU, choose_processor, identity
from mcu_slm.train.progress import Progress, ProgressEvent
from mcu_slm.train.tasks import Judged, Points, Score, Task, make_task

EVALUATION_BATCH = 512

Predict = Callable[[torch.Tensor], torch.Tensor]
"""Windows [B, T, C] to answers."""


class SplitLike(Protocol):
    """Windows and truth of one split.

    Shapes: x: [N, T, C] in physical units, y: [N, ...], the rest [N].
    """

    @property
    def x(self) -> npt.NDArray[np.float32]: ...  # noqa: D102
    @property
    def y(self) -> npt.NDArray[Any]: ...  # noqa: D102
    @property
    def group(self) -> npt.NDArray[np.str_]: ...  # noqa: D102
    @property
    def last(self) -> npt.NDArray[np.bool_]: ...  # noqa: D102
    @property
    def at_end(self) -> npt.NDArray[Any] | None: ...  # noqa: D102
    @property
    def recording(self) -> npt.NDArray[np.int64]: ...  # noqa: D102
    @property
    def start(self) -> npt.NDArray[np.int64]: ...  # noqa: D102


SoftLabelsLike = Mapping[str, npt.NDArray[np.float32]]
"""Answers to all windows of a split: "train" at least, and "validation" where that is learned from.
"""


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
    """Brings physical units to mean 0 and standard deviation 1. Shapes: mean, std: [C]."""

    @property
    def mean(self) -> npt.NDArray[np.float32]: ...  # noqa: D102
    @property
    def std(self) -> npt.NDArray[np.float32]: ...  # noqa: D102
    @property
    def counts(self) -> CountNormalisation | None: ...  # noqa: D102
    def apply(self, x: npt.ArrayLike) -> npt.NDArray[np.float32]: ...  # noqa: D102


@dataclass(frozen=True, eq=False)
class Session:
    """One training: its data, its settings, and where it keeps and tells what it has done.

    Args:
        train: The training windows whose labels are used.
        windows: All training windows [N, T, C], to be learned from without labels.
        soft_labels: Somebody else's answers per split, those of "train" to its windows.
        symbols: How many symbols the samples are numbers of; 0 for measured values.
        seconds: Time spent per phase, filled as phases end.
        processor: Where networks learn.
    """

    project: Project
    task: Task
    train: TensorWindows
    validation: TensorWindows
    test: TensorWindows
    windows: torch.Tensor
    channels: Channels
    store: CheckpointStore
    progress: Progress
    soft_labels: Mapping[str, torch.Tensor] = field(default_factory=dict)
    symbols: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    processor: torch.device = CPU

    @property
    def seed(self) -> int:
        """The seed that all randomness derives from."""
        return self.project.project.seed

    @property
    def learns_from_validation(self) -> bool:
        """Whether the validation windows are among the training windows."""
        return self.project.train.learn_from_validation

    def quiet(self) -> Session:
        """Return the same session telling nobody, which can be sent to another process."""
        return replace(self, progress=_silence)

    def schedule(self, epochs: int, learning_rate: float) -> Schedule:
        """Return the schedule of a phase."""
        settings = self.project.train
        return Schedule(epochs, learning_rate, settings.batch_size, settings.weight_decay)

    def lineage(self) -> str:
        """Return the fingerprint of data, seed and the settings that every phase depends on."""
        validation = (self.validation.x, self.validation.y)
        labelled = (self.train.x, self.train.y, *map(self.validation.counted, validation))
        known = self._lineage(*labelled)
        pretrains = self.project.train.pretrain.kind != "none"
        return fingerprint(known, self.lineage_of_windows()) if pretrains else known

    def lineage_of_windows(self) -> str:
        """Return the fingerprint of what learning without labels depends on."""
        settings = self.project.train.pretrain
        return fingerprint(self._lineage(self.windows), settings.model_dump())

    def _lineage(self, *tensors: torch.Tensor) -> str:
        digest = hashlib.sha256()
        for tensor in tensors:
            digest.update(repr(tuple(tensor.shape)).encode())
            digest.update(tensor.numpy().tobytes())
        settings = self.project.train
        return fingerprint(
            digest.hexdigest(),
            self.seed,
            repr(self.task),
            settings.augment.model_dump(),
            (self.channels.names, self.channels.mean.tolist(), self.channels.std.tolist()),
            min(settings.threads, torch.get_num_threads()),
            torch.__version__,
            identity(self.processor),
        )

    def fit(
        self,
        name: str,
        model: nn.Module,
        *,
        schedule: Schedule,
        lineage: str,
        loss: Callable[[Batch], torch.Tensor],
        predict: Predict | None = None,
        stream: str,
        cycle: int = 0,
    ) -> None:
        """Run one phase; `model` ends on the CPU, with the weights of the epoch that is kept.

        A phase that cannot `predict` learns from all windows without their labels, to its end.
        """

        def validate() -> Score:
            assert predict is not None
            model.eval()
            windows = self.validation
            answers = _answers(predict, windows, self.processor)
            return self.task.score(answers, windows.counted(windows.y))

        judged = None if self.learns_from_validation or predict is None else validate
        metric = self.task.chosen_by or self.task.main_metric
        phase = Phase(name, model, schedule, lineage, loss, judged, stream, cycle, metric)
        data = self.train
        if predict is None:
            data = TensorWindows(self.windows, torch.zeros(len(self.windows)))
        model.to(self.processor)
        try:
            self.seconds[name] = run_phase(phase, data, self.seed, self.store, self.progress)
        finally:
            model.to(CPU)

    def is_done(self, name: str, lineage: str, schedule: Schedule) -> bool:
        """Return whether a phase has its last checkpoint already."""
        state = self.store.load(name, lineage)
        return state is not None and state["epoch"] >= schedule.epochs

    def lesson(self, batch: Batch) -> Lesson:
        """Return a batch as it is learned: changed at random, and mixed in pairs."""
        how = self.project.train.augment
        x, targets, mix = batch.x, self.task.targets(batch.y), Mix()
        if how.enabled and not self.symbols:
            x = augment(x, how, self.channels, batch.generator)
            alpha = how.mixup_alpha if self.task.mixed else 0.0
            mix = draw_mix(len(x), alpha, batch.generator)
            x, targets = mix.apply(x), mix.apply(targets)
        x, targets = x.to(self.processor), targets.to(self.processor)
        return Lesson(x, targets, batch.rows, mix, batch.number, batch.elapsed)

    def student_loss(
        self, answers: torch.Tensor, lesson: Lesson, guide: Guide | None
    ) -> torch.Tensor:
        """Return the loss of a student's answers: the truth's, and the share of its guide."""
        hard = self.task.loss(answers, lesson.targets)
        if guide is None:
            return hard
        share = distillation_share(self.project.train, lesson.elapsed)
        soft = self.task.distillation_loss(answers, guide.soft_answers(lesson))
        return (1.0 - share) * hard + share * soft

    def first_batches(self, count: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield some unchanged training batches, in an order fixed by the seed."""
        generator = torch.Generator().manual_seed(self.seed)
        order = torch.randperm(len(self.train), generator=generator)
        for index in torch.split(order, self.project.train.batch_size)[:count]:
            yield self.train.x[index], self.train.y[index]

    def judge(self, predict: Predict) -> dict[str, dict[str, float]]:
        """Return the metrics per split that was not learned from."""
        splits = self.judged_splits()
        return self.judge_answers({name: _answers(predict, part) for name, part in splits.items()})

    def judge_answers(self, answers: Mapping[str, torch.Tensor]) -> dict[str, dict[str, float]]:
        """Return the metrics of answers to the windows of each split that count."""
        return self.task.judge(
            {
                name: Judged(answers[name], windows.counted(windows.y), windows.points)
                for name, windows in self.judged_splits().items()
            }
        )

    def judged_splits(self) -> dict[str, TensorWindows]:
        """Return the splits that were not learned from."""
        splits = {"validation": self.validation, "test": self.test}
        if self.learns_from_validation:
            del splits["validation"]
        return splits


def distillation_share(settings: TrainConfig, elapsed: float) -> float:
    """Return the guide's share of the loss after the share `elapsed` of a phase."""
    factor = {"constant": 1.0, "falling": 1.0 - elapsed, "rising": elapsed}
    return settings.distillation_weight * factor[settings.distillation_schedule]


def _silence(event: ProgressEvent) -> None:
    """Tell nobody."""


@torch.no_grad()
def _answers(
    predict: Predict, windows: TensorWindows, processor: torch.device = CPU
) -> torch.Tensor:
    """Return the answers to the windows of a split that count; `predict` computes there."""
    parts = torch.split(windows.counted(windows.x), EVALUATION_BATCH)
    return torch.cat([predict(part.to(processor)).to(CPU) for part in parts])


def open_session(
    dataset: DatasetLike,
    normalisation: NormalisationLike,
    project: Project,
    folder: Path,
    progress: Progress,
    soft_labels: SoftLabelsLike | None = None,
) -> Session:
    """Normalise all windows once and check that there is something to learn.

    Raises:
        TrainingError: A split is empty, the training windows are of one class, or values are not
        finite.
    """
    limit = project.model.input_limit
    train = _as_tensors("train", dataset.train, normalisation, limit)
    validation = _validation_windows(dataset, normalisation, project)
    answers = {name: torch.from_numpy(values) for name, values in (soft_labels or {}).items()}
    if project.train.learn_from_validation:
        train = TensorWindows(
            torch.cat([train.x, validation.x]), torch.cat([train.y, validation.y])
        )
        if answers:
            answers["train"] = torch.cat([answers["train"], answers["validation"]])
    windows = train.x
    if project.train.label_fraction < 1.0:
        rows = _labelled_rows(dataset, train, project)
        train = TensorWindows(train.x[rows], train.y[rows])
        answers |= {"train": answers["train"][rows]} if answers else {}
    task = make_task(project, len(dataset.classes))
    if task.kind == "classification":
        _require_two_classes(train, dataset.classes)
    return Session(
        project=project,
        task=task,
        train=train,
        validation=validation,
        test=_test_windows(dataset, normalisation, project),
        windows=windows,
        channels=Channels(
            project.data.channels, torch.tensor(normalisation.mean), torch.tensor(normalisation.std)
        ),
        store=CheckpointStore(folder / "checkpoints"),
        progress=progress,
        soft_labels=answers,
        symbols=len(getattr(dataset, "vocabulary", ())),
        processor=choose_processor(project.train.device),
    )


def _validation_windows(
    dataset: DatasetLike, normalisation: NormalisationLike, project: Project
) -> TensorWindows:
    """Return the validation windows; a regression may be judged by a range of the truth alone."""
    limit, task = project.model.input_limit, project.task
    windows = _as_tensors("validation", dataset.validation, normalisation, limit)
    if task.kind != "regression" or task.validation_range is None:
        return windows
    low, high = task.validation_range
    judged = (windows.y >= low) & (windows.y <= high)
    if not bool(judged.any()):
        raise TrainingError(
            "task.validation_range",
            f"no validation window has a target from {low:g} to {high:g}",
            "at least one",
        )
    return replace(windows, judged=judged)


def _labelled_rows(dataset: DatasetLike, train: TensorWindows, project: Project) -> torch.Tensor:
    """Return the training windows whose labels are used."""
    groups = np.concatenate([dataset.train.group, dataset.validation.group])[: len(train)]
    fraction, seed = project.train.label_fraction, project.project.seed
    return torch.from_numpy(labelled_rows(train.y.numpy(), groups, fraction, seed))


def _test_windows(
    dataset: DatasetLike, normalisation: NormalisationLike, project: Project
) -> TensorWindows:
    """Return the test windows; a regression may be judged by the end of each recording alone."""
    limit = project.model.input_limit
    windows = _as_tensors("test", dataset.test, normalisation, limit)
    task = project.task
    if task.kind == "regression" and task.evaluate == "last":
        return replace(windows, judged=torch.from_numpy(np.asarray(dataset.test.last)))
    return windows


def _require_two_classes(train: TensorWindows, classes: tuple[str, ...]) -> None:
    found = torch.unique(train.y)
    if len(found) < 2:
        raise TrainingError(
            "training windows",
            f"all {len(train)} windows have the class {classes[int(found[0])]}",
            "at least two classes",
            "Check the labels and the split.",
        )


def _as_tensors(
    name: str, split: SplitLike, normalisation: NormalisationLike, limit: float | None
) -> TensorWindows:
    """Return normalised windows, cut off at a limit where the int8 input saturates."""
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
    if limit is not None:
        x = x.clamp(-limit, limit)
    return TensorWindows(x, torch.from_numpy(np.ascontiguousarray(split.y)), points=_points(split))


def _points(split: SplitLike) -> Points | None:
    """Return where the windows of a split end, where a truth of that point is known."""
    at_end = getattr(split, "at_end", None)
    if at_end is None:
        return None
    columns = (at_end, split.recording, split.start)
    return Points(*(torch.from_numpy(np.ascontiguousarray(values)) for values in columns))
