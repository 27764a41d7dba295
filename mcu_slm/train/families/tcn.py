"""A temporal convolutional network: dilated convolutions with residuals, separable or full.

    window --strided convolution--> tokens
           --blocks: depthwise convolution along time, pointwise convolution, residual;
             or one convolution over all channels, residual--
           --attention and mean pooling--> linear --> answer

Dilation grows from block to block and starts again, so that a token sees most of the window after
a few blocks. Normalisation stands behind each convolution and is part of its weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import torch
from torch import nn

from mcu_slm.config import TcnModel
from mcu_slm.train.backends import FoldedBatchNorm, Operators, Value
from mcu_slm.train.families.embedding import Embedding, StemShape
from mcu_slm.train.families.layers import Answer, norm_slices, weight, zeros
from mcu_slm.train.families.student import Head, Student, Units, without
from mcu_slm.train.geometry import Sliding


@dataclass(frozen=True)
class TcnShape(StemShape):
    """The shape of a temporal convolutional network.

    Units: kernels and stride in samples, `dilations` in tokens, one per block.

    Blocks that are not `separable` have one convolution over all channels.
    """

    family: ClassVar[str] = "tcn"
    width: int
    kernel: int
    dilations: tuple[int, ...]
    separable: bool = field(default=True, kw_only=True)

    @classmethod
    def of(cls, model: TcnModel, window: int, channels: int, head: Head) -> Self:
        """Return the shape that a project file describes, before pruning."""
        return cls(
            window=window,
            channels=channels,
            head=head,
            width=model.width,
            stem_kernel=min(model.stem_samples, window),
            stem_stride=model.stem_stride_samples,
            kernel=model.kernel_tokens,
            dilations=dilations_of(model.blocks, model.dilation_cycle),
            separable=model.separable,
        )

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Self:
        """Rebuild a shape from the fields of `to_json`, without the family."""
        return super().from_fields({**fields, "dilations": tuple(fields["dilations"])})


class SeparableBlock(nn.Module):
    """A depthwise and a pointwise convolution, each normalised, and the residual around them."""

    def __init__(self, width: int, kernel: int, dilation: int, generator: torch.Generator) -> None:
        super().__init__()
        self.how = Sliding(dilation=dilation)
        self.depthwise = weight((width, kernel), kernel, generator)
        self.depthwise_bias, self.depthwise_norm = zeros(width), FoldedBatchNorm(width)
        self.pointwise = weight((width, width), width, generator)
        self.pointwise_bias, self.pointwise_norm = zeros(width), FoldedBatchNorm(width)

    def forward(self, ops: Operators[Value], name: str, x: Value) -> Value:
        """Shapes: x: [B, 1, L, D] -> the same."""
        y = ops.depthwise(
            f"{name}/depthwise",
            x,
            self.depthwise,
            self.depthwise_bias,
            self.how,
            relu=True,
            norm=self.depthwise_norm,
        )
        y = ops.linear(
            f"{name}/pointwise", y, self.pointwise, self.pointwise_bias, norm=self.pointwise_norm
        )
        return ops.add(f"{name}/residual", x, y, relu=True)

    @staticmethod
    def channels(at: str) -> tuple[list[tuple[str, int]], tuple[str, int]]:
        """Return what has an entry per channel in the block named `at`, and what judges them."""
        slices = [(f"{at}.pointwise", 0), (f"{at}.pointwise", 1)]
        slices += [(f"{at}.{name}", 0) for name in ("depthwise", "depthwise_bias")]
        slices += [(f"{at}.pointwise_bias", 0)]
        slices += norm_slices(f"{at}.depthwise_norm") + norm_slices(f"{at}.pointwise_norm")
        return slices, (f"{at}.pointwise_norm.gain", 0)


class FullBlock(nn.Module):
    """A convolution over all channels, normalised, and the residual around it."""

    def __init__(self, width: int, kernel: int, dilation: int, generator: torch.Generator) -> None:
        super().__init__()
        self.how = Sliding(dilation=dilation)
        self.full = weight((width, kernel, width), kernel * width, generator)
        self.full_bias, self.full_norm = zeros(width), FoldedBatchNorm(width)

    def forward(self, ops: Operators[Value], name: str, x: Value) -> Value:
        """Shapes: x: [B, 1, L, D] -> the same."""
        y = ops.conv(f"{name}/full", x, self.full, self.full_bias, self.how, norm=self.full_norm)
        return ops.add(f"{name}/residual", x, y, relu=True)

    @staticmethod
    def channels(at: str) -> tuple[list[tuple[str, int]], tuple[str, int]]:
        """Return what has an entry per channel in the block named `at`, and what judges them."""
        slices = [(f"{at}.full", 0), (f"{at}.full", 2), (f"{at}.full_bias", 0)]
        slices += norm_slices(f"{at}.full_norm")
        return slices, (f"{at}.full_norm.gain", 0)


class Blocks(nn.ModuleList):
    """Blocks, one behind the other, each with a dilation of its own."""

    def __init__(
        self,
        width: int,
        kernel: int,
        dilations: tuple[int, ...],
        generator: torch.Generator,
        *,
        separable: bool = True,
    ) -> None:
        kind = SeparableBlock if separable else FullBlock
        super().__init__(kind(width, kernel, dilation, generator) for dilation in dilations)
        self.kind: type[SeparableBlock | FullBlock] = kind

    def forward(self, ops: Operators[Value], x: Value) -> Value:
        """Shapes: x: [B, 1, L, D] -> the same."""
        for i, block in enumerate(self):
            x = block(ops, f"block{i}", x)
        return x

    def channels(self) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
        """Return what has an entry per channel in all blocks, and what judges them."""
        found = [self.kind.channels(f"blocks.{i}") for i in range(len(self))]
        return [slice_ for slices, _ in found for slice_ in slices], [judge for _, judge in found]


def dilations_of(blocks: int, cycle: int) -> tuple[int, ...]:
    """Return the dilation of each block, in tokens: it doubles and starts again after a cycle."""
    return tuple(2 ** (i % cycle) for i in range(blocks))


class Tcn(Student):
    """The whole network."""

    shape: TcnShape

    def __init__(self, shape: TcnShape, generator: torch.Generator | None = None) -> None:
        super().__init__()
        generator = generator or torch.Generator().manual_seed(0)
        self.shape = shape
        width, kernel = shape.width, shape.stem_kernel
        self.stem = Embedding(shape, width, kernel, shape.stem, generator, normalised=True)
        self.blocks = Blocks(
            width, shape.kernel, shape.dilations, generator, separable=shape.separable
        )
        self.answer = Answer(width, shape.head, generator, mean=True)

    @property
    def tokens(self) -> int:
        """Tokens of a window."""
        return self.shape.tokens

    def trunk(self, ops: Operators[Value], x: Value) -> Value:
        """Shapes: x: [B, 1, T, C] -> [B, 1, L, D]."""
        tokens: Value = self.blocks(ops, self.stem(ops, "stem", x))
        return tokens

    def units(self) -> tuple[Units, ...]:
        """Return the channels, which all layers share through the residuals."""
        slices, judged = self.blocks.channels()
        slices = [*self.stem.slices("stem"), *slices, *self.answer.slices("answer")]
        judged = [*self.stem.gains("stem"), *judged]
        channels = Units("channels", self.shape.width, tuple(slices), tuple(judged), together=4)
        return (channels,)

    def resized(self, counts: Mapping[str, int]) -> Tcn:
        """Return an untrained network with another number of channels."""
        return Tcn(replace(self.shape, width=counts.get("channels", self.shape.width)))

    @property
    def depth(self) -> int:
        """Blocks that can be left out."""
        return len(self.shape.dilations)

    def _without_block(self, number: int) -> Tcn:
        """Return an untrained network without one block."""
        return Tcn(replace(self.shape, dilations=without(self.shape.dilations, number)))
