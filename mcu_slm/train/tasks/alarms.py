"""How well scores and alarms tell anomalies from the rest: pure functions of points in time.

Shapes: scores, alarms, labels: [n], a label is True in an anomaly. `stretch`: [n], number of the
uninterrupted stretch of time that a point lies on; points are in the order of time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from mcu_slm.errors import TrainingError


@dataclass(frozen=True, eq=False)
class Points:
    """Where windows end: each gives the score of that point in time. Shapes: [n] each.

    Args:
        label: Whether the last sample of the window is anomalous.
        recording: Number of the recording.
        start: First sample of the window.
    """

    label: torch.Tensor
    recording: torch.Tensor
    start: torch.Tensor

    def order(self) -> torch.Tensor:
        """Return the rows in the order of time."""
        by_start = torch.argsort(self.start, stable=True)
        return by_start[torch.argsort(self.recording[by_start], stable=True)]

    def stretches(self, order: torch.Tensor) -> torch.Tensor:
        """Return the number of each ordered point's stretch: windows a hop apart are on one."""
        steps = self.start[order].diff()
        same = self.recording[order].diff() == 0
        hop = steps[same].min() if bool(same.any()) else steps.new_tensor(0)
        breaks = ~same | (steps > hop)
        return torch.cat([breaks.new_zeros(1), breaks]).cumsum(0)


TAIL = 0.1
"""Share of the normal scores whose tail is continued where they are too few for a rate."""
FEWEST_FOR_TAIL = 30


def calibrated_threshold(normal: torch.Tensor, rate: float) -> float:
    """Return the lowest score that at most a share `rate` of normal scores exceed.

    Fewer scores than 1 / rate cannot say that: then it is the highest, or what their tail gives
    when it is continued as an exponential one, if that is higher.

    Source: Siffer et al.: Anomaly Detection in Streams with Extreme Value Theory (2017), with the
    shape of the tail fixed, as few scores cannot tell it.

    Raises:
        TrainingError: There is no normal score.
    """
    if not len(normal):
        raise TrainingError(
            "validation windows",
            "none of them is normal",
            "some that the threshold can be set by",
            "Change the split in [data.split].",
        )
    allowed = math.floor(rate * len(normal))
    ordered = torch.sort(normal.double().flatten(), descending=True).values
    highest = float(ordered[allowed])
    if allowed > 0 or len(ordered) < FEWEST_FOR_TAIL:
        return highest
    tail = int(TAIL * len(ordered))
    edge = float(ordered[tail])
    excess = float((ordered[:tail] - edge).mean())
    return max(highest, edge + excess * math.log(TAIL / rate))


def auroc(scores: torch.Tensor, labels: torch.Tensor) -> float:
    """Return how often an anomaly scores higher than a normal point; equal scores count half."""
    values, place = torch.unique(scores, return_inverse=True)
    positive = torch.bincount(place[labels], minlength=len(values)).double()
    negative = torch.bincount(place[~labels], minlength=len(values)).double()
    below = negative.cumsum(0) - negative / 2
    return float((positive * below).sum() / (positive.sum() * negative.sum()))


def average_precision(scores: torch.Tensor, labels: torch.Tensor) -> float:
    """Return the mean precision over the anomalies, each at the threshold that just finds it.

    Equal scores are found together.
    """
    values, place = torch.unique(scores, return_inverse=True)
    positive = torch.bincount(place[labels], minlength=len(values)).double().flip(0)
    everything = torch.bincount(place, minlength=len(values)).double().flip(0)
    precision = positive.cumsum(0) / everything.cumsum(0)
    return float((positive * precision).sum() / positive.sum())


def f1(alarms: torch.Tensor, labels: torch.Tensor) -> float:
    """Return the harmonic mean of precision and recall; 0 without any hit."""
    hits = float((alarms & labels).sum())
    return 2.0 * hits / max(float(alarms.sum() + labels.sum()), 1.0)


def point_adjusted(
    alarms: torch.Tensor, labels: torch.Tensor, stretch: torch.Tensor
) -> torch.Tensor:
    """Return alarms with every labelled stretch alarmed as a whole that has one alarm in it.

    This flatters: with enough random alarms every long anomaly counts as found completely.

    Source: Xu et al.: Unsupervised Anomaly Detection via Variational Auto-Encoder (2018).
    """
    number = runs(labels, stretch)
    found = torch.zeros(int(number.max()) + 1, dtype=torch.bool)
    found[number[alarms & labels]] = True
    return torch.where(labels, found[number], alarms)


def runs(marked: torch.Tensor, stretch: torch.Tensor) -> torch.Tensor:
    """Number the runs of marked points from 1 on; other points get 0."""
    before = torch.cat([marked.new_zeros(1), marked[:-1] & (stretch.diff() == 0)])
    return torch.where(marked, (marked & ~before).cumsum(0), 0)


def alarm_metrics(
    alarms: torch.Tensor, labels: torch.Tensor, stretch: torch.Tensor
) -> dict[str, float]:
    """Judge alarms point by point and event by event.

    false_alarms_per_1000 counts alarmed points outside anomalies, per 1,000 points outside them;
    false_alarm_events counts their unbroken runs. needless_alarms counts the runs of alarmed points
    that touch no anomaly: what fades after one is no alarm of its own.
    """
    false = alarms & ~labels
    anomalies = runs(labels, stretch)
    outside = int((~labels).sum())
    raised = runs(alarms, stretch)
    needless = float(raised.max()) - len(torch.unique(raised[alarms & labels]))
    adjusted = point_adjusted(alarms, labels, stretch)
    return {
        "f1": f1(alarms, labels),
        "point_adjusted_f1": f1(adjusted, labels),
        "anomalies": float(anomalies.max()),
        "anomalies_found": float(len(torch.unique(anomalies[alarms & labels]))),
        "false_alarms_per_1000": 1000.0 * int(false.sum()) / max(outside, 1),
        "false_alarm_events": float(runs(false, stretch).max()),
        "needless_alarms": needless,
        "needless_alarms_per_1000": 1000.0 * needless / max(outside, 1),
    }
