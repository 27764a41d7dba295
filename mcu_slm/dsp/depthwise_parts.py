"""Parts of generated assembly, how often they are done, and what that costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mcu_slm.dsp.counts import instruction_count, stalls

_WORTH_OF_AN_INSTRUCTION = 1 / 3000
"""This part of a layer's cycles."""


@dataclass(frozen=True)
class Part:
    """Instructions that are done `times` for a channel, or for each of its lines, and what for."""

    text: tuple[str, ...]
    times: int
    is_of_line: bool = False
    note: str = ""


def length(parts: Sequence[Part]) -> int:
    """Return the instructions of some parts."""
    return sum(instruction_count(part.text) for part in parts)


def price(parts: Sequence[Part], lines: int) -> float:
    """Return the cycles of a channel, and something for the code."""
    rounds = [(part.text, part.times * (lines if part.is_of_line else 1)) for part in parts]
    cycles = sum(times * (instruction_count(text) + stalls(text)) for text, times in rounds)
    return cycles * (1 + length(parts) * _WORTH_OF_AN_INSTRUCTION)
