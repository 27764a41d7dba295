"""Which training windows have a label, where an experiment pretends that most have none."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def labelled_rows(
    y: npt.NDArray[Any], groups: npt.NDArray[Any], fraction: float, seed: int
) -> npt.NDArray[np.int64]:
    """Draw a share of the windows of each class, at least one: whole groups as far as they go.

    So labels come from few subjects, as if somebody had labelled what those recorded. Windows whose
    truth is no class count as one class.

    Shapes: y: [n, ...], groups: [n] -> rows in rising order.
    """
    random = np.random.default_rng(seed)
    classes = y if y.ndim == 1 and y.dtype.kind in "iu" else np.zeros(len(y), np.int64)
    names, group = np.unique(groups, return_inverse=True)
    rank = random.permutation(len(names))[group]
    order = random.permutation(len(y))
    order = order[np.argsort(rank[order], kind="stable")]
    chosen = []
    for number in np.unique(classes):
        rows = order[classes[order] == number]
        chosen.append(rows[: max(1, round(fraction * len(rows)))])
    return np.sort(np.concatenate(chosen))
