"""What teachers have in common: float networks too large for the device, which the student follows.

Several of them, of one kind or more, trained from different seeds, answer as an ensemble.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import nn


class Look(NamedTuple):
    """What a teacher answers, and what leads it there.

    Shapes: answers: [B, outputs], features: pooled [B, F], attention: [B, tokens], sums to 1.
    """

    answers: torch.Tensor
    features: torch.Tensor
    attention: torch.Tensor


class Teacher(nn.Module, ABC):
    """A member of the ensemble: [B, T, C] -> answers [B, outputs], or [B, tokens, outputs]."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return answers in the units of the task."""
        return self.look(x).answers

    @abstractmethod
    def look(self, x: torch.Tensor) -> Look:
        """Return answers in the units of the task, with features and attention."""

    @abstractmethod
    def trunk(self, x: torch.Tensor) -> torch.Tensor:
        """Return what is pooled. Shapes: x: [B, T, C] -> [B, tokens, width]."""

    @property
    @abstractmethod
    def features(self) -> int:
        """Pooled features."""

    def fit_inputs(self, x: torch.Tensor) -> None:
        """Learn from the training windows how to see samples, before any training.

        Shapes: x: normalised windows [N, T, C].
        """
