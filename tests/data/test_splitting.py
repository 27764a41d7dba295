"""Splits: no group, recording or sample on two sides, whatever the data look like."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcu_slm.data.splitting import (
    Assignment,
    assign,
    honest_kind,
    refuse_leaky_random_split,
    usual_kind,
)
from mcu_slm.data.windowing import Pool
from mcu_slm.errors import DataError
from tests.data.sources import NPZ, config, pool

pytestmark = pytest.mark.unit


def split(windows: Pool, kind: str, seed: int = 0, **keys: Any) -> Assignment:
    """Assign the windows of a pool whose labels are class numbers."""
    y = windows.label.astype(np.int64)
    keys = {"kind": "random" if kind == "by_recording" else kind, **keys}
    data = config({**NPZ, "all": None, "split": keys, **_arrays(kind)})
    return assign(windows, y, data, kind, seed)


def _arrays(kind: str) -> dict[str, Any]:
    names = {"windows": "X", "labels": "y", "groups": "g"}
    return {"train": names, "test": names} if kind == "official" else {"all": names}


def parts(assignment: Assignment) -> list[np.ndarray]:
    return [assignment.train, assignment.validation, assignment.test]


def grouped(groups: int, classes: int = 2, each: int = 3) -> Pool:
    """Return `each` windows of every class in every group, each group a recording."""
    label = [str(c) for _ in range(groups) for c in range(classes) for _ in range(each)]
    number = [g for g in range(groups) for _ in range(classes * each)]
    start = [4 * i for _ in range(groups) for i in range(classes * each)]
    return pool(label, [f"g{n}" for n in number], number, start)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2)), min_size=8), st.integers(0, 99))
def test_by_group_never_shares_a_group(pairs: list[tuple[int, int]], seed: int) -> None:
    windows = pool([str(c) for _, c in pairs], [f"g{g}" for g, _ in pairs])
    try:
        assignment = split(windows, "by_group", seed)
    except DataError as error:
        assert error.where in {"data.group", "data.split"}  # noqa: PT017 - no possible split
        return
    groups = [set(windows.group[rows].tolist()) for rows in parts(assignment)]
    assert all(groups)
    train, validation, test = groups
    assert not train & test
    assert not validation & test
    # With one group left to train on, validation is the end of its recordings.
    assert not train & validation or len(train) == 1
    assert set(windows.label[assignment.train]) == set(windows.label)


def test_by_group_comes_near_the_wished_share_of_every_class() -> None:
    windows = grouped(20, classes=3)
    assignment = split(windows, "by_group", test_fraction=0.3, validation_fraction=0.25)
    for rows, share in zip(parts(assignment), (0.5, 0.2, 0.3), strict=True):
        counts = np.bincount(windows.label[rows].astype(int))
        assert np.abs(counts / 60 - share).max() <= 0.051


def test_seed_decides_the_groups() -> None:
    windows = grouped(12)
    first, again, other = (split(windows, "by_group", seed) for seed in (1, 1, 2))
    assert first.text == again.text
    assert first.text != other.text


def test_named_groups_are_held_out() -> None:
    windows = grouped(5)
    assignment = split(windows, "by_group", test_groups=["g1"], validation_groups=["g4"])
    assert set(windows.group[assignment.test]) == {"g1"}
    assert set(windows.group[assignment.validation]) == {"g4"}
    assert assignment.text == "test: 1 of 5 groups (g1); validation: 1 of 4 groups (g4)"


@pytest.mark.parametrize(
    ("groups", "keys", "message"),
    [
        (1, {}, "data.group: all windows belong to one group 'g0'; expected at least two groups"),
        (3, {"test_groups": ["g7"]}, "test_groups: no group g7; expected groups among g0, g1, g2"),
        (2, {"test_groups": ["g0", "g1"]}, "test_groups: names every group"),
        (3, {"test_groups": ["g0"], "validation_groups": ["g0"]}, "validation_groups: no group g0"),
    ],
)
def test_impossible_groups_are_named(groups: int, keys: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as caught:
        split(grouped(groups), "by_group", **keys)
    assert message in str(caught.value)


def test_groups_of_one_class_each_cannot_be_split() -> None:
    with pytest.raises(DataError, match=r"every choice of held-out groups takes all windows"):
        split(pool(["0"] * 4 + ["1"] * 4, ["p"] * 4 + ["q"] * 4), "by_group")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=10, max_size=80),
    st.integers(1, 6),
)
def test_by_time_never_shares_a_sample(pairs: list[tuple[int, int]], hop: int) -> None:
    timeline = [t for t, _ in pairs]
    start = [hop * timeline[:i].count(t) for i, t in enumerate(timeline)]
    windows = pool([str(c) for _, c in pairs], None, timeline, start)
    try:
        assignment = split(windows, "by_time", test_fraction=0.3)
    except DataError as error:
        assert error.found.startswith("no window is left for")  # noqa: PT017 - all lie across cuts
        return
    seen: dict[tuple[int, int], int] = {}
    for part, rows in enumerate(parts(assignment)):
        for row in rows:
            for sample in range(windows.start[row], windows.start[row] + 4):
                assert seen.setdefault((windows.timeline[row], sample), part) == part
    assert len(np.unique(np.concatenate(parts(assignment)))) == sum(map(len, parts(assignment)))


def test_by_time_holds_out_the_end_and_drops_windows_across_the_cuts() -> None:
    windows = pool(["0"] * 20, start=[2 * i for i in range(20)])
    assignment = split(windows, "by_time", test_fraction=0.25, validation_fraction=0.25)
    assert assignment.test.tolist() == [15, 16, 17, 18, 19]
    assert assignment.validation.tolist() == [10, 11, 12, 13]
    assert assignment.train.tolist() == list(range(9))
    assert "(1 windows across the cuts dropped)" in assignment.text


def test_validation_is_spread_over_blocks_of_time() -> None:
    windows = pool(["0"] * 25, start=[4 * i for i in range(25)])
    keys = {"test_fraction": 0.2, "validation_fraction": 0.2, "validation_blocks": 4}
    assignment = split(windows, "by_time", **keys)
    assert assignment.test.tolist() == [20, 21, 22, 23, 24]
    assert assignment.validation.tolist() == [4, 9, 14, 19]
    assert assignment.train.tolist() == [i for i in range(20) if i % 5 != 4]
    assert "in 4 blocks" in assignment.text


def test_official_test_is_kept_and_validation_comes_from_other_groups() -> None:
    windows = grouped(6)
    split_names = np.where(np.isin(windows.group, ["g2", "g3"]), "test", "train")
    windows = pool(windows.label.tolist(), windows.group.tolist(), split=split_names.tolist())
    assignment = split(windows, "official")
    assert set(windows.group[assignment.test]) == {"g2", "g3"}
    validation = set(windows.group[assignment.validation])
    assert validation
    assert not validation & set(windows.group[assignment.train])


def test_official_validation_is_kept() -> None:
    names = ["train"] * 4 + ["validation"] * 2 + ["test"] * 2
    assignment = split(pool(["0", "1"] * 4, split=names), "official")
    assert assignment.validation.tolist() == [4, 5]
    assert assignment.text.endswith("validation: as the source says")


def test_group_in_two_official_splits_is_refused() -> None:
    windows = pool(
        ["0", "1"] * 4, ["p", "p", "q", "q", "r", "r", "q", "q"], split=["train"] * 6 + ["test"] * 2
    )
    with pytest.raises(
        DataError, match=r"data.split: group q is in (train|validation) and in test"
    ):
        split(windows, "official")


def test_independent_recordings_validate_on_the_same_share_of_every_class() -> None:
    label = ["0"] * 10 + ["1"] * 20
    windows = pool(
        label * 2, timeline=list(range(60)), start=[0] * 60, split=["train"] * 30 + ["test"] * 30
    )
    assignment = split(windows, "official", validation_fraction=0.2)
    assert np.bincount(windows.label[assignment.validation].astype(int)).tolist() == [2, 4]
    assert "6 of 30 recordings" in assignment.text
    assert assignment.test.tolist() == list(range(30, 60))


def test_few_recordings_without_groups_validate_on_the_end_of_each() -> None:
    windows = pool(
        ["0"] * 10 + ["1"] * 10 + ["0", "1"],
        timeline=[0] * 10 + [1] * 10 + [2, 3],
        start=[4 * i for i in range(10)] * 2 + [0, 0],
        split=["train"] * 20 + ["test"] * 2,
    )
    assignment = split(windows, "official", validation_fraction=0.2)
    assert assignment.validation.tolist() == [8, 9, 18, 19]


def test_official_split_without_training_windows_is_refused() -> None:
    with pytest.raises(DataError, match="no window is left for training"):
        split(pool(["0", "1"], split=["test"] * 2), "official")


def test_split_without_validation_windows_is_refused() -> None:
    windows = pool(["0", "1", "0", "1"], ["p", "p", "q", "q"])
    with pytest.raises(DataError, match="no window is left for validation"):
        split(windows, "by_group")


def test_random_split_is_stratified_and_says_when_groups_are_shared() -> None:
    windows = grouped(10)
    assignment = split(windows, "random", test_fraction=0.2)
    assert np.bincount(windows.label[assignment.test].astype(int)).tolist() == [6, 6]
    assert assignment.text.endswith("the same groups are in training and in the test")
    assert sorted(np.concatenate(parts(assignment)).tolist()) == list(range(60))


@pytest.mark.parametrize("hop", [None, 4, 7])
def test_random_split_of_separate_windows_is_allowed(hop: int | None) -> None:
    refuse_leaky_random_split(config(NPZ, hop_samples=hop, split={"kind": "random"}))


def test_random_split_of_overlapping_windows_is_refused_unless_forced() -> None:
    with pytest.raises(DataError, match=r"a hop of 2 samples, windows of 4.*force_random = true"):
        refuse_leaky_random_split(config(NPZ, hop_samples=2, split={"kind": "random"}))
    forced = {"kind": "random", "force_random": True}
    refuse_leaky_random_split(config(NPZ, hop_samples=2, split=forced))


def classes(windows: Pool) -> np.ndarray:
    return windows.label.astype(np.int64)


def recordings(count: int, each: int) -> Pool:
    """Return `each` windows of each of some recordings, whose classes alternate."""
    return pool(
        [str(i % 2) for i in range(count) for _ in range(each)],
        timeline=[i for i in range(count) for _ in range(each)],
        start=[4 * k for _ in range(count) for k in range(each)],
    )


def test_honest_split_is_by_group_then_by_recording_then_by_time() -> None:
    for windows, kind in [
        (grouped(2), "by_group"),
        (recordings(10, 3), "by_recording"),
        (recordings(8, 3), "by_time"),
        (recordings(4, 1), "by_recording"),
    ]:
        assert honest_kind(windows, classes(windows)) == kind


@pytest.mark.parametrize("each", [1, 4])
def test_random_split_draws_whole_recordings(each: int) -> None:
    windows = recordings(20, each)
    data = config(NPZ, split={"kind": "random", "test_fraction": 0.3})
    kind = usual_kind(windows, classes(windows), data)
    assert kind == "by_recording"
    held = [set(windows.timeline[rows].tolist()) for rows in parts(split(windows, kind))]
    assert sum(map(len, held)) == len(set.union(*held)) == 20


def test_forced_random_split_draws_windows() -> None:
    windows = recordings(20, 4)
    data = config(NPZ, split={"kind": "random", "force_random": True})
    assert usual_kind(windows, classes(windows), data) == "random"
