"""A class per window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional

from mcu_slm.train.families.student import Head
from mcu_slm.train.tasks.base import Task


@dataclass(frozen=True)
class Classification(Task):
    """Logits per class.

    Args:
        classes: Number of classes.
        label_smoothing: Share of each label spread over all classes.
        temperature: Softness of the teachers' answers.
    """

    kind = "classification"
    main_metric = "accuracy"

    classes: int
    label_smoothing: float = 0.0
    temperature: float = 1.0

    @property
    def head(self) -> Head:
        """One logit per class."""
        return Head(self.classes)

    def targets(self, truth: torch.Tensor) -> torch.Tensor:
        """Return smoothed label probabilities."""
        hard = functional.one_hot(truth, self.classes).float()
        return hard * (1.0 - self.label_smoothing) + self.label_smoothing / self.classes

    def loss(self, answers: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the cross entropy with target probabilities."""
        return functional.cross_entropy(answers.flatten(0, -2), targets.flatten(0, -2))

    def soft_answers(self, answers: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the mean of the softened probabilities."""
        soft = [functional.softmax(logits / self.temperature, -1) for logits in answers]
        return torch.stack(soft).mean(0)

    def distillation_loss(self, answers: torch.Tensor, soft: torch.Tensor) -> torch.Tensor:
        """Return the divergence from the teachers' softened answer.

        The factor temperature^2 keeps its gradients at the size of those of the labels.

        Source: Hinton, Vinyals, Dean: Distilling the Knowledge in a Neural Network (2015).
        """
        logits = functional.log_softmax(answers / self.temperature, -1)
        divergence = functional.kl_div(
            logits.flatten(0, -2), soft.flatten(0, -2), reduction="batchmean"
        )
        return self.temperature**2 * divergence

    def ensemble(self, answers: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the logarithm of the mean probability."""
        mean = torch.stack([functional.softmax(logits, -1) for logits in answers]).mean(0)
        return mean.clamp_min(1e-12).log()

    def metrics(self, answers: torch.Tensor, truth: torch.Tensor) -> dict[str, float]:
        """Return accuracy and macro-F1."""
        predicted = answers.argmax(-1)
        table = confusion_matrix(predicted, truth, self.classes)
        return {
            "accuracy": float(table.diagonal().sum() / table.sum()),
            "macro_f1": float(f1_scores(table).mean()),
        }


def confusion_matrix(predicted: torch.Tensor, truth: torch.Tensor, classes: int) -> torch.Tensor:
    """Return how often each class (rows) was taken for each class (columns), as float64."""
    cells = truth.flatten() * classes + predicted.flatten()
    counts = torch.bincount(cells, minlength=classes * classes)
    return counts.reshape(classes, classes).double()


def f1_scores(table: torch.Tensor) -> torch.Tensor:
    """Return F1 of each class that occurs in truth or answers; others are left out."""
    hits = table.diagonal()
    both = table.sum(0) + table.sum(1)
    return 2.0 * hits[both > 0] / both[both > 0]
