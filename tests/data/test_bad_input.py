"""What users get wrong in recordings: each is one error or one warning with its file and count."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mcu_slm.data import load_dataset
from mcu_slm.errors import DataError
from tests.data.sources import CSV, NPZ, config, load, signal, write_csv, write_npz

pytestmark = pytest.mark.unit


def test_prevailing_class_is_a_warning(tmp_path: Path) -> None:
    count = 3000
    y = np.zeros(count, int)
    y[::1000] = y[1::1000] = 1
    arrays = {
        "X": np.random.default_rng(0).normal(size=(count, 4, 2)),
        "y": y,
        "g": np.arange(count) // 1000,
    }
    np.savez(tmp_path / "data.npz", **arrays)
    split = {"kind": "by_group", "test_groups": [0], "validation_groups": [1]}
    (warning,) = load(tmp_path, NPZ, split=split).warnings
    assert warning.startswith("998 of 1000 training windows (99.80%) are of class 0: accuracy says")


def test_same_recording_under_two_groups_is_a_warning(tmp_path: Path) -> None:
    for name in ("anna_up", "anna_down", "ben_up", "ben_down", "carl_up", "carl_down"):
        write_csv(tmp_path / f"{name}.csv", signal(40, sum(name.encode())))
    (tmp_path / "ben_up.csv").write_bytes((tmp_path / "anna_up.csv").read_bytes())
    keys = {
        "label": {"file_name": "_([a-z]+)"},
        "group": {"file_name": "^([a-z]+)_"},
        "split": {"kind": "by_group", "test_groups": ["ben"], "validation_groups": ["carl"]},
    }
    (warning,) = load(tmp_path, CSV, **keys).warnings
    assert warning == (
        "10 windows are copies of windows of another group or split, 10 of them across splits: "
        "for example anna_up.csv (train) and ben_up.csv (test)"
    )


def timed(
    folder: Path, times: Any, column: str = "time_s", digits: int = 6, **changes: Any
) -> tuple[str, ...]:
    """Load two recordings with a column of times; return the warnings."""
    for number, name in enumerate(("up1.csv", "down1.csv")):
        cells = [t if isinstance(t, str) else f"{t:.{digits}f}" for t in times]
        values = signal(len(cells), number)
        rows = [f"{a:.6f},{b:.6f},{t}" for (a, b), t in zip(values, cells, strict=True)]
        (folder / name).write_text("\n".join([f"a,b,{column}", *rows]) + "\n")
    return load(folder, CSV, **changes).warnings


@pytest.mark.parametrize(
    ("times", "column", "changes"),
    [
        (np.arange(80) / 50, "time_s", {}),
        (np.arange(80) * 20 + 1.386e12, "time_ms", {}),
        (1.386e9 + np.arange(80) / 50, "t", {"time_column": "t"}),
        (
            [f"2013-12-02 21:15:{i / 50:09.6f}" for i in range(80)],
            "t",
            {"time_column": "t"},
        ),
        ([f"2013-12-02T21:15:{i / 50:09.6f}Z" for i in range(80)], "t", {"time_column": "t"}),
        (np.arange(80) / 7, "t", {}),
        (["?"] * 80, "time_s", {}),
        ([""] * 80, "time_s", {}),
        (np.arange(80) / 7, "time_s", {"channels": ["a", "time_s"]}),
    ],
)
def test_right_sampling_rate_is_silent(
    tmp_path: Path, times: Any, column: str, changes: dict[str, Any]
) -> None:
    assert not [text for text in timed(tmp_path, times, column, **changes) if "time" in text]


def test_rounded_times_are_no_other_rate(tmp_path: Path) -> None:
    assert timed(tmp_path, np.arange(80) / 50, digits=1) == ()


@pytest.mark.parametrize(
    ("times", "column", "changes", "message"),
    [
        (
            np.arange(80) / 100,
            "time_s",
            {},
            "down1.csv: time_s: samples are 0.01 s apart, which is 100 Hz; expected "
            "data.sampling_rate_hz = 50. Correct the rate, or data.time_unit.",
        ),
        (np.arange(80) * 0.02, "t", {"time_column": "t", "time_unit": "ms"}, "which is 5e+04 Hz"),
        (
            [f"2013-12-02 21:{i // 60:02}:{i % 60:02}" for i in range(80)],
            "t",
            {"time_column": "t"},
            "samples are 1 s apart, which is 1 Hz",
        ),
        (["noon"] * 80, "t", {"time_column": "t"}, "down1.csv: t: holds something that is neither"),
        (np.arange(80) / 50, "t", {"time_column": "time"}, "down1.csv: no column 'time'"),
    ],
)
def test_wrong_sampling_rate_is_refused(
    tmp_path: Path, times: Any, column: str, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError) as caught:
        timed(tmp_path, times, column, **changes)
    assert message in str(caught.value)


def test_gaps_and_steps_back_in_time_are_warnings(tmp_path: Path) -> None:
    times = np.arange(80) / 50
    times[40:] += 3
    times[60:] -= 4
    warnings = timed(tmp_path, times)
    assert warnings[0] == (
        "down1.csv: time_s: 1 gaps in time, the longest 3.02 s, the first after data row 40; "
        "windows across them are taken as if there were none"
    )
    assert warnings[1].startswith("down1.csv: time_s: time steps back 1 times, first after data r")
    assert len(warnings) == 4


def test_parquet_dates_are_compared_too(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    dates = np.datetime64("2013-12-02T21:15:00", "ns") + np.arange(80) * 40_000_000
    for number, name in enumerate(("up1", "down1")):
        values = signal(80, number)
        table = pa.table({"a": values[:, 0], "b": values[:, 1], "t": dates})
        parquet.write_table(table, tmp_path / f"{name}.parquet")
    source = {**CSV, "format": "parquet", "files": ["*.parquet"], "time_column": "t"}
    with pytest.raises(DataError, match=r"down1.parquet: t: samples are 0\.04 s apart"):
        load(tmp_path, source)
    assert load(tmp_path, source, sampling_rate_hz=25).warnings == ()


def counts(folder: Path, change: Any) -> tuple[str, ...]:
    """Load two classes of int16 counts after a change of them; return the warnings."""
    arrays = write_npz(folder, groups=50)
    rng = np.random.default_rng(1)
    arrays["X"] = rng.integers(-30000, 30000, arrays["X"].shape).astype(np.int16)
    arrays["X"] //= 4
    change(arrays["X"])
    np.savez(folder / "data.npz", **arrays)
    return load_dataset(config(NPZ), folder, 0).warnings


def test_saturated_counts_are_a_warning(tmp_path: Path) -> None:
    def saturate(x: np.ndarray) -> None:
        x[:8, 0, 1], x[8:12, 0, 1] = 32767, -32768
        x[:9, 1, 0] = 32767

    (warning,) = counts(tmp_path, saturate)
    assert warning == (
        "channel b: 12 of 1200 samples are at the limits of 16 bits (-32768 or 32767), most in "
        "data.npz:X (12); is the sensor saturated?"
    )


def test_overflowed_counts_are_a_warning(tmp_path: Path) -> None:
    def overflow(x: np.ndarray) -> None:
        x[:10, 1, 0], x[:10, 2, 0] = 32000, -32000

    (warning,) = counts(tmp_path, overflow)
    assert warning.startswith("channel a: 10 steps of more than 49152 counts, most in data.npz:X")


def test_numbers_that_are_no_counts_do_not_saturate(tmp_path: Path) -> None:
    arrays = write_npz(tmp_path, groups=50)
    arrays["X"][:200, 0, 1] = 32767
    np.savez(tmp_path / "data.npz", **arrays)
    assert load(tmp_path, NPZ).warnings == ()
