"""A language model of sensor samples: which value comes next, after those that came?

    samples --bins--> tokens --embedding table--> vectors + learned position
            --blocks: causal self-attention and feed-forward, each with a residual--
            --linear--> likelihood of every token as the next one --> surprise

Each channel has bins of its own, found in the training windows. They hold equally many samples,
and the first and the last one are for values beyond any seen there; or they are equally wide and
reach as far beyond as the int8 input does, so that near and far remain different. The bin
of an int8 code is looked up, and so are its vector and its likelihood: nothing is computed. Where a
channel holds numbers of symbols, each has a bin of its own.

A head that asks for the surprise gets the mean negative log-likelihood of the last samples, in nats
per sample: how badly they follow from those before. In training every sample but the first counts.
Other heads answer for the window as those of the other families do.

Dimension letters: T samples, C channels, L tokens, V bins of a channel, D width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import nn

from mcu_slm.config import TokenLmModel
from mcu_slm.errors import ConfigError
from mcu_slm.quant import activation_quantization
from mcu_slm.train.backends import FoldedBatchNorm, Operators, Value, fold
from mcu_slm.train.families.layers import Answer, weight, zeros
from mcu_slm.train.families.student import Head
from mcu_slm.train.families.transformer import AttentionShape, AttentionStudent, Block, BlockShape
from mcu_slm.train.geometry import largest_divisor

MAX_CHANNELS = 10
"""TensorFlow Lite Micro joins at most ten tensors in one CONCATENATION."""
MARGIN = 0.25
"""How far the int8 input reaches beyond the training values on each side, as a share of theirs."""
MAX_FITTED = 1 << 20
"""Samples of a channel that its bins are found from, at most."""


@dataclass(frozen=True)
class TokenLmShape(AttentionShape):
    """The shape of a token model.

    Args:
        bins: Tokens of a channel.
        uniform: Whether bins are equally wide, instead of equally full.
        scored: How many of the last samples the surprise is about.
        symbols: Whether samples are numbers of symbols from 0 on, each its own bin.
    """

    family: ClassVar[str] = "token-lm"
    embedding: int
    head_size: int
    bins: int
    uniform: bool
    scored: int
    blocks: tuple[BlockShape, ...]
    symbols: bool = False

    @property
    def tokens(self) -> int:
        """Tokens that the blocks see: nothing follows from the last one in a surprise."""
        return self.window - 1 if self.head.surprise else self.window

    @classmethod
    def of(cls, model: TokenLmModel, window: int, channels: int, head: Head) -> Self:
        """Return the shape that a project file describes, before pruning."""
        if channels > MAX_CHANNELS:
            raise ConfigError(
                '[model] family "token-lm"',
                f"{channels} channels",
                f"at most {MAX_CHANNELS}",
                "Leave channels out, or use another family.",
            )
        tokens = window - 1 if head.surprise else window
        local = largest_divisor(tokens, model.attention_window_tokens or tokens)
        windows = [local] * model.blocks
        if model.last_block_global:
            windows[-1] = tokens
        return cls(
            window=window,
            channels=channels,
            head=head,
            embedding=model.width,
            head_size=model.width // model.heads,
            bins=model.bins,
            uniform=model.binning == "uniform",
            scored=model.scored_samples,
            blocks=tuple(BlockShape(model.heads, model.ffn_width, width) for width in windows),
        )


class TokenLm(AttentionStudent):
    """The whole network."""

    shape: TokenLmShape
    edges: torch.Tensor
    reach: torch.Tensor

    def __init__(self, shape: TokenLmShape, generator: torch.Generator | None = None) -> None:
        super().__init__()
        generator = generator or torch.Generator().manual_seed(0)
        self.shape = shape
        width = shape.embedding
        inner = torch.arange(shape.bins - 1) + 0.5
        self.register_buffer("edges", inner.repeat(shape.channels, 1))
        self.register_buffer("reach", torch.tensor([-1.0, float(shape.bins)]))
        self.embedding = weight((shape.channels, shape.bins, width), shape.channels, generator)
        self.position = weight((1, shape.tokens, width), 100, generator)
        self.blocks = nn.ModuleList(
            Block(width, shape.head_size, block, generator, causal=True) for block in shape.blocks
        )
        if shape.head.surprise:
            self.next_norm = FoldedBatchNorm(width)
            self.next = weight((shape.channels, shape.bins, width), width, generator)
            self.next_bias = zeros(shape.channels, shape.bins)
        else:
            self.answer = Answer(width, shape.head, generator)

    @property
    def tokens(self) -> int:
        """Tokens of a window."""
        return self.shape.tokens

    def forward(self, ops: Operators[Value], x: Value) -> Value:
        """Shapes: x: [B, 1, T, C] -> [B, outputs], or [B, L, outputs] per token."""
        if not self.shape.head.surprise:
            return super().forward(ops, x)
        numbers = self._numbers(ops, x)
        return self._surprise(ops, self._features(ops, numbers), numbers)

    def trunk(self, ops: Operators[Value], x: Value) -> Value:
        """Shapes: x: [B, 1, T, C] -> [B, 1, L, D]."""
        return self._features(ops, self._numbers(ops, x))

    def _numbers(self, ops: Operators[Value], x: Value) -> list[Value]:
        """Return the tokens of each channel, [B, 1, T]."""
        channels = range(self.shape.channels)
        return [ops.tokenize(f"tokens{c}", x, c, self.edges[c]) for c in channels]

    def _features(self, ops: Operators[Value], numbers: list[Value]) -> Value:
        """Shapes: numbers: per channel [B, 1, T] -> [B, 1, L, D]."""
        tokens = self.tokens
        if tokens < self.shape.window:
            numbers = [
                ops.take(f"tokens{c}/before", part, 0, tokens) for c, part in enumerate(numbers)
            ]
        x = ops.embed("embedding0", numbers[0], self.embedding[0])
        for c in range(1, len(numbers)):
            part = ops.embed(f"embedding{c}", numbers[c], self.embedding[c])
            x = ops.add(f"embedded{c}", x, part)
        x = ops.add("position", x, ops.constant("position/table", self.position))
        return self.through_blocks(ops, x)

    def _surprise(self, ops: Operators[Value], x: Value, numbers: list[Value]) -> Value:
        """Score how the samples follow: all in training, else the last ones."""
        window = self.shape.window
        scored = self.tokens if self.training else self.shape.scored
        logits = self._next(ops, x, scored)
        came = [
            ops.take(f"tokens{c}/scored", part, window - scored, window)
            for c, part in enumerate(numbers)
        ]
        return ops.reshape("output", ops.surprise("answer", logits, came), (1,))

    def _next(self, ops: Operators[Value], x: Value, last: int) -> list[Value]:
        """Return per channel the logits [B, 1, last, V] of what follows the last tokens."""
        affine = self.next_norm.affine(ops.batch_values(x))
        if last < self.tokens:
            x = ops.take("scored", x, self.tokens - last, self.tokens)
        found = []
        for c in range(self.shape.channels):
            following, bias = fold(self.next[c], self.next_bias[c], affine)
            found.append(ops.linear(f"next{c}", x, following, bias))
        return found

    def logits_of_next(self, ops: Operators[Value], x: Value) -> list[Value]:
        """Return per channel the logits [B, 1, 1, V] of the last sample, from those before it.

        Shapes: x: [B, 1, T, C].
        """
        return self._next(ops, self.trunk(ops, x), 1)

    def bin_values(self) -> torch.Tensor:
        """Return what stands for each bin: its centre, or its edge at both ends. Shapes: [C, V]."""
        if self.shape.symbols:
            return torch.arange(float(self.shape.bins)).repeat(self.shape.channels, 1)
        centres = (self.edges[:, 1:] + self.edges[:, :-1]) / 2
        return torch.cat([self.edges[:, :1], centres, self.edges[:, -1:]], 1)

    def fit_inputs(self, x: torch.Tensor) -> None:
        """Find the bins, and one beyond each end: of the training values, or of their margins.

        Edges lie between the values of two int8 codes.

        Shapes: x: normalised windows [N, T, C].
        """
        if self.shape.symbols:
            return
        flat = x.reshape(-1, x.shape[-1]).double()
        flat = flat[:: -(-len(flat) // MAX_FITTED)]
        low, high = flat.amin(0), flat.amax(0)
        span = (high - low).clamp_min(1e-3)
        shares = torch.linspace(0, 1, self.shape.bins - 1, dtype=torch.float64)
        if self.shape.uniform:
            edges = low - MARGIN * span + shares[:, None] * (1 + 2 * MARGIN) * span
        else:
            edges = torch.quantile(flat, shares, dim=0)
        margin = 1 / self.shape.bins if self.shape.uniform else MARGIN
        first, last = float(edges[0].min()), float(edges[-1].max())
        margin *= max(last - first, 1e-3)
        self.reach.copy_(torch.tensor([first - margin, last + margin]))
        # Between two codes: the int8 values then fall into the bins that the float values do.
        scale, _ = activation_quantization(*self.input_range)
        codes = torch.round(edges / scale)
        if not self.shape.uniform:
            codes[0] -= 1  # the bin below all training values
        self.edges.copy_(((codes + 0.5) * scale).T)

    @property
    def input_range(self) -> tuple[float, float]:
        """The training values with a margin, so that values beyond them keep codes of their own.

        The code of a symbol is its number less 128.
        """
        if self.shape.symbols:
            return 0.0, 255.0
        low, high = self.reach.tolist()
        return low, high
