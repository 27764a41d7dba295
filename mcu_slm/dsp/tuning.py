"""What the kernels of this family trade: instructions, flash, working memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Tuning:
    """How far kernels are unrolled, how much they prepare at a time, and what decides between them.

    `goal`: `speed`, `size` or `ram`.

    `padding_share`: an image may be copied with padding around it while that takes no more than
    this part of the layer's output, or `padded_image_bytes`.

    Units: `bank` in registers of four bytes that hold weights (at most 32), `longest_strip` in
        quads of positions, `panel` in blocks of eight channels whose sums wait in memory while
        inputs stay in registers (1: none do), the rest in bytes.
    """

    goal: str
    bank: int
    strip_bytes: int
    longest_strip: int
    padded_image_bytes: int
    padding_share: int
    panel: int


SPEED: Final = Tuning("speed", 32, 4096, 8, 2048, 4, 32)
SIZE: Final = Tuning("size", 8, 2048, 4, 2048, 4, 1)
RAM: Final = Tuning("ram", 32, 0, 1, 0, 1 << 30, 1)

TUNINGS: Final = {"speed": SPEED, "size": SIZE, "ram": RAM}
"""By what `--optimize` calls them."""
