"""The student: a transformer over patches of a sensor window, small enough for a microcontroller.

    window --patch convolution--> tokens + learned position
           --blocks: local multi-head self-attention and feed-forward, each with a residual--
           --attention pooling--> one token --linear--> logits

Normalisation is batch normalisation in front of attention and feed-forward, folded into their
weights. Attention looks at windows of neighbouring tokens, in the last block optionally at all of
them. Heads stay separate operators, so that each keeps its own scales and pruning a head removes
its work.

Dimension letters: T samples, C channels, K patch length, L tokens, W tokens of an attention
window, D embedding, H heads, S head size, F feed-forward neurons.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

from mcu_slm.errors import ConfigError
from mcu_slm.train.backends import Operators, Value
from mcu_slm.train.geometry import Patching
from mcu_slm.train.normalization import FoldedBatchNorm, fold

MAX_HEADS = 10
"""TensorFlow Lite Micro joins at most ten tensors in one CONCATENATION."""


@dataclass(frozen=True)
class BlockShape:
    """One transformer block after pruning."""

    heads: int
    ffn: int
    attention_window: int


@dataclass(frozen=True)
class StudentShape:
    """Everything that decides which operators and tensors a student has."""

    window: int
    channels: int
    classes: int
    patching: Patching
    embedding: int
    head_size: int
    blocks: tuple[BlockShape, ...]

    def __post_init__(self) -> None:
        for i, block in enumerate(self.blocks):
            if not 1 <= block.heads <= MAX_HEADS:
                raise ConfigError(
                    f"[model] heads (block {i})",
                    f"{block.heads} heads",
                    f"1 to {MAX_HEADS}",
                    "The runtime joins at most ten heads.",
                )
            if self.patching.tokens % block.attention_window:
                raise ConfigError(
                    f"[model] attention_window (block {i})",
                    f"{self.patching.tokens} tokens in windows of {block.attention_window}",
                    "a divisor of the token count",
                )

    def to_json(self) -> dict[str, Any]:
        """Return plain dictionaries and lists."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> StudentShape:
        """Rebuild a shape from `to_json`."""
        fields = dict(data)
        fields["patching"] = Patching(**fields["patching"])
        fields["blocks"] = tuple(BlockShape(**block) for block in fields["blocks"])
        return cls(**fields)


class Block(nn.Module):
    """Self-attention and feed-forward, each behind a normalisation and with a residual."""

    def __init__(
        self, embedding: int, head_size: int, shape: BlockShape, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.shape = shape
        self.head_size = head_size
        heads, ffn = shape.heads, shape.ffn

        def projections() -> nn.Parameter:
            return _weight((heads, head_size, embedding), embedding, generator)

        self.attention_norm = FoldedBatchNorm(embedding)
        self.query, self.query_bias = projections(), _zeros(heads, head_size)
        self.key, self.key_bias = projections(), _zeros(heads, head_size)
        self.value, self.value_bias = projections(), _zeros(heads, head_size)
        self.output = _weight((embedding, heads, head_size), heads * head_size, generator)
        self.output_bias = _zeros(embedding)
        self.ffn_norm = FoldedBatchNorm(embedding)
        self.expand, self.expand_bias = _weight((ffn, embedding), embedding, generator), _zeros(ffn)
        self.contract = _weight((embedding, ffn), ffn, generator)
        self.contract_bias = _zeros(embedding)

    def forward(self, ops: Operators[Value], name: str, x: Value) -> Value:
        """Shapes: x: [B, L / W, W, D] -> the same."""
        attended = self._attention(ops, name, x)
        x = ops.add(f"{name}/attention_residual", x, attended)
        affine = self.ffn_norm.affine(ops.batch_values(x))
        expand, bias = fold(self.expand, self.expand_bias, affine)
        hidden = ops.linear(f"{name}/ffn_expand", x, expand, bias, relu=True)
        y = ops.linear(f"{name}/ffn_contract", hidden, self.contract, self.contract_bias)
        return ops.add(f"{name}/ffn_residual", x, y)

    def _attention(self, ops: Operators[Value], name: str, x: Value) -> Value:
        affine = self.attention_norm.affine(ops.batch_values(x))
        # 1 / sqrt(S) belongs to the scores; in the query weights it costs nothing.
        temperature = 1.0 / math.sqrt(self.head_size)
        contexts: list[Value] = []
        for h in range(self.shape.heads):
            head = f"{name}/head{h}"
            query, query_bias = fold(self.query[h], self.query_bias[h], affine)
            key, key_bias = fold(self.key[h], self.key_bias[h], affine)
            value, value_bias = fold(self.value[h], self.value_bias[h], affine)
            q = ops.linear(f"{head}/query", x, query * temperature, query_bias * temperature)
            k = ops.linear(f"{head}/key", x, key, key_bias)
            v = ops.linear(f"{head}/value", x, value, value_bias)
            scores = ops.matmul(f"{head}/scores", q, k, transpose_b=True)
            weights = ops.softmax(f"{head}/weights", scores)
            contexts.append(ops.matmul(f"{head}/context", weights, v, group=f"{name}/context"))
        context = contexts[0] if len(contexts) == 1 else ops.concat(f"{name}/context", contexts)
        output = self.output.flatten(1)
        return ops.linear(f"{name}/attention_output", context, output, self.output_bias)


class Student(nn.Module):
    """The whole network. `forward(ops, x)` runs it on any backend."""

    def __init__(self, shape: StudentShape, generator: torch.Generator | None = None) -> None:
        super().__init__()
        generator = generator or torch.Generator().manual_seed(0)
        self.shape = shape
        patching, width = shape.patching, shape.embedding
        fan_in = patching.kernel * shape.channels
        self.patch = _weight((width, patching.kernel, shape.channels), fan_in, generator)
        self.patch_bias = _zeros(width)
        self.position = _weight((1, patching.tokens, width), 100, generator)
        self.blocks = nn.ModuleList(
            Block(width, shape.head_size, block, generator) for block in shape.blocks
        )
        self.pool_score = _weight((1, width), width, generator)
        self.pool_score_bias = _zeros(1)
        self.logits_norm = FoldedBatchNorm(width)
        self.logits = _weight((shape.classes, width), width, generator)
        self.logits_bias = _zeros(shape.classes)

    def forward(self, ops: Operators[Value], x: Value) -> Value:
        """Shapes: x: [B, 1, T, C] -> logits [B, classes]."""
        patching, width = self.shape.patching, self.shape.embedding
        tokens = patching.tokens
        x = ops.conv(
            "patch",
            x,
            self.patch,
            self.patch_bias,
            stride=patching.stride,
            padding=patching.padding,
        )
        x = ops.add("position", x, ops.constant("position/table", self.position))
        layout = (1, tokens)
        for i, block in enumerate(self.blocks):
            local = self.shape.blocks[i].attention_window
            if layout != (tokens // local, local):
                layout = (tokens // local, local)
                x = ops.reshape(f"block{i}/windows", x, (*layout, width))
            x = block(ops, f"block{i}", x)
        if layout != (1, tokens):
            x = ops.reshape("tokens", x, (1, tokens, width))
        return self._classify(ops, x)

    def _classify(self, ops: Operators[Value], x: Value) -> Value:
        """Pool the tokens with learned attention and apply the classifier."""
        scores = ops.linear("pool_score", x, self.pool_score, self.pool_score_bias)
        row = ops.reshape("pool_score_row", scores, (1, 1, self.shape.patching.tokens))
        pooled = ops.matmul("pool", ops.softmax("pool_weights", row), x)
        affine = self.logits_norm.affine(ops.batch_values(pooled))
        logits, bias = fold(self.logits, self.logits_bias, affine)
        return ops.reshape(
            "output", ops.linear("logits", pooled, logits, bias), (self.shape.classes,)
        )


def parameter_count(module: nn.Module) -> int:
    """Return how many numbers a network learns."""
    return sum(p.numel() for p in module.parameters())


def deployed_parameter_count(student: Student) -> int:
    """Return how many numbers reach the device: normalisation is folded away."""
    norms = (m for m in student.modules() if isinstance(m, FoldedBatchNorm))
    return parameter_count(student) - sum(parameter_count(norm) for norm in norms)


def _weight(shape: tuple[int, ...], fan_in: int, generator: torch.Generator) -> nn.Parameter:
    values = torch.empty(shape)
    nn.init.trunc_normal_(values, std=1.0 / math.sqrt(fan_in), generator=generator)
    return nn.Parameter(values)


def _zeros(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.zeros(shape))
