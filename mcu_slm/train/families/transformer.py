"""A transformer over patches of a sensor window, small enough for a microcontroller.

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
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import torch
from torch import nn

from mcu_slm.config import TransformerModel
from mcu_slm.errors import ConfigError
from mcu_slm.train.backends import FoldedBatchNorm, Operators, Value, fold
from mcu_slm.train.families.embedding import Embedding
from mcu_slm.train.families.layers import Answer, weight, zeros
from mcu_slm.train.families.student import Head, Shape, Student, Units, without
from mcu_slm.train.geometry import Patching, Sliding, choose_patching

MAX_HEADS = 10
"""TensorFlow Lite Micro joins at most ten tensors in one CONCATENATION."""


@dataclass(frozen=True)
class BlockShape:
    """One transformer block after pruning."""

    heads: int
    ffn: int
    attention_window: int


@dataclass(frozen=True)
class AttentionShape(Shape):
    """What networks of attention blocks have in common."""

    embedding: int
    head_size: int
    blocks: tuple[BlockShape, ...]

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Self:
        """Rebuild a shape from the fields of `to_json`, without the family."""
        blocks = tuple(BlockShape(**block) for block in fields["blocks"])
        return super().from_fields({**fields, "blocks": blocks})


@dataclass(frozen=True)
class TransformerShape(AttentionShape):
    """The shape of a transformer."""

    family: ClassVar[str] = "transformer"
    patching: Patching

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

    @classmethod
    def of(cls, model: TransformerModel, window: int, channels: int, head: Head) -> Self:
        """Return the shape that a project file describes, before pruning."""
        wished = model.attention_window_tokens or window
        patching = choose_patching(window, model.patch_samples, model.patch_stride_samples, wished)
        windows = [patching.attention_window] * model.blocks
        if model.last_block_global:
            windows[-1] = patching.tokens
        return cls(
            window=window,
            channels=channels,
            head=head,
            patching=patching,
            embedding=model.width,
            head_size=model.width // model.heads,
            blocks=tuple(BlockShape(model.heads, model.ffn_width, width) for width in windows),
        )

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Self:
        """Rebuild a shape from the fields of `to_json`, without the family."""
        return super().from_fields({**fields, "patching": Patching(**fields["patching"])})


class Block(nn.Module):
    """Self-attention and feed-forward, each behind a normalisation and with a residual."""

    def __init__(
        self,
        embedding: int,
        head_size: int,
        shape: BlockShape,
        generator: torch.Generator,
        *,
        causal: bool = False,
    ) -> None:
        super().__init__()
        self.shape = shape
        self.causal = causal
        self.head_size = head_size
        heads, ffn = shape.heads, shape.ffn

        def projections() -> nn.Parameter:
            return weight((heads, head_size, embedding), embedding, generator)

        self.attention_norm = FoldedBatchNorm(embedding)
        self.query, self.query_bias = projections(), zeros(heads, head_size)
        self.key, self.key_bias = projections(), zeros(heads, head_size)
        self.value, self.value_bias = projections(), zeros(heads, head_size)
        self.output = weight((embedding, heads, head_size), heads * head_size, generator)
        self.output_bias = zeros(embedding)
        self.ffn_norm = FoldedBatchNorm(embedding)
        self.expand, self.expand_bias = weight((ffn, embedding), embedding, generator), zeros(ffn)
        self.contract = weight((embedding, ffn), ffn, generator)
        self.contract_bias = zeros(embedding)

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
            if self.causal:
                scores = ops.causal(f"{head}/causal", scores)
            weights = ops.softmax(f"{head}/weights", scores)
            contexts.append(ops.matmul(f"{head}/context", weights, v, group=f"{name}/context"))
        context = contexts[0] if len(contexts) == 1 else ops.concat(f"{name}/context", contexts)
        output = self.output.flatten(1)
        return ops.linear(f"{name}/attention_output", context, output, self.output_bias)


class AttentionStudent(Student):
    """Tokens go through `blocks`, of which heads, neurons and whole blocks can be removed."""

    shape: AttentionShape
    blocks: nn.ModuleList

    def through_blocks(self, ops: Operators[Value], x: Value) -> Value:
        """Shapes: x: [B, 1, L, D] -> the same."""
        width, tokens = self.shape.embedding, self.tokens
        layout = (1, tokens)
        for i, block in enumerate(self.blocks):
            local = self.shape.blocks[i].attention_window
            if layout != (tokens // local, local):
                layout = (tokens // local, local)
                x = ops.reshape(f"block{i}/windows", x, (*layout, width))
            x = block(ops, f"block{i}", x)
        return ops.reshape("tokens", x, (1, tokens, width)) if layout != (1, tokens) else x

    def units(self) -> tuple[Units, ...]:
        """Return heads and feed-forward neurons of every block."""
        found: list[Units] = []
        for i, block in enumerate(self.shape.blocks):
            at = f"blocks.{i}"
            projections = [
                (f"{at}.{name}{suffix}", 0)
                for name in ("query", "key", "value")
                for suffix in ("", "_bias")
            ]
            output, contract = (f"{at}.output", 1), (f"{at}.contract", 1)
            neurons = ((f"{at}.expand", 0), (f"{at}.expand_bias", 0), contract)
            found += [
                Units(f"block{i}/heads", block.heads, (*projections, output), (output,)),
                Units(f"block{i}/neurons", block.ffn, neurons, (contract,), together=4),
            ]
        return tuple(found)

    def resized(self, counts: Mapping[str, int]) -> Student:
        """Return an untrained student with other counts of heads and neurons."""
        return self._with_blocks(
            replace(
                block,
                heads=counts.get(f"block{i}/heads", block.heads),
                ffn=counts.get(f"block{i}/neurons", block.ffn),
            )
            for i, block in enumerate(self.shape.blocks)
        )

    @property
    def depth(self) -> int:
        """Blocks that can be left out."""
        return len(self.shape.blocks)

    def _without_block(self, number: int) -> Student:
        """Return an untrained student without one block."""
        return self._with_blocks(without(self.shape.blocks, number))

    def _with_blocks(self, blocks: Iterable[BlockShape]) -> Student:
        return type(self)(replace(self.shape, blocks=tuple(blocks)))


class Transformer(AttentionStudent):
    """The whole network."""

    shape: TransformerShape

    def __init__(self, shape: TransformerShape, generator: torch.Generator | None = None) -> None:
        super().__init__()
        generator = generator or torch.Generator().manual_seed(0)
        self.shape = shape
        patching, width = shape.patching, shape.embedding
        how = Sliding(patching.stride, patching.padding)
        self.patch = Embedding(shape, width, patching.kernel, how, generator, normalised=False)
        self.position = weight((1, patching.tokens, width), 100, generator)
        self.blocks = nn.ModuleList(
            Block(width, shape.head_size, block, generator) for block in shape.blocks
        )
        self.answer = Answer(width, shape.head, generator)

    @property
    def tokens(self) -> int:
        """Tokens of a window."""
        return self.shape.patching.tokens

    def trunk(self, ops: Operators[Value], x: Value) -> Value:
        """Shapes: x: [B, 1, T, C] -> [B, 1, L, D]."""
        x = self.patch(ops, "patch", x)
        x = ops.add("position", x, ops.constant("position/table", self.position))
        return self.through_blocks(ops, x)
