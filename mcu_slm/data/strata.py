"""Which windows count as alike when a share of each sort is held out: one number per window.

For classification that is the class. A split by time must not cut a recording once per class where
classes alternate inside windows, so there every window of such a task is of one sort.
"""

from __future__ import annotations

import numpy as np

from mcu_slm.data.dataset import Int64, TaskKind, Truth
from mcu_slm.data.windowing import Pool


def strata_of(pool: Pool, y: Truth, task: TaskKind, kind: str) -> Int64:
    """Return the sort of each window, for one kind of split.

    Args:
        pool: All windows.
        y: Their truth, as in `Windows.y`.
        task: What the truth means.
        kind: As for `splitting.assign`.
    """
    if task == "classification":
        return np.asarray(y, np.int64)
    if task == "regression" or kind in ("by_time", "probation"):
        return np.zeros(len(y), np.int64)
    sort = _rarest_class(y) if task == "events" else np.asarray(y, np.int64)
    return _one_per_timeline(pool, sort) if kind == "by_recording" else sort


def _rarest_class(y: Truth) -> Int64:
    """Return of each window the class that is rarest in all windows. Shapes: y: [n, T] -> [n]."""
    samples = np.bincount(y.ravel())
    at = samples[y].argmin(axis=1)
    return np.asarray(y[np.arange(len(y)), at], np.int64)


def _one_per_timeline(pool: Pool, sort: Int64) -> Int64:
    """Return for each window the rarest sort of its recording: an anomaly makes it anomalous."""
    windows = np.bincount(sort)
    by_rarity = np.argsort(np.argsort(-windows, kind="stable"), kind="stable")
    rank = np.zeros(int(pool.timeline.max()) + 1, np.int64)
    np.maximum.at(rank, pool.timeline, by_rarity[sort])
    return np.asarray(np.argsort(-windows, kind="stable")[rank[pool.timeline]], np.int64)
