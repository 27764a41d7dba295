"""A teacher of a student's family: the same kind of network, larger, and never quantised."""

from __future__ import annotations

import torch

from mcu_slm.train.backends import FloatOps
from mcu_slm.train.families import Student
from mcu_slm.train.teacher import Look, Teacher


class FamilyTeacher(Teacher):
    """A student that teaches: windows [B, T, C] to answers [B, outputs].

    Args:
        student: The network.
        dropout: Share of its pooled features that are dropped in training.
    """

    def __init__(self, student: Student, dropout: float) -> None:
        super().__init__()
        self.student = student
        self.dropout = dropout

    @property
    def features(self) -> int:
        """It shows no features to be matched."""
        return 0

    def fit_inputs(self, x: torch.Tensor) -> None:
        """Learn from the training windows how to see samples. Shapes: x: [N, T, C]."""
        self.student.fit_inputs(x)

    def look(self, x: torch.Tensor) -> Look:
        """Return answers, and nothing of what leads there."""
        answers = self.student.forward(self._ops(), x.unsqueeze(1))
        return Look(answers, x.new_zeros(len(x), 0), x.new_zeros(len(x), 0))

    def trunk(self, x: torch.Tensor) -> torch.Tensor:
        """Return the tokens. Shapes: x: [B, T, C] -> [B, tokens, width]."""
        return self.student.trunk(self._ops(), x.unsqueeze(1))[:, 0]

    def _ops(self) -> FloatOps:
        return FloatOps(learn_statistics=self.training, dropout=self.dropout)
