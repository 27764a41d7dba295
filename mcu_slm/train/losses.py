"""What the networks minimise, and how they are scored."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn import functional

from mcu_slm.train.loop import Score, TensorWindows

EVALUATION_BATCH = 512

Predict = Callable[[torch.Tensor], torch.Tensor]
"""Windows [B, T, C] to logits [B, classes]."""


def smoothed_targets(labels: torch.Tensor, classes: int, smoothing: float) -> torch.Tensor:
    """Return label probabilities with the share `smoothing` spread over all classes."""
    hard = functional.one_hot(labels, classes).float()
    return hard * (1.0 - smoothing) + smoothing / classes


def hard_label_loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the cross entropy with target probabilities."""
    return functional.cross_entropy(logits, targets)


def distillation_loss(
    logits: torch.Tensor,
    targets: torch.Tensor,
    teacher: torch.Tensor,
    *,
    temperature: float,
    teacher_share: float,
) -> torch.Tensor:
    """Mix the cross entropy with the labels and the divergence from the teacher's softened answer.

    The factor temperature^2 keeps the gradients of the soft part at the size of the hard part.

    Shapes: logits, targets, teacher: [B, classes]; the last two are probabilities.

    Source: Hinton, Vinyals, Dean: Distilling the Knowledge in a Neural Network (2015).
    """
    soft = functional.kl_div(
        functional.log_softmax(logits / temperature, -1), teacher, reduction="batchmean"
    )
    hard = hard_label_loss(logits, targets)
    return (1.0 - teacher_share) * hard + teacher_share * temperature**2 * soft


@torch.no_grad()
def predict_all(predict: Predict, x: torch.Tensor) -> torch.Tensor:
    """Return the logits of many windows, in batches."""
    return torch.cat([predict(part) for part in torch.split(x, EVALUATION_BATCH)])


def score(predict: Predict, data: TensorWindows) -> Score:
    """Return accuracy and mean cross entropy."""
    logits = predict_all(predict, data.x)
    loss = float(functional.cross_entropy(logits, data.y))
    return Score(float((logits.argmax(-1) == data.y).float().mean()), loss)
