"""Learning from windows without labels, before the labels: masked or contrastive.

    masked       parts of each window are set to 0, its mean; a linear layer reads from each token
                 the samples that it stands for, and is judged by those that were hidden
    contrastive  two changed copies of a window shall be more alike than those of different windows

What is added for it is thrown away afterwards.

Dimension letters: B batch, T samples, C channels, L tokens, D width.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from mcu_slm.train.augment import augment
from mcu_slm.train.backends import FloatOps
from mcu_slm.train.checkpoint import fingerprint
from mcu_slm.train.families import Student
from mcu_slm.train.loop import Batch
from mcu_slm.train.session import Session
from mcu_slm.train.teacher import Teacher

PATCHES = 16
"""Stretches of equal length that a window is divided into; some of them are hidden."""

PROJECTED = 32
"""Numbers by which windows are compared."""

Trunk = Callable[[torch.Tensor], torch.Tensor]
"""Windows [B, T, C] to tokens [B, L, D]."""


def pretrain_student(session: Session, student: Student) -> None:
    """Teach a student's trunk, with batch statistics in its normalisation."""
    learning, resting = FloatOps(learn_statistics=True), FloatOps()
    _pretrain(
        session,
        "pretrained",
        student,
        lambda x: student.trunk(learning, x.unsqueeze(1)).squeeze(1),
        lambda x: student.trunk(resting, x.unsqueeze(1)).squeeze(1),
        student.shape.to_json(),
    )


def pretrain_teacher(session: Session, name: str, member: Teacher) -> None:
    """Teach a teacher's trunk."""
    known = [session.project.teacher.model_dump(), session.project.model.model_dump()]
    member.eval()
    _pretrain(session, f"pretrained_{name}", member, member.trunk, member.trunk, known)


def _pretrain(
    session: Session, name: str, model: nn.Module, trunk: Trunk, resting: Trunk, identity: Any
) -> None:
    """Run the phase; `model` ends with what it has learned. `resting` learns no statistics."""
    train = session.project.train
    how = train.pretrain
    if how.kind == "none":
        return
    schedule = session.schedule(how.epochs, train.learning_rate)
    x = session.windows
    with torch.no_grad():
        tokens, width = resting(x[:2]).shape[1:]
    generator = torch.Generator().manual_seed(session.seed)
    head: Reconstruction | Contrast
    if how.kind == "masked":
        head = Reconstruction(tokens, width, x.shape[1], x.shape[2], how.mask_fraction, generator)
    else:
        head = Contrast(width, how.temperature, generator)

    def loss(batch: Batch) -> torch.Tensor:
        def change() -> torch.Tensor:
            changed = augment(batch.x, train.augment, session.channels, batch.generator)
            return changed.to(session.processor)

        found: torch.Tensor = head(trunk, change, batch.generator)
        return found

    session.fit(
        name,
        nn.ModuleList([model, head]),
        schedule=schedule,
        lineage=fingerprint(session.lineage_of_windows(), identity, asdict(schedule)),
        loss=loss,
        stream=name,
    )


class Reconstruction(nn.Module):
    """Reads hidden samples from tokens.

    Source: He et al.: Masked Autoencoders Are Scalable Vision Learners (2022).
    """

    places: torch.Tensor

    def __init__(
        self,
        tokens: int,
        width: int,
        samples: int,
        channels: int,
        fraction: float,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.fraction, self.channels = fraction, channels
        per_token = -(-samples // tokens)
        self.decoder = _linear(width, per_token * channels, generator)
        # Tokens cover the window evenly; where samples are no multiple of them, some count twice.
        places = torch.arange(samples) * (tokens * per_token) // samples
        self.register_buffer("places", places, persistent=False)

    def forward(
        self, trunk: Trunk, change: Callable[[], torch.Tensor], generator: torch.Generator
    ) -> torch.Tensor:
        """Return the mean squared error of the hidden samples."""
        x = change()
        hidden = hidden_samples(len(x), x.shape[1], self.fraction, generator).to(x.device)
        tokens = trunk(x.masked_fill(hidden.unsqueeze(-1), 0.0))
        read = self.decoder(tokens).reshape(len(x), -1, self.channels)[:, self.places]
        return functional.mse_loss(read[hidden], x[hidden])


class Contrast(nn.Module):
    """Compares windows by their pooled tokens.

    Source: Chen et al.: A Simple Framework for Contrastive Learning of Visual Representations
    (2020).
    """

    def __init__(self, width: int, temperature: float, generator: torch.Generator) -> None:
        super().__init__()
        self.temperature = temperature
        self.projection = nn.Sequential(
            _linear(width, width, generator), nn.ReLU(), _linear(width, PROJECTED, generator)
        )

    def forward(
        self, trunk: Trunk, change: Callable[[], torch.Tensor], generator: torch.Generator
    ) -> torch.Tensor:
        """Return how badly the copies of a window find one another."""
        del generator  # the changes draw from it
        pooled = trunk(torch.cat([change(), change()])).mean(1)
        return contrastive_loss(self.projection(pooled), self.temperature)


def hidden_samples(
    batch: int, samples: int, fraction: float, generator: torch.Generator
) -> torch.Tensor:
    """Return which samples are hidden [B, T]: whole stretches, the same number in each window."""
    patches = min(PATCHES, samples)
    count = min(max(1, round(fraction * patches)), patches - 1)
    order = torch.rand(batch, patches, generator=generator).argsort(1)
    hidden = torch.zeros(batch, patches, dtype=torch.bool).scatter(1, order[:, :count], value=True)
    return hidden[:, torch.arange(samples) * patches // samples]


def contrastive_loss(projected: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return the cross entropy of finding a window's other copy among all others.

    Shapes: projected: [2 B, ...]; row i and row B + i are copies of one window.
    """
    unit = functional.normalize(projected, dim=1)
    alike = unit @ unit.T / temperature
    itself = torch.eye(len(unit), dtype=torch.bool, device=unit.device)
    other = torch.arange(len(unit), device=unit.device).roll(len(unit) // 2)
    return functional.cross_entropy(alike.masked_fill(itself, float("-inf")), other)


def _linear(inputs: int, outputs: int, generator: torch.Generator) -> nn.Linear:
    """Return a linear layer whose weights depend on the generator alone."""
    layer = nn.Linear(inputs, outputs)
    with torch.no_grad():
        nn.init.trunc_normal_(layer.weight, std=inputs**-0.5, generator=generator)
        layer.bias.zero_()
    return layer
