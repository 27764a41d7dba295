"""A teacher that sees the shape of the signal.

Residual convolutions do that, self-attention relates distant parts, attention and mean pooling join
the window.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from mcu_slm.train.families import Head
from mcu_slm.train.teacher import PooledTeacher

HEADS = 4
STEM_KERNEL = 9
BLOCK_KERNEL = 5


class ConvBlock(nn.Module):
    """Convolution with batch normalisation, and a residual where the length stays."""

    def __init__(self, width: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.convolution = nn.Conv1d(
            width, width, BLOCK_KERNEL, stride=stride, padding=BLOCK_KERNEL // 2, bias=False
        )
        self.norm = nn.BatchNorm1d(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shapes: x: [B, width, T] -> [B, width, T / stride]."""
        y: torch.Tensor = self.norm(self.convolution(x))
        return functional.relu(x + y if self.stride == 1 else y)


class SelfAttention(nn.Module):
    """Multi-head attention of all tokens to all, with normalisation in front and a residual."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.projections = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shapes: x: [B, T, width] -> the same."""
        batch, tokens, width = x.shape
        heads = self.projections(self.norm(x)).reshape(batch, tokens, 3, HEADS, width // HEADS)
        query, key, value = heads.permute(2, 0, 3, 1, 4).unbind(0)
        weights = functional.softmax(query @ key.transpose(-1, -2) * key.shape[-1] ** -0.5, -1)
        attended = (weights @ value).transpose(1, 2).reshape(batch, tokens, width)
        y: torch.Tensor = self.output(attended)
        return x + y


class ConvolutionalTeacher(PooledTeacher):
    """Convolutions, self-attention, pooling, linear layer.

    A head per token pools nothing and answers [B, tokens, outputs]. The stem and the middle block
    halve the length.
    """

    def __init__(
        self, channels: int, head: Head, *, width: int = 64, blocks: int = 6, dropout: float = 0.2
    ) -> None:
        super().__init__()
        self.stem = nn.Conv1d(
            channels, width, STEM_KERNEL, stride=2, padding=STEM_KERNEL // 2, bias=False
        )
        self.stem_norm = nn.BatchNorm1d(width)
        strides = [2 if i == blocks // 2 else 1 for i in range(blocks)]
        self.convolutions = nn.Sequential(*(ConvBlock(width, stride) for stride in strides))
        self.attention = SelfAttention(width)
        self.add_answer(width, head, dropout)

    def trunk(self, x: torch.Tensor) -> torch.Tensor:
        """Return what is pooled. Shapes: x: [B, T, C] -> [B, tokens, width]."""
        y = functional.relu(self.stem_norm(self.stem(x.transpose(1, 2))))
        tokens: torch.Tensor = self.attention(self.convolutions(y).transpose(1, 2))
        return tokens
