"""What a task decides: what the network answers, what is minimised, and how answers are judged."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch

from mcu_slm.train.families.student import Head
from mcu_slm.train.tasks.alarms import Points

Metrics = Mapping[str, float]
"""Results by name; shares are 0 to 1, everything else is in the task's unit."""


@dataclass(frozen=True)
class Score:
    """Result on validation data: the task's main metric, signed so that more is better."""

    value: float
    loss: float

    def better_than(self, other: Score | None) -> bool:
        """Whether this beats `other`: the metric first, then the loss."""
        return other is None or (self.value, -self.loss) >= (other.value, -other.loss)


@dataclass(frozen=True, eq=False)
class Judged:
    """The answers to the windows of a split, their truth, and where on time they lie."""

    answers: torch.Tensor
    truth: torch.Tensor
    points: Points | None = None


class Task(ABC):
    """One kind of question. Answers are in the units of the task, as the device gives them.

    Shapes: answers: [B, outputs] ([B, tokens, outputs] of a head per token), truth: as in the data
    set, targets: like answers.
    """

    kind: ClassVar[str]
    main_metric: ClassVar[str]
    """Name of the metric by which models, and usually epochs, are chosen."""
    larger_is_better: ClassVar[bool] = True
    chosen_by: ClassVar[str] = ""
    """Name of the metric by which epochs are chosen, where it is another one."""
    taught: ClassVar[bool] = True
    """Whether a teacher's answers help."""
    mixed: ClassVar[bool] = True
    """Whether two windows can be mixed."""

    @property
    @abstractmethod
    def head(self) -> Head:
        """What the network has to answer."""

    @abstractmethod
    def targets(self, truth: torch.Tensor) -> torch.Tensor:
        """Return what the network learns to answer; mixing two windows mixes these."""

    @abstractmethod
    def loss(self, answers: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the loss against targets."""

    @abstractmethod
    def soft_answers(self, answers: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return what several teachers answer together, as a student learns it."""

    @abstractmethod
    def distillation_loss(self, answers: torch.Tensor, soft: torch.Tensor) -> torch.Tensor:
        """Return the loss against the teachers' soft answers."""

    @abstractmethod
    def ensemble(self, answers: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the joint answer of several networks."""

    @abstractmethod
    def metrics(self, answers: torch.Tensor, truth: torch.Tensor) -> dict[str, float]:
        """Judge the answers to the windows of a split."""

    def judge(self, splits: Mapping[str, Judged]) -> dict[str, dict[str, float]]:
        """Judge the answers to the windows of all splits, which include the validation's."""
        return {name: self.metrics(part.answers, part.truth) for name, part in splits.items()}

    def score(self, answers: torch.Tensor, truth: torch.Tensor) -> Score:
        """Return what epochs are chosen by."""
        value = self.metrics(answers, truth)[self.main_metric]
        loss = float(self.loss(answers, self.targets(truth)))
        return Score(value if self.larger_is_better else -value, loss)
