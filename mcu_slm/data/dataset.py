"""What the data room gives to training: windows per split, and their normalisation.

Dimensions: n windows, T samples in a window, C channels.

What `Windows.y` holds depends on the task:

    classification  int64 [n]      positions in `Dataset.classes`
    anomaly         int64 [n]      0 normal, 1 anomaly
    events          int64 [n, T]   a class per sample
    regression      float32 [n]    target at the last sample, clipped to the task's range
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from mcu_slm.counts import CountNormalisation

Float32: TypeAlias = npt.NDArray[np.float32]
Int64: TypeAlias = npt.NDArray[np.int64]
Text: TypeAlias = npt.NDArray[np.str_]
Mask: TypeAlias = npt.NDArray[np.bool_]
Truth: TypeAlias = npt.NDArray[Any]
"""Labels as text, class numbers or targets: one per recording or window, or one per sample."""

TaskKind = Literal["classification", "regression", "anomaly", "events"]

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, eq=False)
class Windows:
    """The windows of one split, in physical units.

    Shapes: x: [n, T, C]; y: [n] or [n, T]; the rest [n].

    Args:
        x: Samples.
        y: What the task is to answer, as in the table above.
        group: Subject, machine or run; empty text where the source has none.
        source: File or recording that a window was cut from.
        recording: Number of the recording: windows with the same one lie on one stretch of time.
        start: First sample of the window on the time axis of its source; negative where copies of
            the first sample precede a short recording.
        last: Whether it is the last window of its recording.
        at_end: What y would be for the last sample of each window alone (anomaly), else None.
    """

    x: Float32
    y: Truth
    group: Text
    source: Text
    recording: Int64
    start: Int64
    last: Mask
    at_end: Truth | None = None

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self.y)

    def take(self, rows: npt.NDArray[Any]) -> Windows:
        """Return the windows at `rows`: indices or a mask."""
        columns = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{k: v[rows] for k, v in columns.items() if v is not None})


@dataclass(frozen=True, eq=False)
class Dataset:
    """Windows of the three splits, with what their axes mean."""

    train: Windows
    validation: Windows
    test: Windows
    classes: tuple[str, ...]
    channels: tuple[str, ...]
    channel_units: tuple[str, ...]
    sampling_rate_hz: float
    split: str
    """How the windows were split, as a sentence for reports."""
    task: TaskKind = "classification"
    """What a model is to answer; `classes` is empty for regression."""
    target_unit: str = ""
    """Unit of the targets (regression)."""
    vocabulary: tuple[str, ...] = ()
    """Symbols, in the order of their numbers, where the channels hold such numbers."""
    warnings: tuple[str, ...] = ()

    def splits(self) -> Iterator[tuple[str, Windows]]:
        """Yield name and windows of each split."""
        for name in SPLITS:
            yield name, getattr(self, name)

    def with_warnings(self, warnings: tuple[str, ...]) -> Dataset:
        """Return the data set with its warnings set."""
        return replace(self, warnings=warnings)

    @property
    def window_samples(self) -> int:
        """Samples in a window."""
        return int(self.train.x.shape[1])

    @property
    def class_counts(self) -> dict[str, Int64]:
        """Windows per class, for each split; samples per class for events, none for regression."""
        if self.task == "regression":
            return {name: np.zeros(0, np.int64) for name in SPLITS}
        return {
            name: np.bincount(windows.y.ravel(), minlength=len(self.classes)).astype(np.int64)
            for name, windows in self.splits()
        }


@dataclass(frozen=True, eq=False)
class Normalisation:
    """Mean and standard deviation of each channel over the training windows.

    Shapes: mean, std: [C], in the channels' units. A constant channel has std 1.

    Args:
        counts: The same for raw counts of the sensor, where all recordings are such.
    """

    mean: Float32
    std: Float32
    counts: CountNormalisation | None = None

    def apply(self, x: npt.ArrayLike) -> Float32:
        """Return (x - mean) / std in float32. Shapes: x: [..., C] -> the same."""
        return np.asarray((np.asarray(x, np.float32) - self.mean) / self.std, np.float32)


def fit_normalisation(train: Windows) -> Normalisation:
    """Return the normalisation of the training windows, which must be the training split's only."""
    constant = (train.x == train.x[:1, :1]).all(axis=(0, 1))
    mean = train.x.mean(axis=(0, 1), dtype=np.float64)
    std = train.x.std(axis=(0, 1), dtype=np.float64)
    std = np.where(constant | (std < np.finfo(np.float32).tiny), 1.0, std)
    return Normalisation(mean.astype(np.float32), std.astype(np.float32))


def normalisation_of(dataset: Dataset) -> Normalisation:
    """Return the normalisation of a data set; numbers of symbols stay as they are."""
    if dataset.vocabulary:
        channels = len(dataset.channels)
        return Normalisation(np.zeros(channels, np.float32), np.ones(channels, np.float32))
    return fit_normalisation(dataset.train)
