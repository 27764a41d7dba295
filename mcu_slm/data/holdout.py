"""Set windows aside: by group, by recording, by blocks of time, or at random.

Each function divides windows (`rows`, indices into the pool) into those kept and those held out.
Only blocks of time drop windows: those that would lie on both sides of a cut.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mcu_slm.data.checks import listed
from mcu_slm.data.dataset import Int64, Mask
from mcu_slm.data.windowing import Pool
from mcu_slm.errors import DataError

_TRIALS = 400
_MIN_RECORDINGS = 5


class HoldOut(NamedTuple):
    """Rows kept, rows held out, and in words which."""

    kept: Int64
    held: Int64
    text: str


def by_named_groups(pool: Pool, rows: Int64, names: tuple[str | int, ...], field: str) -> HoldOut:
    """Hold out the groups that the project names.

    Raises:
        DataError: a named group is not there, or nothing would be left.
    """
    wanted = [str(name) for name in names]
    there = np.unique(pool.group[rows]).tolist()
    missing = [name for name in wanted if name not in there]
    if missing:
        raise DataError(
            f"data.split.{field}",
            f"no group {listed(missing)}",
            f"groups among {listed(there)}",
        )
    if len(wanted) == len(there):
        raise DataError(f"data.split.{field}", "names every group", "groups left for training")
    return _by_mask(pool, rows, np.isin(pool.group[rows], wanted))


def by_groups(
    pool: Pool,
    y: Int64,
    rows: Int64,
    fraction: float,
    rng: np.random.Generator,
    *,
    only_normal_trains: bool = False,
) -> HoldOut:
    """Hold out whole groups with about `fraction` of every class.

    Of many random orders of the groups, the beginning that comes nearest to that share in all
    classes is taken; one that leaves a class without training windows never is. Where anomalies
    (class 1) do not train, they may all be held out, and some must be.

    Raises:
        DataError: there is one group only, or every choice would empty a class.
    """
    groups, number = np.unique(pool.group[rows], return_inverse=True)
    if len(groups) < 2:
        raise DataError(
            "data.group",
            f"all windows belong to one group {str(groups[0])!r}",
            "at least two groups to split",
            'Use split.kind = "by_time".',
        )
    counts = np.zeros((len(groups), int(y.max()) + 1))
    np.add.at(counts, (number, y[rows]), 1)
    needed = np.arange(counts.shape[1]) == 0 if only_normal_trains else np.True_
    there = counts.any(axis=0)
    needed, counts = np.broadcast_to(needed, there.shape)[there], counts[:, there]
    share = counts / counts.sum(axis=0)
    best_cost, best = np.inf, None
    for _ in range(_TRIALS):
        order = rng.permutation(len(groups))
        held_share = np.cumsum(share[order], axis=0)[:-1]
        cost = np.abs(held_share - fraction).sum(axis=1)
        cost[(held_share[:, needed] > 1 - 1e-9).any(axis=1)] = np.inf
        cost[(held_share[:, ~needed] == 0).any(axis=1)] = np.inf
        size = int(cost.argmin())
        if cost[size] < best_cost:
            best_cost, best = float(cost[size]), order[: size + 1]
    if best is None:
        raise DataError(
            "data.group",
            "every choice of held-out groups takes all windows of some class from training",
            "classes that occur in at least two groups",
            'Use split.kind = "by_time", or name coarser groups.',
        )
    return _by_mask(pool, rows, np.isin(number, best))


def by_recordings(
    pool: Pool, y: Int64, rows: Int64, fraction: float, rng: np.random.Generator
) -> HoldOut:
    """Hold out whole recordings, the same share of every class (each recording has one class)."""
    timelines, first = np.unique(pool.timeline[rows], return_index=True)
    held = _stratified(y[rows][first], fraction, rng)
    mask = np.isin(pool.timeline[rows], timelines[held])
    text = f"{int(held.sum())} of {len(timelines)} recordings"
    if len(np.unique(y[rows])) > 1:
        text += ", the same share of every class"
    return HoldOut(rows[~mask], rows[mask], text)


def recordings_suffice(pool: Pool, y: Int64, rows: Int64) -> bool:
    """Return whether whole recordings can be held out: one class each and some of every class.

    Of recordings with a single window two of a class are enough: there is no time to cut instead.
    """
    pairs = np.unique(np.stack([pool.timeline[rows], y[rows]], axis=1), axis=0)
    per_class = np.unique(pairs[:, 1], return_counts=True)[1]
    needed = 2 if len(pairs) == len(rows) else _MIN_RECORDINGS
    return len(np.unique(pairs[:, 0])) == len(pairs) and int(per_class.min()) >= needed


def by_time(pool: Pool, y: Int64, rows: Int64, fraction: float, blocks: int = 1) -> HoldOut:
    """Hold out the end of every class in every recording; drop windows that lie across the cut.

    With several `blocks` it is the end of each of so many equally long parts.
    """
    order = rows[np.lexsort((pool.start[rows], y[rows], pool.timeline[rows]))]
    stratum = np.stack([pool.timeline[order], y[order]], axis=1)
    begin = np.flatnonzero(np.r_[True, (stratum[1:] != stratum[:-1]).any(axis=1)])
    size = np.diff(np.r_[begin, len(order)])
    rank = np.arange(len(order)) - np.repeat(begin, size)
    held_size = np.minimum(np.rint(size * fraction), size - 1)
    # From 0 to `size` in each block, so that one block is all of it.
    in_block = (rank * blocks) % np.repeat(size, size)
    is_held = in_block >= np.repeat(size - held_size, size)
    held, rest = np.sort(order[is_held]), np.sort(order[~is_held])
    kept = rest[~overlap(pool, rest, held)]
    several = len(np.unique(y[rows])) > 1
    text = f"the last {fraction:.0%} of every {'class and ' if several else ''}recording"
    if blocks > 1:
        text += f", in {blocks} blocks"
    if len(kept) < len(rest):
        text += f" ({len(rest) - len(kept)} windows across the cuts dropped)"
    return HoldOut(kept, held, text)


def by_probation(pool: Pool, rows: Int64, fraction: float) -> HoldOut:
    """Keep the first share of every recording and hold out the rest of it.

    Windows that lie across the cut belong to neither.
    """
    window = pool.x.shape[1]
    _, number = np.unique(pool.timeline[rows], return_inverse=True)
    samples = np.zeros(int(number.max()) + 1)
    np.maximum.at(samples, number, pool.start[rows] + window)
    cut = np.floor(samples * fraction)[number]
    kept, held = rows[pool.start[rows] + window <= cut], rows[pool.start[rows] >= cut]
    text = f"all but the first {fraction:.0%} of every recording"
    if len(kept) + len(held) < len(rows):
        text += f" ({len(rows) - len(kept) - len(held)} windows across the cuts dropped)"
    return HoldOut(kept, held, text)


def overlap(pool: Pool, rows: Int64, others: Int64) -> Mask:
    """Return which of `rows` share a sample with any of `others`."""
    if not len(others):
        return np.zeros(len(rows), np.bool_)
    window = pool.x.shape[1]
    # One axis for all timelines, with a gap of a window between them.
    position = pool.timeline * (int(pool.start.max()) + 2 * window) + pool.start
    edges = np.sort(position[others])
    after = np.searchsorted(edges, position[rows])
    to_next = edges[np.minimum(after, len(edges) - 1)] - position[rows]
    to_last = position[rows] - edges[np.maximum(after - 1, 0)]
    near: Mask = (np.abs(to_next) < window) | (np.abs(to_last) < window)
    return near


def at_random(y: Int64, rows: Int64, fraction: float, rng: np.random.Generator) -> HoldOut:
    """Hold out random windows, the same share of every class."""
    held = _stratified(y[rows], fraction, rng)
    what = "every class" if len(np.unique(y[rows])) > 1 else "the windows"
    return HoldOut(rows[~held], rows[held], f"a random {fraction:.0%} of {what}")


def _by_mask(pool: Pool, rows: Int64, held: Mask) -> HoldOut:
    """Return the hold-out of whole groups, with their names."""
    names = np.unique(pool.group[rows[held]]).tolist()
    text = f"{len(names)} of {len(np.unique(pool.group[rows]))} groups ({listed(names)})"
    return HoldOut(rows[~held], rows[held], text)


def _stratified(y: Int64, fraction: float, rng: np.random.Generator) -> Mask:
    """Return a mask that holds out about `fraction` of every class: at least one, never all."""
    held = np.zeros(len(y), np.bool_)
    for label in np.unique(y):
        members = rng.permutation(np.flatnonzero(y == label))
        count = min(max(round(fraction * len(members)), 1), len(members) - 1)
        held[members[:count]] = True
    return held
