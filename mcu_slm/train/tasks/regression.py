"""A value per window: remaining life, a temperature, a load."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional

from mcu_slm.train.families.student import Head
from mcu_slm.train.tasks.base import Task


@dataclass(frozen=True)
class Regression(Task):
    """One value in the task's unit.

    Args:
        low, high: Bounds of the values; truth is clipped to them, and so are answers.
    """

    kind = "regression"
    main_metric = "rmse"
    larger_is_better = False

    low: float
    high: float

    @property
    def head(self) -> Head:
        """One value; the network itself learns it between 0 and 1."""
        return Head(1, gain=self.high - self.low, offset=self.low)

    def targets(self, truth: torch.Tensor) -> torch.Tensor:
        """Return the clipped values as a column."""
        return truth.float().clamp(self.low, self.high).unsqueeze(-1)

    def loss(self, answers: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the mean squared error, as a share of the range."""
        return functional.mse_loss(self._share(answers), self._share(targets))

    def soft_answers(self, answers: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the mean of the teachers' values."""
        return torch.stack(list(answers)).mean(0)

    def distillation_loss(self, answers: torch.Tensor, soft: torch.Tensor) -> torch.Tensor:
        """Return the mean squared error against the teachers."""
        return self.loss(answers, soft)

    def ensemble(self, answers: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the mean value."""
        return self.soft_answers(answers)

    def metrics(self, answers: torch.Tensor, truth: torch.Tensor) -> dict[str, float]:
        """Return errors in the task's unit, and the C-MAPSS score.

        The score adds up exp(late / 10) - 1 for answers that are too high and exp(early / 13) - 1
        for those that are too low: a failure that comes earlier than announced costs more.

        Source: Saxena et al.: Damage Propagation Modeling for Aircraft Engine Run-to-Failure
        Simulation (2008).
        """
        answers = answers.clamp(self.low, self.high).double().flatten()
        error = answers - truth.double().clamp(self.low, self.high).flatten()
        late = torch.where(error < 0, -error / 13.0, error / 10.0)
        return {
            "rmse": float(error.square().mean().sqrt()),
            "mae": float(error.abs().mean()),
            "bias": float(error.mean()),
            "cmapss_score": float(torch.expm1(late).sum()),
        }

    def _share(self, values: torch.Tensor) -> torch.Tensor:
        return (values - self.low) / (self.high - self.low)
