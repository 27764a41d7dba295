"""Matching a student's inside to its teachers': pooled features, and where in time they look.

Dimension letters: B batch, F features, L tokens.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn import functional

from mcu_slm.config import TrainConfig
from mcu_slm.errors import ConfigError
from mcu_slm.train.backends import FakeQuantized, FloatOps, recorded
from mcu_slm.train.distillation import Ensemble, Guide, Lesson
from mcu_slm.train.families import (
    MATCHED,
    POOLED_ATTENTION,
    POOLED_FEATURES,
    Student,
)


class Matching(nn.Module):
    """Losses between the inside of a student and that of its teachers.

    A linear projection, learned along, takes the student's features to the teachers' space, so that
    they need to say the same, not to be the same.

    Source: Romero et al.: FitNets (2015); Zagoruyko, Komodakis: Paying More Attention to Attention
    (2017).
    """

    def __init__(
        self, student: Student, teachers: Ensemble, settings: TrainConfig, seed: int
    ) -> None:
        super().__init__()
        self.teachers = teachers
        self.feature_weight = settings.feature_weight
        self.attention_weight = settings.attention_weight
        own = _own_features(student)
        theirs = sum(member.features for member in teachers.members)
        generator = torch.Generator().manual_seed(seed)
        values = torch.randn(theirs, own, generator=generator) / own**0.5
        self.projection = nn.Parameter(values)

    def forward(
        self, seen: Mapping[str, torch.Tensor | FakeQuantized], lesson: Lesson
    ) -> torch.Tensor:
        """Return the weighted loss of what was recorded while the student answered a lesson."""
        inside = {name: _plain(value).flatten(1) for name, value in seen.items()}
        insight = self.teachers.insight(lesson)
        features = torch.cat([inside[name] for name in POOLED_FEATURES if name in inside], 1)
        loss = self.feature_weight * feature_loss(features @ self.projection.T, insight.features)
        return loss + self.attention_weight * attention_loss(
            inside[POOLED_ATTENTION], insight.attention
        )


def make_matching(
    student: Student, guide: Guide | None, settings: TrainConfig, seed: int
) -> Matching | None:
    """Return what matches a student to its guide; None where that is off or impossible.

    Raises:
        ConfigError: The student pools nothing.
    """
    wanted = settings.feature_weight > 0 or settings.attention_weight > 0
    if not wanted or not isinstance(guide, Ensemble):
        return None
    return Matching(student, guide, settings, seed)


def feature_loss(own: torch.Tensor, theirs: torch.Tensor) -> torch.Tensor:
    """Return 1 - cosine, on average. Shapes: [B, F] each."""
    return 1.0 - functional.cosine_similarity(own, theirs, dim=1).mean()


def attention_loss(own: torch.Tensor, theirs: torch.Tensor) -> torch.Tensor:
    """Return the divergence of the student's attention over time from the teachers'.

    Shapes: own: [B, L], theirs: [B, any number of tokens]; rows sum to 1.
    """
    resampled = functional.adaptive_avg_pool1d(theirs.unsqueeze(1), own.shape[1]).squeeze(1)
    resampled = resampled / resampled.sum(1, keepdim=True)
    # On int8 grids small weights are 0, whose logarithm is not finite.
    return functional.kl_div(own.clamp_min(1e-4).log(), resampled, reduction="batchmean")


def _own_features(student: Student) -> int:
    """Return how many pooled features a student has."""
    seen: dict[str, torch.Tensor] = {}
    ops = recorded(FloatOps(), MATCHED, seen)
    with torch.no_grad():
        student.forward(ops, torch.zeros(1, 1, student.shape.window, student.shape.channels))
    if POOLED_ATTENTION not in seen:
        raise ConfigError(
            "[train] feature_weight, attention_weight",
            f"a {student.shape.family} student of this task pools no tokens by attention",
            "0 for both",
        )
    return sum(seen[name].shape[-1] for name in POOLED_FEATURES if name in seen)


def _plain(value: torch.Tensor | FakeQuantized) -> torch.Tensor:
    return value if isinstance(value, torch.Tensor) else value.tensor
