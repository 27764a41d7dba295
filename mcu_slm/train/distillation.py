"""Where soft answers come from: teachers trained here, or a file of anybody's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch.nn import functional

from mcu_slm.train.augment import Mix
from mcu_slm.train.tasks import Task
from mcu_slm.train.teacher import Look, Teacher


@dataclass(frozen=True, eq=False)
class Lesson:
    """A batch as a network learns it.

    Args:
        x: Changed and mixed windows [B, T, C].
        targets: What the truth says, mixed in the same way.
        rows: Which training windows they are.
        mix: How they were mixed.
        number: Epoch of the random stream and batch in it: the same number means the same lesson.
        elapsed: How far the phase is, 0 to 1.
    """

    x: torch.Tensor
    targets: torch.Tensor
    rows: torch.Tensor
    mix: Mix
    number: tuple[int, int] | None = None
    elapsed: float = 0.0


@dataclass(frozen=True, eq=False)
class Insight:
    """What teachers see in a lesson.

    Shapes: features: [B, F], those of each member at length 1; attention: [B, tokens], sums to 1.
    """

    features: torch.Tensor
    attention: torch.Tensor


class Guide(Protocol):
    """Gives soft answers."""

    def soft_answers(self, lesson: Lesson) -> torch.Tensor:
        """Return what the student shall learn to answer beside the truth."""
        ...


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Teachers that answer together; they must be in evaluation mode, and where lessons are.

    They cost more than the student, so what they said to a numbered lesson is kept.

    Args:
        open: Whether they show their inside; it takes memory.
    """

    members: Sequence[Teacher]
    task: Task
    open: bool = False
    known: dict[tuple[int, int], tuple[torch.Tensor, Insight | None]] = field(default_factory=dict)

    def soft_answers(self, lesson: Lesson) -> torch.Tensor:
        """Return the members' joint answer to the changed windows."""
        return self._said(lesson)[0]

    def insight(self, lesson: Lesson) -> Insight:
        """Return what open members see in the changed windows."""
        insight = self._said(lesson)[1]
        assert insight is not None, "these teachers do not show their inside"
        return insight

    @torch.no_grad()
    def _said(self, lesson: Lesson) -> tuple[torch.Tensor, Insight | None]:
        said = None if lesson.number is None else self.known.get(lesson.number)
        if said is None:
            looks = [member.look(lesson.x) for member in self.members]
            answers = self.task.soft_answers([look.answers for look in looks])
            said = (answers, _insight(looks) if self.open else None)
            if lesson.number is not None:
                self.known[lesson.number] = said
        return said

    def answer(self, x: torch.Tensor) -> torch.Tensor:
        """Return the joint answer to windows [B, T, C], on their processor."""
        there = x.to(next(self.members[0].parameters()).device)
        return self.task.ensemble([member(there) for member in self.members]).to(x.device)


def _insight(looks: Sequence[Look]) -> Insight:
    """Join what the members of an ensemble see."""
    features = [functional.normalize(look.features, dim=1) for look in looks]
    attention = torch.stack([look.attention for look in looks]).mean(0)
    return Insight(torch.cat(features, 1), attention)


@dataclass(frozen=True, eq=False)
class SoftLabels:
    """Answers that somebody else's model gave to the training windows.

    Shapes: answers: like the student's, one row per training window.
    """

    answers: torch.Tensor
    task: Task

    def soft_answers(self, lesson: Lesson) -> torch.Tensor:
        """Return the answers to the windows as they were, mixed as the windows were."""
        soft = lesson.mix.apply(self.task.soft_answers([self.answers[lesson.rows]]))
        return soft.to(lesson.x.device)
