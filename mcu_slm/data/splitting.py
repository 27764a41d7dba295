"""Decide which windows train, validate and test, so that no test window is known from training.

Validation always comes off the training windows, in the way that keeps it most independent of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mcu_slm.config import DataConfig
from mcu_slm.data import holdout
from mcu_slm.data.checks import listed
from mcu_slm.data.dataset import SPLITS, Int64, TaskKind, Truth
from mcu_slm.data.holdout import HoldOut
from mcu_slm.data.strata import strata_of
from mcu_slm.data.windowing import Pool
from mcu_slm.errors import DataError


@dataclass(frozen=True, eq=False)
class Assignment:
    """Rows of the pool for each split, and the split in words."""

    train: Int64
    validation: Int64
    test: Int64
    text: str


@dataclass(frozen=True, eq=False)
class _Way:
    """One way of splitting: how the test is held out, for which task, with which shares."""

    config: DataConfig
    kind: str
    task: TaskKind
    rng: np.random.Generator


def assign(
    pool: Pool,
    y: Truth,
    config: DataConfig,
    kind: str,
    seed: int,
    task: TaskKind = "classification",
) -> Assignment:
    """Assign the windows to splits.

    Args:
        pool: All windows.
        y: Their truth, as in `Windows.y`.
        config: Names and shares of the splits.
        kind: "official", "by_group", "by_recording", "by_time", "probation" or "random", from
            `usual_kind` or `honest_kind`.
        seed: Seed of the choices.
        task: What y means. Anomalies never train: those outside the test are validated on.

    Raises:
        DataError: the split is impossible, or would leak training data into the test.
    """
    way = _Way(config, kind, task, np.random.default_rng(seed))
    test = _hold_out_test(pool, y, way)
    _require_windows(test.held, "the test")
    anomalous = test.kept[y[test.kept] == 1] if task == "anomaly" else test.kept[:0]
    rest = np.setdiff1d(test.kept, anomalous)
    _require_windows(rest, "training")
    validation = _hold_out_validation(pool, y, rest, way)
    _require_windows(validation.kept, "training")
    _require_windows(validation.held, "validation")

    text = f"test: {test.text}; validation: {validation.text}"
    if kind in ("random", "by_recording") and len(np.unique(pool.group)) > 1:
        text += "; the same groups are in training and in the test"
    result = Assignment(validation.kept, validation.held, test.held, text)
    if kind in ("official", "by_group"):
        _refuse_shared_groups(pool, result, kind)
    return _validate_on_anomalies(pool, result, anomalous) if len(anomalous) else result


def _validate_on_anomalies(pool: Pool, assignment: Assignment, anomalous: Int64) -> Assignment:
    """Return the splits with anomalies in validation, and no training window that overlaps one."""
    train = assignment.train[~holdout.overlap(pool, assignment.train, anomalous)]
    _require_windows(train, "training")
    text = f"; the {len(anomalous)} anomalous windows outside the test are in validation"
    dropped = len(assignment.train) - len(train)
    if dropped:
        text += f" ({dropped} training windows that overlap them dropped)"
    validation = np.sort(np.concatenate([assignment.validation, anomalous]))
    return replace(assignment, train=train, validation=validation, text=assignment.text + text)


def refuse_leaky_random_split(config: DataConfig) -> None:
    """Refuse a random split of overlapping windows unless it is forced."""
    if config.split.kind == "random" and config.overlapping and not config.split.force_random:
        raise DataError(
            "data.split.kind",
            f'"random", but windows overlap (a hop of {config.hop} samples, windows of '
            f"{config.window_samples}): neighbours share samples, so training would see the test",
            '"by_group" or "by_time"',
            "To see how much that flatters, set data.split.force_random = true: "
            "both numbers are then reported.",
        )


def usual_kind(pool: Pool, y: Truth, config: DataConfig, task: TaskKind = "classification") -> str:
    """Return the kind of split that the project asks for.

    "random" draws whole recordings where there are enough of them, unless it is forced: windows of
    one recording resemble one another even where they share no sample.
    """
    split, rows = config.split, np.arange(len(y), dtype=np.int64)
    if split.kind == "random" and not split.force_random:
        return "by_recording" if _recordings_suffice(pool, y, rows, task) else "random"
    return split.kind


def honest_kind(pool: Pool, y: Truth, task: TaskKind = "classification") -> str:
    """Return the kind of split to put beside a forced random one."""
    rows = np.arange(len(y), dtype=np.int64)
    if len(np.unique(pool.group)) > 1:
        return "by_group"
    return "by_recording" if _recordings_suffice(pool, y, rows, task) else "by_time"


def _recordings_suffice(pool: Pool, y: Truth, rows: Int64, task: TaskKind) -> bool:
    """Return whether whole recordings can be held out."""
    strata = strata_of(pool, y, task, "by_recording")
    return holdout.recordings_suffice(pool, strata, rows)


def _hold_out_test(pool: Pool, y: Truth, way: _Way) -> HoldOut:
    """Hold out the test windows."""
    split, kind, rows = way.config.split, way.kind, np.arange(len(y), dtype=np.int64)
    if kind == "official":
        is_test = pool.split == "test"
        return HoldOut(rows[~is_test], rows[is_test], "as the source says")
    if kind == "by_group" and split.test_groups:
        return holdout.by_named_groups(pool, rows, split.test_groups, "test_groups")
    if kind == "probation":
        return holdout.by_probation(pool, rows, split.probation_fraction)
    return _hold_out(pool, y, rows, way, split.test_fraction)


def _hold_out_validation(pool: Pool, y: Truth, rows: Int64, way: _Way) -> HoldOut:
    """Hold out the validation windows from the training windows."""
    split, given = way.config.split, pool.split[rows] == "validation"
    if given.any():
        return HoldOut(rows[~given], rows[given], "as the source says")
    if split.validation_groups:
        return holdout.by_named_groups(pool, rows, split.validation_groups, "validation_groups")
    way = replace(way, kind=_validation_kind(pool, y, rows, way))
    blocks = split.validation_blocks
    return _hold_out(pool, y, rows, way, split.validation_fraction, blocks)


def _hold_out(
    pool: Pool, y: Truth, rows: Int64, way: _Way, fraction: float, blocks: int = 1
) -> HoldOut:
    """Hold out a share of the windows in one of the four ways."""
    strata, rng = strata_of(pool, y, way.task, way.kind), way.rng
    if way.kind == "by_group":
        normal = way.task == "anomaly"
        return holdout.by_groups(pool, strata, rows, fraction, rng, only_normal_trains=normal)
    if way.kind == "by_recording":
        return holdout.by_recordings(pool, strata, rows, fraction, rng)
    if way.kind == "by_time":
        return holdout.by_time(pool, strata, rows, fraction, blocks)
    return holdout.at_random(strata, rows, fraction, rng)


def _validation_kind(pool: Pool, y: Truth, rows: Int64, way: _Way) -> str:
    """Return how validation leaves the training windows, for a test that was held out in a way."""
    if way.kind == "probation":
        return "by_time"
    if way.kind not in ("official", "by_group"):
        return way.kind
    if len(np.unique(pool.group[rows])) > 1:
        return "by_group"
    return "by_recording" if _recordings_suffice(pool, y, rows, way.task) else "by_time"


def _require_windows(rows: Int64, name: str) -> None:
    """Refuse a split that leaves nothing for one purpose."""
    if not len(rows):
        raise DataError(
            "data.split",
            f"no window is left for {name}",
            "windows in every split",
            "Record more, or change the shares of the splits.",
        )


def _refuse_shared_groups(pool: Pool, assignment: Assignment, kind: str) -> None:
    """Refuse a group that has windows in the test and elsewhere (or in training and validation)."""
    groups = {name: np.unique(pool.group[getattr(assignment, name)]) for name in SPLITS}
    for first, second in (("train", "test"), ("validation", "test"), ("train", "validation")):
        shared = [str(group) for group in np.intersect1d(groups[first], groups[second]) if group]
        # One training group only: validation is a block of its time, and says so.
        if shared and (second == "test" or len(groups["train"]) > 1):
            raise DataError(
                "data.split",
                f"group {listed(shared)} is in {first} and in {second}",
                "each group in one split",
                "Correct the file or array sets, or the names of the groups."
                if kind == "official"
                else "Correct test_groups and validation_groups.",
                groups=tuple(shared),
            )
