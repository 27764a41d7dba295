"""What has to be placed in the arena, and what a placement costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TypeAlias

ALIGNMENT = 4
"""Buffers start on word boundaries, so that kernels may read words."""

Clearances: TypeAlias = Mapping[tuple[int, int], int]
"""Pairs (written, read) of buffer numbers that may share bytes although both are needed at a step.

A layer consumes `read` for the last time while it fills `written` from its first byte to its last.
Nothing is lost as long as `written` starts at least so many bytes below `read`.
"""

Level: TypeAlias = Set[tuple[int, int]]
"""Pairs (written, read) that may also start at the same byte, whatever their clearance."""


@dataclass(frozen=True)
class Buffer:
    """Bytes that are needed from step `first` to step `last`, both included."""

    name: str
    byte_count: int
    first: int
    last: int

    @property
    def size(self) -> int:
        """Bytes with the gap up to the next word."""
        return aligned(self.byte_count)

    def overlaps(self, other: Buffer) -> bool:
        """Return whether both are needed at some step."""
        return self.first <= other.last and other.first <= self.last


def aligned(byte_count: int) -> int:
    """Return bytes rounded up to words."""
    return -(-byte_count // ALIGNMENT) * ALIGNMENT


def arena_bytes(buffers: Sequence[Buffer], places: Sequence[int]) -> int:
    """Return the bytes that the placed buffers span."""
    return max((o + b.size for b, o in zip(buffers, places, strict=True)), default=ALIGNMENT)


def lower_bound(
    buffers: Sequence[Buffer], clearances: Clearances | None = None, level: Level = frozenset()
) -> int:
    """Return bytes that no layout can do without: those of the fullest step.

    Of a layer's output and the inputs that it may write over, only what must stick out counts.
    """
    distances = {**(clearances or {}), **dict.fromkeys(level, 0)}
    readable: dict[int, list[int]] = {}
    for written, read in distances:
        readable.setdefault(written, []).append(read)
    bound = ALIGNMENT
    for step in {buffer.first for buffer in buffers}:
        live = {n for n, b in enumerate(buffers) if b.first <= step <= b.last}
        total = sum(buffers[n].size for n in live)
        for written, reads in readable.items():
            if buffers[written].first == step:
                total -= _saving(buffers, distances, written, reads)
        bound = max(bound, total)
    return bound


def _saving(
    buffers: Sequence[Buffer], clearances: Clearances, written: int, reads: Sequence[int]
) -> int:
    """Return the most bytes that an output can share with the inputs it may write over."""
    sizes = [buffers[n].size for n in reads]
    reach = max(
        min(aligned(clearances[written, n]), buffers[written].size) + size
        for n, size in zip(reads, sizes, strict=True)
    )
    # Several inputs do not share bytes with one another; one of them may lie below the output.
    together = max(buffers[written].size, sum(sizes), reach if len(reads) == 1 else 0)
    return buffers[written].size + sum(sizes) - together
