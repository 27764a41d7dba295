"""A teacher that hears how loud which frequency is: the spectral family, wide and in float."""

from __future__ import annotations

import torch

from mcu_slm.train.backends import FloatOps, recorded
from mcu_slm.train.families import MATCHED, POOLED_ATTENTION, POOLED_FEATURES
from mcu_slm.train.families.spectral import Spectral, SpectralShape
from mcu_slm.train.teacher import Look, Teacher


class SpectralTeacher(Teacher):
    """A spectral network with dropped features."""

    def __init__(
        self, shape: SpectralShape, generator: torch.Generator, *, dropout: float = 0.2
    ) -> None:
        super().__init__()
        self.network = Spectral(shape, generator)
        self.dropout = dropout

    @property
    def features(self) -> int:
        """Pooled features."""
        return len(POOLED_FEATURES) * self.network.shape.width

    def fit_inputs(self, x: torch.Tensor) -> None:
        """Learn what passes the filters. Shapes: x: normalised windows [N, T, C]."""
        self.network.fit_inputs(x)

    def look(self, x: torch.Tensor) -> Look:
        """Return answers in the units of the task, with features and attention."""
        seen: dict[str, torch.Tensor] = {}
        ops = recorded(self._ops(), MATCHED, seen)
        tokens = self.network.trunk(ops, x.unsqueeze(1))
        answers = self.network.answer(ops, tokens, self.network.tokens)
        if POOLED_ATTENTION not in seen:
            even = tokens.new_full((len(x), self.network.tokens), 1.0 / self.network.tokens)
            return Look(answers, tokens.mean(2).flatten(1), even)
        pooled = torch.cat([seen[name].flatten(1) for name in POOLED_FEATURES], 1)
        return Look(answers, pooled, seen[POOLED_ATTENTION].flatten(1))

    def trunk(self, x: torch.Tensor) -> torch.Tensor:
        """Return what is pooled. Shapes: x: [B, T, C] -> [B, tokens, width]."""
        return self.network.trunk(self._ops(), x.unsqueeze(1))[:, 0]

    def _ops(self) -> FloatOps:
        return FloatOps(learn_statistics=self.training, dropout=self.dropout)
