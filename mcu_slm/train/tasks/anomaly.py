"""An alarm where a window is too surprising: only normal windows are learned from.

The network answers a score, its surprise in nats per sample, and minimises that of normal windows.
The threshold is the score that no more than a wished share of the normal validation windows
exceeds. Windows are judged at the point in time where they end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch

from mcu_slm.train.families.student import Head
from mcu_slm.train.tasks.alarms import alarm_metrics, auroc, average_precision, calibrated_threshold
from mcu_slm.train.tasks.base import Judged, Score, Task


@dataclass(frozen=True)
class Anomaly(Task):
    """A score per window.

    Args:
        false_alarm_rate: Share of normal windows that may exceed the threshold.
    """

    kind = "anomaly"
    main_metric = "auroc"
    chosen_by = "surprise"
    taught = False
    mixed = False

    # The threshold is set after training, which does not depend on it.
    false_alarm_rate: float = field(default=0.001, repr=False)

    @property
    def head(self) -> Head:
        """The surprise."""
        return Head(1, surprise=True)

    def targets(self, truth: torch.Tensor) -> torch.Tensor:
        """Return which windows have an anomaly, as a column."""
        return truth.float().unsqueeze(-1)

    def loss(self, answers: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the mean surprise of the normal windows."""
        normal = 1.0 - targets
        return (answers * normal).sum() / normal.sum().clamp_min(1.0)

    def soft_answers(self, answers: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the mean score."""
        return torch.stack(list(answers)).mean(0)

    def distillation_loss(self, answers: torch.Tensor, soft: torch.Tensor) -> torch.Tensor:
        """Return the mean squared difference of the scores."""
        return (answers - soft).square().mean()

    def ensemble(self, answers: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the mean score."""
        return self.soft_answers(answers)

    def score(self, answers: torch.Tensor, truth: torch.Tensor) -> Score:
        """Return the mean surprise of the normal windows: no anomaly decides about an epoch."""
        surprise = float(self.loss(answers, self.targets(truth)))
        return Score(-surprise, surprise)

    def metrics(self, answers: torch.Tensor, truth: torch.Tensor) -> dict[str, float]:
        """Return what needs no threshold."""
        scores, labels = answers.flatten(), truth.bool()
        found = {"surprise": float(self.loss(answers, self.targets(truth)))}
        if bool(labels.any()) and not bool(labels.all()):
            found["auroc"] = auroc(scores, labels)
            found["average_precision"] = average_precision(scores, labels)
        return found

    def judge(self, splits: Mapping[str, Judged]) -> dict[str, dict[str, float]]:
        """Judge the points in time, at the threshold that the normal validation windows give."""
        validation = splits["validation"]
        normal = validation.answers.flatten()[validation.truth == 0]
        threshold = calibrated_threshold(normal, self.false_alarm_rate)
        return {name: self._at(threshold, part) for name, part in splits.items()}

    def _at(self, threshold: float, part: Judged) -> dict[str, float]:
        points = part.points
        if points is None:
            return {**self.metrics(part.answers, part.truth), "threshold": threshold}
        order = points.order()
        answers, labels = part.answers[order], points.label[order].bool()
        alarms = answers.flatten() > threshold
        return {
            **self.metrics(answers, labels),
            "threshold": threshold,
            **alarm_metrics(alarms, labels, points.stretches(order)),
        }
