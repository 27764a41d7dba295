"""Pieces that several families are made of."""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import nn

from mcu_slm.errors import ConfigError
from mcu_slm.train.backends import FoldedBatchNorm, Operators, Value, fold
from mcu_slm.train.families.student import Head

POOLED_ATTENTION: Final = "pool_weights"
POOLED_FEATURES: Final = ("pool", "mean")
MATCHED: Final = (POOLED_ATTENTION, *POOLED_FEATURES)
"""Names of the values of `Answer` that teachers' insights can be matched to."""

NORM_FIELDS = ("gain", "shift", "running_mean", "running_variance")
"""Parameters and buffers of a normalisation, one number per channel each."""


def weight(shape: tuple[int, ...], fan_in: int, generator: torch.Generator) -> nn.Parameter:
    """Return random weights whose sums over `fan_in` inputs keep the size of the inputs."""
    values = torch.empty(shape)
    nn.init.trunc_normal_(values, std=1.0 / math.sqrt(fan_in), generator=generator)
    return nn.Parameter(values)


def zeros(*shape: int) -> nn.Parameter:
    """Return biases."""
    return nn.Parameter(torch.zeros(shape))


def require_two_tokens(window: int, tokens: int) -> None:
    """Check what the strided convolution of a stem makes of a window of so many samples.

    Raises:
        ConfigError: It gives one token.
    """
    if tokens < 2:
        raise ConfigError(
            "[model] stem_stride_samples",
            f"a window of {window} samples gives {tokens} token",
            "at least two tokens",
            "Use longer windows or a smaller stride.",
        )


class Answer(nn.Module):
    """From tokens to the answer: pooling, normalisation, one linear layer.

    Tokens are pooled by learned attention; with `mean`, their average stands beside that. A head
    per token pools nothing.
    """

    def __init__(
        self, width: int, head: Head, generator: torch.Generator, *, mean: bool = False
    ) -> None:
        super().__init__()
        self.head, self.mean = head, mean
        self.parts = 2 if mean and not head.per_token else 1
        if not head.per_token:
            self.pool_score = weight((1, width), width, generator)
            self.pool_score_bias = zeros(1)
        self.norms = nn.ModuleList(FoldedBatchNorm(width) for _ in range(self.parts))
        self.answer = weight((head.outputs, self.parts, width), self.parts * width, generator)
        self.answer_bias = zeros(head.outputs)

    def forward(self, ops: Operators[Value], x: Value, tokens: int) -> Value:
        """Shapes: x: [B, 1, L, D] -> [B, outputs], or [B, L, outputs] per token."""
        parts = [x] if self.head.per_token else self._pooled(ops, x, tokens)
        gains, shifts = zip(
            *(
                norm.affine(ops.batch_values(part))
                for norm, part in zip(self.norms, parts, strict=True)
                if isinstance(norm, FoldedBatchNorm)
            ),
            strict=True,
        )
        weights, bias = fold(
            self.answer.flatten(1), self.answer_bias, (torch.cat(gains), torch.cat(shifts))
        )
        weights, bias = weights * self.head.gain, bias * self.head.gain + self.head.offset
        joined = parts[0] if len(parts) == 1 else ops.concat("pooled", parts)
        y = ops.linear("answer", ops.drop(joined), weights, bias)
        outputs = self.head.outputs
        return ops.reshape("output", y, (tokens, outputs) if self.head.per_token else (outputs,))

    def _pooled(self, ops: Operators[Value], x: Value, tokens: int) -> list[Value]:
        """Shapes: x: [B, 1, L, D] -> one or two of [B, 1, 1, D]."""
        scores = ops.linear("pool_score", x, self.pool_score, self.pool_score_bias)
        row = ops.reshape("pool_score_row", scores, (1, 1, tokens))
        parts = [ops.matmul("pool", ops.softmax(POOLED_ATTENTION, row), x, group="pooled")]
        if self.mean:
            parts.append(ops.mean("mean", x, group="pooled"))
        return parts

    def slices(self, prefix: str) -> tuple[tuple[str, int], ...]:
        """Return parameters and axes that have an entry per channel of the tokens."""
        found = [(f"{prefix}.answer", 2)]
        if not self.head.per_token:
            found.append((f"{prefix}.pool_score", 1))
        for i in range(self.parts):
            found += norm_slices(f"{prefix}.norms.{i}")
        return tuple(found)


def norm_slices(prefix: str) -> tuple[tuple[str, int], ...]:
    """Return the fields of a normalisation with their channel axis."""
    return tuple((f"{prefix}.{field}", 0) for field in NORM_FIELDS)
