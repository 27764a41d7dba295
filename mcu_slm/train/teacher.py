"""What teachers have in common: float networks too large for the device, which the student follows.

Several of them, of one kind or more, trained from different seeds, answer as an ensemble.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from mcu_slm.train.families import Head


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


class PooledTeacher(Teacher):
    """A teacher whose tokens are pooled by attention and by their mean, then one linear layer.

    A head per token pools nothing and answers [B, tokens, outputs].
    """

    def add_answer(self, width: int, head: Head, dropout: float) -> None:
        """Add the last layers, behind a trunk whose tokens have so many features."""
        if not head.per_token:
            self.pool_score = nn.Linear(width, 1)
        self.dropout = nn.Dropout(dropout)
        self.head = head
        self.answer = nn.Linear(width if head.per_token else 2 * width, head.outputs)

    @property
    def features(self) -> int:
        """Pooled features."""
        return self.answer.in_features

    def look(self, x: torch.Tensor) -> Look:
        """Return answers in the units of the task, with features and attention."""
        tokens = self.trunk(x)
        if self.head.per_token:
            even = tokens.new_full(tokens.shape[:2], 1.0 / tokens.shape[1])
            return Look(self._answers(tokens), tokens.mean(1), even)
        weights = functional.softmax(self.pool_score(tokens), dim=1)
        pooled = torch.cat([(weights * tokens).sum(1), tokens.mean(1)], dim=1)
        return Look(self._answers(pooled), pooled, weights.squeeze(2))

    def _answers(self, features: torch.Tensor) -> torch.Tensor:
        answers: torch.Tensor = self.answer(self.dropout(features))
        return answers * self.head.gain + self.head.offset
