"""What each stage of the recipe gives, and what its network would cost on the board."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from mcu_slm.train.distillation import Guide
from mcu_slm.train.families import Student, deployed_parameter_count
from mcu_slm.train.prune import CostOf
from mcu_slm.train.session import Predict, Session
from mcu_slm.train.teaching import guide_parameter_count, judge_guide

Metrics = dict[str, dict[str, float]]
"""Results per split and name."""


@dataclass(frozen=True, eq=False)
class Stages:
    """The stages so far, in the order they happened.

    Args:
        metrics: Results of each.
        costs: Numbers that reach the device ("parameters"), and what is predicted of one inference
            on the board; of teachers, which never get there, the parameters alone.
    """

    session: Session
    cost_of: CostOf
    metrics: dict[str, Metrics] = field(default_factory=dict)
    costs: dict[str, dict[str, int]] = field(default_factory=dict)

    def judge_guide(self, guide: Guide | None) -> None:
        """Enter the student's guide, if its answers are known."""
        judged = None if guide is None else judge_guide(self.session, guide)
        if judged is not None:
            self.metrics["teacher"] = judged
            count = guide_parameter_count(guide)
            self.costs["teacher"] = {"parameters": count} if count else {}

    def judge(self, name: str, student: Student, predict: Predict) -> None:
        """Enter a student as it is now."""
        self.metrics[name] = self.session.judge(predict)
        count = deployed_parameter_count(student)
        self.costs[name] = {"parameters": count, **asdict(self.cost_of(student))}
