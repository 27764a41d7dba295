"""Offsets for buffers: greedy orders first, then an exact search or a local one.

Two buffers that are needed at one step lie apart: the upper one starts at least as far above the
lower one as the lower one is long, or, where a layer may write over its input, its clearance. Two
that are level may also start at the same byte.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mcu_slm.plan.buffers import Buffer, Clearances, Level, aligned, arena_bytes, lower_bound

_EXACT_BUFFERS = 12
_EXACT_NODES = 5_000
_LOCAL_TRIES = 1_500
_LOCAL_TRIES_BEFORE_EXACT = 400
_LOCAL_PLACEMENTS = 200_000

Places = tuple[int, ...]


@dataclass(frozen=True)
class _Layout:
    """The problem: `above[i][j]` is how far i must start above j if it does; absent where free.

    `level[i]` are those that may start where i does.
    """

    buffers: tuple[Buffer, ...]
    above: tuple[dict[int, int], ...]
    level: tuple[frozenset[int], ...]

    @classmethod
    def of(cls, buffers: Sequence[Buffer], clearances: Clearances, level: Level) -> _Layout:
        above: list[dict[int, int]] = [{} for _ in buffers]
        for i, first in enumerate(buffers):
            for j, second in enumerate(buffers[:i]):
                if first.overlaps(second):
                    above[i][j], above[j][i] = second.size, first.size
        for (written, read), distance in clearances.items():
            if written in above[read]:
                above[read][written] = min(aligned(distance), above[read][written])
        partners: list[set[int]] = [set() for _ in buffers]
        for written, read in level:
            partners[written].add(read)
            partners[read].add(written)
        return cls(tuple(buffers), tuple(above), tuple(map(frozenset, partners)))

    def forbidden(self, index: int, placed: dict[int, int]) -> list[tuple[int, int]]:
        """Return between which offsets, themselves allowed, a buffer lies too close to another."""
        found = []
        for other, distance in self.above[index].items():
            if other in placed:
                place = placed[other]
                low, high = place - self.above[other][index], place + distance
                found += (
                    [(low, place), (place, high)] if other in self.level[index] else [(low, high)]
                )
        return sorted(found)

    def height(self, places: Places) -> int:
        return arena_bytes(self.buffers, places)


def place_buffers(
    buffers: Sequence[Buffer], clearances: Clearances | None = None, level: Level = frozenset()
) -> Places:
    """Return an offset for each buffer such that no two that live together overlap.

    Small sets are searched exactly, larger ones from the best of several greedy orders; the same
    buffers always get the same offsets.
    """
    layout = _Layout.of(buffers, clearances or {}, level)
    bound = lower_bound(buffers, clearances, level)
    orders: tuple[Callable[[int], tuple[int, ...]], ...] = (
        lambda i: (-buffers[i].byte_count, buffers[i].first),
        lambda i: (-(buffers[i].last - buffers[i].first), -buffers[i].byte_count),
        lambda i: (-buffers[i].byte_count * (buffers[i].last - buffers[i].first + 1), i),
        lambda i: (buffers[i].first, -buffers[i].byte_count),
        lambda i: (-buffers[i].last, -buffers[i].byte_count),
    )
    candidates = [sorted(range(len(buffers)), key=key) for key in orders]
    order = min(candidates, key=lambda order: layout.height(_place_in_order(layout, order)))
    places = _place_in_order(layout, order)
    is_small = len(buffers) <= _EXACT_BUFFERS
    if layout.height(places) > bound:
        tries = _LOCAL_TRIES_BEFORE_EXACT if is_small else _LOCAL_TRIES
        places = _improved(layout, order, bound, tries)
    if layout.height(places) > bound and is_small:
        places = _Exact(layout, places, bound).search()
    return places


def _place_in_order(layout: _Layout, order: Sequence[int]) -> Places:
    """Give each buffer in turn the lowest place that those already placed leave."""
    placed: dict[int, int] = {}
    for index in order:
        offset = 0
        for low, high in layout.forbidden(index, placed):
            if offset <= low:
                break
            offset = max(offset, high)
        placed[index] = offset
    return tuple(placed[i] for i in range(len(placed)))


def _improved(layout: _Layout, order: list[int], bound: int, tries: int) -> Places:
    """Move buffers to other turns while that lowers the arena; the seed is fixed."""
    rng = random.Random(0)
    places = _place_in_order(layout, order)
    best = layout.height(places)
    for _ in range(min(tries, _LOCAL_PLACEMENTS // len(order))):
        trial = list(order)
        trial.insert(rng.randrange(len(order)), trial.pop(rng.randrange(len(order))))
        found = _place_in_order(layout, trial)
        height = layout.height(found)
        if height <= best:  # equal ones too: they lead away from where nothing helps
            order, places, best = trial, found, height
        if best <= bound:
            break
    return places


class _Exact:
    """Tries every order in which buffers can lie from bottom to top.

    Taking the buffers of a best layout by rising offset, and pushing each as low as those before
    it allow, makes no buffer higher: so it is enough to try orders, each buffer not below the one
    before. Branches that cannot beat the best are left out, and so is what a bounded number of
    steps did not reach. (Pushing a buffer down may part it from one that was level with it: where
    there are such pairs the search may miss the best.)
    """

    def __init__(self, layout: _Layout, places: Places, bound: int) -> None:
        self._layout = layout
        self._best = places
        self._height = layout.height(places)
        self._bound = bound
        self._nodes = _EXACT_NODES

    def search(self) -> Places:
        """Return the best places found."""
        count = len(self._layout.buffers)
        self._extend({}, frozenset(range(count)), [0] * count, 0)
        return self._best

    def _extend(
        self, placed: dict[int, int], rest: frozenset[int], lowest: list[int], floor: int
    ) -> None:
        """Place each remaining buffer next; `lowest` is what the placed ones leave it."""
        self._nodes -= 1
        if not rest:
            self._best = tuple(placed[i] for i in range(len(placed)))
            self._height = self._layout.height(self._best)
            return
        starts = {i: self._start(i, placed, max(lowest[i], floor)) for i in rest}
        buffers = self._layout.buffers
        if max(starts[i] + buffers[i].size for i in rest) >= self._height:
            return
        for index in sorted(rest, key=lambda i: (starts[i], -buffers[i].size)):
            if self._nodes <= 0 or self._height <= self._bound:
                return
            raised = list(lowest)
            for other in rest:
                is_level = other in self._layout.level[index]
                if index in self._layout.above[other] and not is_level:
                    place = starts[index] + self._layout.above[other][index]
                    raised[other] = max(raised[other], place)
            self._extend({**placed, index: starts[index]}, rest - {index}, raised, starts[index])

    def _start(self, index: int, placed: dict[int, int], lowest: int) -> int:
        """Return where a buffer can start, not below `lowest`: level with a partner or above it."""
        for other in sorted(self._layout.level[index] & placed.keys(), key=placed.__getitem__):
            if placed[other] < lowest:
                lowest = max(lowest, placed[other] + self._layout.above[index][other])
        return lowest
