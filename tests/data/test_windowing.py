"""Windows of recordings: positions, labels, and what is too short or too much."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcu_slm.data.windowing import Recordings, cut_at_changes, cut_windows
from mcu_slm.errors import DataError

pytestmark = pytest.mark.unit


def ramp(samples: int) -> np.ndarray:
    """Return [samples, 2] with the sample number in both channels, the second negative."""
    line = np.arange(samples, dtype=np.float32)
    return np.stack([line, -line], axis=1)


def loose(x: np.ndarray) -> Recordings:
    names = np.array([f"label{i}" for i in range(len(x))])
    return Recordings(x, names, np.full(len(x), ""), "file", "all")


@given(st.integers(2, 9), st.integers(1, 9), st.integers(2, 40), st.integers(1, 3))
def test_windows_are_the_slices_of_the_recordings(
    window: int, hop: int, samples: int, count: int
) -> None:
    x = np.stack([ramp(samples) + 1000 * i for i in range(count)])
    if samples < window:
        with pytest.raises(DataError, match=f"the recording has {samples} samples"):
            cut_windows([loose(x)], window, hop)
        return
    pool, warnings = cut_windows([loose(x)], window, hop)
    expected = [
        x[i, start : start + window]
        for i in range(count)
        for start in range(0, samples - window + 1, hop)
    ]
    np.testing.assert_array_equal(pool.x, expected)
    assert warnings == []
    assert pool.x.dtype == np.float32
    np.testing.assert_array_equal(pool.x[:, 0, 0] % 1000, pool.start)
    np.testing.assert_array_equal(pool.x[:, 0, 0] // 1000, pool.timeline)


def test_no_window_crosses_a_change_of_label_or_group() -> None:
    labels = np.array(["up"] * 5 + ["down"] * 6 + ["up"] * 4)
    groups = np.array(["p"] * 8 + ["q"] * 7)
    pieces = cut_at_changes(ramp(15), labels, groups, "walk.csv", "all")
    pool, _ = cut_windows(pieces, 2, 1)
    firsts = pool.x[:, 0, 0].astype(int)
    assert 4 not in firsts
    assert 7 not in firsts
    assert 10 not in firsts
    np.testing.assert_array_equal(pool.label, labels[firsts])
    np.testing.assert_array_equal(pool.group, groups[firsts])
    np.testing.assert_array_equal(pool.start, firsts)
    assert set(pool.timeline.tolist()) == {0}


def test_files_have_time_axes_of_their_own() -> None:
    files = [
        piece
        for name in ("walk1.csv", "walk2.csv")
        for piece in cut_at_changes(
            ramp(6), np.array(["up"] * 3 + ["down"] * 3), np.full(6, ""), name, "all"
        )
    ]
    pool, _ = cut_windows([*files, loose(np.zeros((2, 3, 2), np.float32))], 3, 3)
    assert pool.timeline.tolist() == [0, 0, 1, 1, 2, 3]
    assert pool.source.tolist() == ["walk1.csv"] * 2 + ["walk2.csv"] * 2 + ["file#0", "file#1"]


def test_short_stretches_are_left_out_with_a_warning() -> None:
    labels = np.array(["up"] * 2 + ["down"] * 8)
    pieces = cut_at_changes(ramp(10), labels, np.full(10, ""), "walk.csv", "all")
    pool, warnings = cut_windows(pieces, 4, 4)
    assert pool.label.tolist() == ["down", "down"]
    assert warnings == [
        "walk.csv: 1 stretches with one label are shorter than a window (4 samples) "
        "and are left out"
    ]


def test_file_without_any_window_is_refused() -> None:
    labels = np.array(["up"] * 2 + ["down"] * 3)
    pieces = cut_at_changes(ramp(5), labels, np.full(5, ""), "walk.csv", "all")
    with pytest.raises(DataError) as caught:
        cut_windows(pieces, 4, 4)
    assert str(caught.value).startswith(
        "walk.csv: the longest stretch with one label has 3 samples; expected at least "
        "data.window_samples = 4."
    )
    assert caught.value.values["samples"] == 3


def test_windows_that_would_fill_the_memory_are_refused() -> None:
    x = np.broadcast_to(np.zeros((1, 1, 1), np.float32), (1, 2_000_000, 1))
    with pytest.raises(DataError, match=r"hop_samples: the windows would take 14\.9 GiB"):
        cut_windows([loose(x)], 2000, 1)
