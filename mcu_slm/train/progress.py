"""What training tells while it runs; whoever called it decides how to show it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class ProgressEvent:
    """One finished epoch.

    `validation` is the `metric` of the validation windows, None where those are learned from.

    Units: seconds_left is an estimate for this phase alone.
    """

    phase: str
    epoch: int
    epochs: int
    loss: float
    metric: str
    validation: float | None
    seconds_left: float


Progress = Callable[[ProgressEvent], None]
