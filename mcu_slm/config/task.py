"""`[task]`: what a model answers about a window: its class, a number, an alarm, a class per step.

One model per `kind`, as for the formats of `[data]`.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, Strict, model_validator

from mcu_slm.config.base import Labels, Name, Section, Share
from mcu_slm.config.data import DataConfig

LARGEST_TARGET = 2_000_000
"""Firmware tells values in thousandths of the unit, as 32-bit integers."""


class ClassificationTask(Section):
    """A class per window."""

    kind: Literal["classification"] = "classification"
    """What the model answers."""


class RegressionTask(Section):
    """A number per window: the target at its last sample."""

    kind: Literal["regression"] = "regression"
    """What the model answers."""
    unit: Name
    """Unit of the target."""
    min: float
    """Smallest target, in the unit; smaller ones are clipped to it."""
    max: float
    """Largest target, in the unit; larger ones are clipped to it."""
    validation_range: Annotated[tuple[float, float], Strict(False)] | None = None
    """Validation windows whose target, as clipped, lies outside these two do not count: where
    recordings run to the end but the test stops earlier, choices are made by what the test is like.
    In the unit; an upper end of `max` or more leaves out none."""
    evaluate: Literal["all", "last"] = "all"
    """all: score every window of the test; last: only the last one of each recording, and windows
    are then cut so that the last one ends with the recording."""
    score: Literal["rmse"] = "rmse"
    """The figure that the test gives: rmse is the root of the mean squared error."""

    @model_validator(mode="after")
    def _range_is_not_empty(self) -> Self:
        if self.min >= self.max:
            raise ValueError(f"min {self.min:g} is not below max {self.max:g}")
        if max(-self.min, self.max) > LARGEST_TARGET:
            raise ValueError(
                f"min and max are told in thousandths, in 32 bits: expected -{LARGEST_TARGET:,} to "
                f"{LARGEST_TARGET:,}; choose a larger unit"
            )
        return self


class AnomalyTask(Section):
    """An alarm per window; only windows without anomaly train."""

    kind: Literal["anomaly"] = "anomaly"
    """What the model answers."""
    normal_labels: Annotated[Labels, Field(min_length=1)]
    """Labels of normal samples; all others are anomalies. A window with one anomalous sample is an
    anomaly."""
    false_alarm_rate: Share = 0.001
    """Share of normal windows that may alarm; sets the threshold."""


class EventsTask(Section):
    """A class per sample: labels change inside a window."""

    kind: Literal["events"] = "events"
    """What the model answers."""


TaskConfig = Annotated[
    ClassificationTask | RegressionTask | AnomalyTask | EventsTask, Field(discriminator="kind")
]
"""The section `[task]`: one model per `kind`."""


def require_data_for_task(task: TaskConfig, data: DataConfig) -> None:
    """Refuse data that cannot say what the task is to learn, and keys that mean nothing for it.

    Raises:
        ValueError: names the keys that do not fit together.
    """
    kind = task.kind
    _refuse_keys_without_meaning(kind, data)
    _require_truth(kind, data)
    if isinstance(task, AnomalyTask):
        both = sorted({str(v) for v in task.normal_labels} & {str(v) for v in data.ignore_labels})
        if both:
            raise ValueError(f"task.normal_labels and data.ignore_labels both name {both[0]!r}")


def _refuse_keys_without_meaning(kind: str, data: DataConfig) -> None:
    """Refuse keys of `[data]` that the task does not use."""
    meant_for = {
        "classes": ("classification", "events"),
        "class_labels": ("classification", "events"),
        "ignore_labels": ("classification", "anomaly", "events"),
        "pad_start": ("regression", "anomaly"),
    }
    for key, kinds in meant_for.items():
        if getattr(data, key) and kind not in kinds:
            raise ValueError(f'data.{key} means nothing for task.kind = "{kind}"')
    if data.split.kind == "probation" and kind != "anomaly":
        raise ValueError(
            'data.split.kind = "probation" needs task.kind = "anomaly", found '
            f'"{kind}"; use "by_time"'
        )


def _require_truth(kind: str, data: DataConfig) -> None:
    """Refuse a source of labels where targets are needed, and the reverse."""
    if kind == "regression":
        if not data.has_targets:
            raise ValueError('task.kind = "regression" needs data.target or data.target_countdown')
        return
    if data.has_targets:
        raise ValueError(f'data.target needs task.kind = "regression", found "{kind}"')
    if kind == "events" and data.format in ("ts", "aeon"):
        raise ValueError(f'task.kind = "events" needs a label per sample; {data.format} has none')
    label = getattr(data, "label", None)
    if kind == "events" and label is not None and label.column is None:
        raise ValueError('task.kind = "events" needs data.label = { column = "..." }')
