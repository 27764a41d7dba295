"""A class per time step: where in a window does what happen?

The network answers per token; a token's answer holds for the samples it stands for, L tokens
sharing T samples equally.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from mcu_slm.train.families.student import Head
from mcu_slm.train.tasks.classification import Classification

OVERLAP = 0.5
"""A segment is found where an answered one of its class shares this much of their union."""


@dataclass(frozen=True)
class Events(Classification):
    """Logits per class and token. Shapes: answers: [B, L, classes], truth: [B, T]."""

    kind = "events"
    main_metric = "macro_f1"

    @property
    def head(self) -> Head:
        """One logit per class, for each token."""
        return Head(self.classes, per_token=True)

    def loss(self, answers: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the cross entropy, averaged over samples."""
        return super().loss(at_steps(answers, targets.shape[1]), targets)

    def distillation_loss(self, answers: torch.Tensor, soft: torch.Tensor) -> torch.Tensor:
        """Return the divergence from the teachers, who may have another number of tokens."""
        steps = max(answers.shape[1], soft.shape[1])
        return super().distillation_loss(at_steps(answers, steps), at_steps(soft, steps))

    def soft_answers(self, answers: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the mean of the softened probabilities, in the finest steps among the members."""
        return super().soft_answers(in_finest_steps(answers))

    def ensemble(self, answers: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the logarithm of the mean probability, in the finest steps among the members."""
        return super().ensemble(in_finest_steps(answers))

    def metrics(self, answers: torch.Tensor, truth: torch.Tensor) -> dict[str, float]:
        """Return accuracy and macro-F1 of samples, and F1 of whole segments."""
        steps = at_steps(answers, truth.shape[1])
        return {
            **super().metrics(steps, truth),
            "segment_f1": segment_f1(steps.argmax(-1), truth),
        }


def at_steps(answers: torch.Tensor, steps: int) -> torch.Tensor:
    """Repeat the answers of tokens for the steps they stand for.

    Shapes: answers: [B, L, classes] -> [B, steps, classes].
    """
    tokens = answers.shape[1]
    return answers[:, torch.arange(steps, device=answers.device) * tokens // steps]


def in_finest_steps(answers: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """Return answers of several networks in as many steps as the finest of them has."""
    steps = max(logits.shape[1] for logits in answers)
    return [at_steps(logits, steps) for logits in answers]


def segment_f1(predicted: torch.Tensor, truth: torch.Tensor) -> float:
    """Return F1 of segments of one class, of which a half must overlap; windows lie apart.

    Shapes: predicted, truth: [N, T].

    Source: Lea et al.: Temporal Convolutional Networks for Action Segmentation (2017), F1@50.
    """
    begins, ends, classes = _segments(truth)
    found_begins, found_ends, found_classes = _segments(predicted)
    # Candidates are the answered segments that begin before a true one ends and end behind its
    # begin; as segments of one kind never overlap, at most one shares more than half of the union.
    first = torch.searchsorted(found_ends, begins, right=True)
    last = torch.searchsorted(found_begins, ends, right=False)
    hits = 0
    for offset in range(int((last - first).max()) if len(begins) else 0):
        at = (first + offset).clamp(max=len(found_begins) - 1)
        inside = first + offset < last
        shared = torch.minimum(ends, found_ends[at]) - torch.maximum(begins, found_begins[at])
        union = torch.maximum(ends, found_ends[at]) - torch.minimum(begins, found_begins[at])
        same = found_classes[at] == classes
        hits += int((inside & same & (shared > OVERLAP * union)).sum())
    return 2.0 * hits / max(len(begins) + len(found_begins), 1)


def _segments(labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return begin, end (exclusive) and class of every run of one label, over all windows."""
    windows, steps = labels.shape
    change = torch.ones(windows, steps, dtype=torch.bool)
    change[:, 1:] = labels[:, 1:] != labels[:, :-1]
    begins = change.flatten().nonzero().flatten()
    ends = torch.cat([begins[1:], torch.tensor([windows * steps])])
    return begins, ends, labels.flatten()[begins]
