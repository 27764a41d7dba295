"""The way from a project's `[data]` section to a `Dataset`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mcu_slm.config import ClassificationTask, DataConfig, RegressionTask, TaskConfig
from mcu_slm.counts import CountNormalisation
from mcu_slm.data.dataset import SPLITS, Dataset, Normalisation, Truth, Windows, normalisation_of
from mcu_slm.data.labels import drop_ignored, number_classes, truth_per_sample
from mcu_slm.data.quality import quality_warnings, require_classes
from mcu_slm.data.raw_counts import are_counts, saturation_warnings
from mcu_slm.data.readers import read_source, vocabulary_of
from mcu_slm.data.splitting import (
    Assignment,
    assign,
    honest_kind,
    refuse_leaky_random_split,
    usual_kind,
)
from mcu_slm.data.windowing import Pool, cut_windows
from mcu_slm.errors import DataError

CLASSIFICATION = ClassificationTask()


@dataclass(frozen=True, eq=False)
class SplitPair:
    """The same windows, split at random and split without leakage, to compare what each reports."""

    random: Dataset
    honest: Dataset
    honest_kind: str
    """ "by_group", "by_recording" or "by_time"."""


def load_dataset(
    config: DataConfig,
    project_dir: Path,
    seed: int,
    task: TaskConfig = CLASSIFICATION,
) -> Dataset:
    """Read, check, cut and split the recordings of a project.

    Args:
        config: The section `[data]`.
        project_dir: Folder to which its paths are relative.
        seed: Seed of the split.
        task: The section `[task]`.

    Raises:
        DataError: recordings cannot be used as they are; names the file and the field.
        ToolError: the format needs an optional package that is not installed.
    """
    refuse_leaky_random_split(config)
    loaded = _Loaded.read(config, project_dir, task)
    return loaded.split(config, usual_kind(loaded.pool, loaded.y, config, task.kind), seed)


def load_split_pair(
    config: DataConfig,
    project_dir: Path,
    seed: int,
    task: TaskConfig = CLASSIFICATION,
) -> SplitPair:
    """Return the data set split at random and, beside it, by group (or recording, or time).

    For `data.split.force_random`: no number from a random split without the honest one beside it.

    Raises:
        DataError: as for `load_dataset`.
    """
    refuse_leaky_random_split(config)
    loaded = _Loaded.read(config, project_dir, task)
    kind = honest_kind(loaded.pool, loaded.y, task.kind)
    return SplitPair(
        random=loaded.split(config, "random", seed),
        honest=loaded.split(config, kind, seed),
        honest_kind=kind,
    )


def normalisation_for(dataset: Dataset, config: DataConfig) -> Normalisation:
    """Return the normalisation of a data set, with that of raw counts where it consists of them.

    Then training quantises the counts with the firmware's integers, and both see the same bytes.
    """
    normalisation = normalisation_of(dataset)
    scales = config.channel_scales or (1.0,) * len(config.channels)
    if dataset.vocabulary or not all(
        are_counts(windows, scales) for _, windows in dataset.splits()
    ):
        return normalisation
    mean, std = normalisation.mean.tolist(), normalisation.std.tolist()
    return replace(normalisation, counts=CountNormalisation(tuple(mean), tuple(std), scales))


@dataclass(frozen=True, eq=False)
class _Loaded:
    """All windows of a source with their truth, ready to be split."""

    task: TaskConfig
    pool: Pool
    y: Truth
    classes: tuple[str, ...]
    warnings: tuple[str, ...]
    vocabulary: tuple[str, ...]

    @classmethod
    def read(cls, config: DataConfig, project_dir: Path, task: TaskConfig) -> _Loaded:
        """Read and cut a source."""
        recordings = read_source(config, Path(project_dir).absolute(), task.kind)
        notes = [note for item in recordings for note in item.notes]
        recordings = drop_ignored(recordings, config)
        if not recordings:
            raise DataError("data.ignore_labels", "leaves nothing", "recordings with another label")
        vocabulary = vocabulary_of(config, Path(project_dir).absolute())
        notes += [] if vocabulary else saturation_warnings(recordings, config.channels)
        classes: tuple[str, ...] = ()
        if task.kind != "classification":
            recordings, classes = truth_per_sample(recordings, config, task)
        pool, warnings = cut_windows(
            recordings,
            config.window_samples,
            config.hop,
            pad_start=config.pad_start,
            copies=config.pad_start_samples,
            to_the_end=isinstance(task, RegressionTask) and task.evaluate == "last",
        )
        y: Truth = pool.label
        if task.kind == "classification":
            y, classes = number_classes(pool.label, config)
        elif task.kind == "anomaly":
            y = y.max(axis=1)
        elif task.kind == "regression":
            y = np.ascontiguousarray(y[:, -1])
        return cls(task, pool, y, classes, (*notes, *warnings), vocabulary)

    def split(self, config: DataConfig, kind: str, seed: int) -> Dataset:
        """Return the data set under one kind of split."""
        assignment = assign(self.pool, self.y, config, kind, seed, self.task.kind)
        train, validation, test = (self._windows(assignment, name) for name in SPLITS)
        dataset = Dataset(
            train=train,
            validation=validation,
            test=test,
            classes=self.classes,
            channels=config.channels,
            channel_units=config.channel_units,
            sampling_rate_hz=config.sampling_rate_hz,
            split=assignment.text,
            task=self.task.kind,
            vocabulary=self.vocabulary,
            target_unit=self.task.unit if isinstance(self.task, RegressionTask) else "",
        )
        require_classes(dataset)
        return dataset.with_warnings((*self.warnings, *quality_warnings(dataset)))

    def _windows(self, assignment: Assignment, name: str) -> Windows:
        """Return the windows of one split."""
        rows = getattr(assignment, name)
        pool = self.pool
        return Windows(
            x=np.ascontiguousarray(pool.x[rows]),
            y=self.y[rows],
            group=pool.group[rows],
            source=pool.source[rows],
            recording=pool.recording[rows],
            start=pool.start[rows],
            last=pool.last[rows],
            at_end=pool.label[rows, -1] if self.task.kind == "anomaly" else None,
        )
