"""A teacher that sees how loud which frequency is, over time: the logarithm of a spectrogram.

It errs elsewhere than networks that see the samples, so it is worth a place among them.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import nn
from torch.nn import functional

from mcu_slm.train.families import Head
from mcu_slm.train.teacher import PooledTeacher

OVERLAP: Final = 4
"""A spectrum begins every quarter of its length."""

FLOOR: Final = 1e-5
"""Powers far below that of a normalised channel count as silence, whose logarithm has no end."""

KERNEL: Final = 3


class SpectrogramTeacher(PooledTeacher):
    """Spectra of each channel and its mean, joined; residual convolutions over time; pooling.

    Args:
        frame: Samples of a spectrum; a shorter window is one spectrum.
    """

    def __init__(
        self,
        window: int,
        channels: int,
        head: Head,
        *,
        frame: int,
        width: int = 64,
        blocks: int = 3,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        self.frame = min(frame, window)
        self.step = max(self.frame // OVERLAP, 1)
        seen = channels * (self.frame // 2 + 1)
        self.seen_norm = nn.BatchNorm1d(seen)
        self.join, self.join_norm = nn.Conv1d(seen, width, 1, bias=False), nn.BatchNorm1d(width)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(width, width, KERNEL, padding=KERNEL // 2, bias=False) for _ in range(blocks)
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for _ in range(blocks))
        self.drop_inside = nn.Dropout(dropout)
        self.add_answer(width, head, dropout)

    def trunk(self, x: torch.Tensor) -> torch.Tensor:
        """Return what is pooled. Shapes: x: [B, T, C] -> [B, tokens, width]."""
        y = functional.relu(self.join_norm(self.join(self.seen_norm(self.spectra(x)))))
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            y = functional.relu(y + norm(convolution(self.drop_inside(y))))
        return y.transpose(1, 2)

    def spectra(self, x: torch.Tensor) -> torch.Tensor:
        """Return means and logarithms of powers. Shapes: x: [B, T, C] -> [B, C (F/2 + 1), L]."""
        frames = x.transpose(1, 2).unfold(2, self.frame, self.step)
        mean = frames.mean(-1, keepdim=True)
        shaped = (frames - mean) * torch.hann_window(self.frame, device=x.device)
        powers = torch.fft.rfft(shaped, dim=-1)[..., 1:].abs().square()
        seen = torch.cat([mean, (powers + FLOOR).log()], -1)
        return seen.permute(0, 1, 3, 2).flatten(1, 2)
