"""Where soft answers come from: teachers trained here, or a file of anybody's logits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import nn

from mcu_slm.train.augment import Mix
from mcu_slm.train.tasks import Task


@dataclass(frozen=True, eq=False)
class Lesson:
    """A batch as a network learns it.

    Args:
        x: Changed and mixed windows [B, T, C].
        targets: What the truth says, mixed in the same way.
        rows: Which training windows they are.
        mix: How they were mixed.
        number: Epoch of the random stream and batch in it: the same number means the same lesson.
    """

    x: torch.Tensor
    targets: torch.Tensor
    rows: torch.Tensor
    mix: Mix
    number: tuple[int, int] | None = None


class Guide(Protocol):
    """Gives soft answers."""

    def soft_answers(self, lesson: Lesson) -> torch.Tensor:
        """Return what the student shall learn to answer beside the truth."""
        ...


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Teachers that answer together; they must be in evaluation mode.

    They cost more than the student, so the answers to a numbered lesson are kept.
    """

    members: Sequence[nn.Module]
    task: Task
    known: dict[tuple[int, int], torch.Tensor] = field(default_factory=dict)

    @torch.no_grad()
    def soft_answers(self, lesson: Lesson) -> torch.Tensor:
        """Return the members' joint answer to the changed windows."""
        answers = None if lesson.number is None else self.known.get(lesson.number)
        if answers is None:
            answers = self.task.soft_answers([member(lesson.x) for member in self.members])
            if lesson.number is not None:
                self.known[lesson.number] = answers
        return answers

    def answer(self, x: torch.Tensor) -> torch.Tensor:
        """Return the joint answer to windows [B, T, C]."""
        return self.task.ensemble([member(x) for member in self.members])


@dataclass(frozen=True, eq=False)
class SoftLabels:
    """Answers that somebody else's model gave to the training windows.

    Shapes: answers: like the student's, one row per training window.
    """

    answers: torch.Tensor
    task: Task

    def soft_answers(self, lesson: Lesson) -> torch.Tensor:
        """Return the answers to the windows as they were, mixed as the windows were."""
        return lesson.mix.apply(self.task.soft_answers([self.answers[lesson.rows]]))
