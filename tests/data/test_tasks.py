"""Regression, anomaly and events from small files: what windows are, and what each warns about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mcu_slm.config import AnomalyTask, EventsTask, RegressionTask, TaskConfig
from mcu_slm.data import Dataset, describe, load_dataset
from mcu_slm.errors import DataError
from tests.data.sources import CSV, NPZ, config, signal, write_npz

pytestmark = pytest.mark.unit

HOURS = RegressionTask(unit="h", min=0.0, max=10.0)
LAST = RegressionTask(unit="h", min=0.0, max=10.0, evaluate="last")
ANOMALY = AnomalyTask(normal_labels=("0",))
BY_RUN = {"label": None, "group": {"file_name": "(run[0-9]+)"}}
RUNS = {"kind": "by_group", "test_groups": ["run1"], "validation_groups": ["run2"]}


def load(folder: Path, task: TaskConfig, base: dict[str, Any] = CSV, **changes: Any) -> Dataset:
    return load_dataset(config(base, **changes), folder, 0, task)


def refused(folder: Path, task: TaskConfig, base: dict[str, Any] = CSV, **changes: Any) -> str:
    with pytest.raises(DataError) as caught:
        load(folder, task, base, **changes)
    return str(caught.value)


def write(folder: Path, name: str, last: list[Any], column: str = "s") -> None:
    """Write a recording of two random channels and one more column."""
    values = signal(len(last), sum(name.encode()))
    rows = [f"{a:.6f},{b:.6f},{c}" for (a, b), c in zip(values, last, strict=True)]
    (folder / name).write_text("\n".join([f"a,b,{column}", *rows]) + "\n")


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Return a folder with five runs of 12 to 16 samples, whose target counts down in halves."""
    for number in range(1, 6):
        samples = 11 + number
        write(tmp_path, f"run{number}.csv", [(samples - i) / 2 for i in range(samples)], "rul")
    return tmp_path


def test_target_is_the_value_at_the_last_sample_clipped(runs: Path) -> None:
    task = RegressionTask(unit="h", min=1.0, max=4.0)
    dataset = load(runs, task, target="rul", hop_samples=2, split=RUNS, **BY_RUN)
    assert dataset.task == "regression"
    assert dataset.classes == ()
    assert dataset.test.y.dtype == np.float32
    assert dataset.test.start.tolist() == [0, 2, 4, 6, 8]
    assert dataset.test.y.tolist() == [4, 3.5, 2.5, 1.5, 1]
    assert dataset.test.last.tolist() == [False] * 4 + [True]
    assert set(dataset.test.source) == {"run1.csv"}
    assert int(dataset.train.last.sum()) == len(np.unique(dataset.train.recording)) == 3
    assert dataset.class_counts["train"].tolist() == []


def test_countdown_ends_at_zero_in_every_recording(runs: Path) -> None:
    split = {**RUNS, "test_groups": ["run2"], "validation_groups": ["run3"]}
    keys = {"target_countdown": True, "hop_samples": 2, "split": split, **BY_RUN}
    assert load(runs, HOURS, **keys).test.y.tolist() == [9, 7, 5, 3, 1]
    at_end = load(runs, LAST, **keys)
    assert at_end.test.start.tolist() == [1, 3, 5, 7, 9]
    assert at_end.test.y.tolist() == [8, 6, 4, 2, 0]


def test_one_file_holds_the_runs_of_several_groups(tmp_path: Path) -> None:
    rows = [f"{i},{i * i % 7},u{unit}" for unit in range(5) for i in range(10)]
    (tmp_path / "all.csv").write_text("\n".join(["a,b,unit", *rows]) + "\n")
    split = {"kind": "by_group", "test_groups": ["u3"]}
    keys = {"label": None, "group": {"column": "unit"}, "split": split}
    dataset = load(tmp_path, LAST, target_countdown=True, **keys)
    assert dataset.test.y.tolist() == [4, 0]
    assert dataset.test.start.tolist() == [32, 36]
    assert dataset.test.last.tolist() == [False, True]


def test_short_recordings_are_refused_or_preceded_by_copies(runs: Path) -> None:
    write(runs, "run1.csv", [2.5, 2, 1.5], "rul")
    keys = {"target": "rul", "window_samples": 5, "split": RUNS, **BY_RUN}
    assert "run1.csv: the recording has 3 samples" in refused(runs, HOURS, **keys)
    dataset = load(runs, HOURS, pad_start=True, **keys)
    assert dataset.warnings == (
        "1 recordings are shorter than a window (5 samples): copies of the first sample precede "
        "them (the first one: run1.csv)",
    )
    assert dataset.test.y.tolist() == [1.5]
    assert dataset.test.start.tolist() == [-2]
    assert dataset.test.last.tolist() == [True]
    first, real = dataset.test.x[0, :2], dataset.test.x[0, 2:]
    np.testing.assert_array_equal(first, real[[0, 0]])
    np.testing.assert_allclose(real, signal(3, sum(b"run1.csv")), atol=1e-6)


def test_long_recordings_are_preceded_by_copies_where_wished(runs: Path) -> None:
    write(runs, "run1.csv", [2.5, 2, 1.5], "rul")
    keys = {"target": "rul", "window_samples": 5, "split": RUNS, "hop_samples": 1, **BY_RUN}
    plain = load(runs, LAST, pad_start=True, **keys)
    dataset = load(runs, LAST, pad_start=True, pad_start_samples=2, **keys)
    np.testing.assert_array_equal(dataset.test.x, plain.test.x)
    runs_of = np.unique(dataset.train.recording)
    assert len(dataset.train) == len(plain.train) + 2 * len(runs_of)
    for run in runs_of:
        rows = dataset.train.recording == run
        assert dataset.train.start[rows][:3].tolist() == [-2, -1, 0]
        first, whole = dataset.train.x[rows][0], dataset.train.x[rows][2]
        np.testing.assert_array_equal(first, whole[[0, 0, 0, 1, 2]])
        assert dataset.train.y[rows][0] == dataset.train.y[rows][2] + 1


def test_targets_outside_those_of_training_are_a_warning(runs: Path) -> None:
    write(runs, "run1.csv", [9.0] * 8, "rul")
    (warning,) = load(runs, HOURS, target="rul", split=RUNS, **BY_RUN).warnings
    assert warning == (
        "2 of 2 targets of the test (9 to 9 h) lie outside those of training (0.5 to 6.5)"
    )


def test_targets_without_spread_are_refused(runs: Path) -> None:
    task = RegressionTask(unit="h", min=100.0, max=200.0)
    message = refused(runs, task, target="rul", split=RUNS, **BY_RUN)
    assert message.startswith("data: all targets of the training windows are 100 h; expected targ")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("nan", "run3.csv: rul: the target of data row 2 is nan, the first of 2 that are not fin"),
        ("inf", "run3.csv: rul: the target of data row 2 is inf"),
        ("", "run3.csv: rul: data row 2 is empty; expected a number"),
        ("high", "run3.csv: rul: data row 2 holds 'high'"),
    ],
)
def test_target_that_is_no_number_is_found_in_its_file(
    runs: Path, value: str, message: str
) -> None:
    write(runs, "run3.csv", [1, value, 1, value, 1, 1], "rul")
    assert message in refused(runs, HOURS, target="rul", split=RUNS, **BY_RUN)


def test_description_of_targets_gives_range_and_spread(runs: Path) -> None:
    table = describe(load(runs, HOURS, target="rul", hop_samples=2, split=RUNS, **BY_RUN))
    assert table.header == ("target [h]", "train", "validation", "test")
    assert [row[0] for row in table.rows] == [
        "smallest",
        "mean",
        "largest",
        "standard deviation",
        "windows",
        "groups",
    ]
    assert [row[3] for row in table.rows] == ["0.5", "2.5", "4.5", "1.414", "5", "1"]


REGRESSION_NPZ = {**NPZ, "all": {"windows": "X", "target": "y", "groups": "g"}}


@pytest.mark.parametrize("per_sample", [False, True])
def test_array_of_targets_per_row_or_per_sample(tmp_path: Path, per_sample: bool) -> None:
    arrays = write_npz(tmp_path, groups=4)
    y = np.linspace(0, 9, len(arrays["y"]))
    target = y[:, None] + [[-3, -2, -1, 0]] if per_sample else y
    np.savez(tmp_path / "data.npz", **{**arrays, "y": target})
    split = {"kind": "by_group", "test_groups": [1], "validation_groups": [2]}
    dataset = load(tmp_path, HOURS, REGRESSION_NPZ, split=split)
    np.testing.assert_array_equal(dataset.test.y, y[arrays["g"] == 1].astype(np.float32))
    assert dataset.test.last.tolist() == [False] * 5 + [True]
    assert len(np.unique(dataset.test.recording)) == 1


@pytest.mark.parametrize(
    ("y", "task", "keys", "message"),
    [
        (np.zeros(23), HOURS, {}, "has shape [23]; expected [24], one for each row, or [24, 4]"),
        (np.zeros((24, 5)), HOURS, {}, "has shape [24, 5]; expected [24], one for each row, or"),
        (np.zeros(24), HOURS, {"window_samples": 2}, "has shape [24]; expected [24, 4], one for"),
        (np.full(24, np.nan), HOURS, {}, "data.npz: y: the target of data row 1 is nan, the first"),
        (np.array(["x"] * 24), HOURS, {}, "data.npz: y: the array holds <U1; expected real numb"),
        (np.zeros(24, int), EventsTask(), {}, "has shape [24]; expected [24, 4], one for each sam"),
        (np.zeros((24, 3), int), EventsTask(), {}, "has shape [24, 3]; expected [24, 4]"),
        (np.zeros((24, 3), int), ANOMALY, {}, "has shape [24, 3]; expected [24], one for each row"),
    ],
)
def test_truth_that_does_not_fit_its_windows_is_refused(
    tmp_path: Path, y: np.ndarray, task: TaskConfig, keys: dict[str, Any], message: str
) -> None:
    np.savez(tmp_path / "data.npz", **{**write_npz(tmp_path, groups=4), "y": y})
    base = REGRESSION_NPZ if isinstance(task, RegressionTask) else NPZ
    assert message in refused(tmp_path, task, base, **keys)


PROBATION = {"kind": "probation", "probation_fraction": 0.4, "validation_fraction": 0.25}
COLUMN = {"label": {"column": "s"}}


def test_probation_trains_on_the_normal_beginning(tmp_path: Path) -> None:
    labels = [0] * 100
    labels[9] = labels[60] = labels[61] = 1
    write(tmp_path, "r.csv", labels)
    dataset = load(tmp_path, ANOMALY, hop_samples=2, split=PROBATION, **COLUMN)
    assert dataset.classes == ("normal", "anomaly")
    assert dataset.test.start.tolist() == list(range(40, 98, 2))
    assert dataset.test.start[dataset.test.y == 1].tolist() == [58, 60]
    # y asks for any sample of a window, at_end for its last one alone.
    assert dataset.test.at_end is not None
    assert dataset.test.start[dataset.test.at_end == 1].tolist() == [58]
    assert not dataset.train.y.any()
    assert dataset.train.start.max() + 4 <= 40
    # Windows 6 and 8 hold sample 9; those that share samples with them do not train.
    assert dataset.validation.start[dataset.validation.y == 1].tolist() == [6, 8]
    assert not set(dataset.train.start.tolist()) & {4, 6, 8, 10}
    assert "test: all but the first 40% of every recording (1 windows across" in dataset.split
    assert "the 2 anomalous windows outside the test are in validation (2 tr" in dataset.split
    assert dataset.warnings == ()


def test_anomalies_of_training_groups_validate(tmp_path: Path) -> None:
    arrays = write_npz(tmp_path, groups=4)
    dataset = load(
        tmp_path,
        ANOMALY,
        NPZ,
        split={"kind": "by_group", "test_groups": [1], "validation_groups": [2]},
    )
    assert dataset.class_counts["train"].tolist() == [6, 0]
    assert dataset.class_counts["validation"].tolist() == [3, 9]
    assert dataset.class_counts["test"].tolist() == [3, 3]
    assert len(arrays["y"]) == 24
    assert describe(dataset).rows[1] == ("anomaly", "0", "9", "3")


def test_groups_with_nothing_but_anomalies_can_be_split(tmp_path: Path) -> None:
    """Classification refuses this: there every class must train."""
    arrays = write_npz(tmp_path, groups=8)
    np.savez(tmp_path / "data.npz", **{**arrays, "y": (arrays["g"] >= 6).astype(int)})
    dataset = load(tmp_path, ANOMALY, NPZ)
    assert not dataset.train.y.any()
    assert (dataset.class_counts["test"] > 0).all()


def test_test_without_anomaly_is_a_warning(tmp_path: Path) -> None:
    labels = [0] * 100
    labels[9] = 1
    write(tmp_path, "r.csv", labels)
    dataset = load(tmp_path, ANOMALY, split=PROBATION, **COLUMN)
    assert dataset.warnings == ("the test has no anomaly: only false alarms can be counted",)


def test_normal_label_that_is_nowhere_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "r.csv", ["ok"] * 60 + ["broken"] * 40)
    task = AnomalyTask(normal_labels=("OK",))
    assert refused(tmp_path, task, split=PROBATION, **COLUMN) == (
        "task.normal_labels: no sample has the label OK; expected labels among broken, ok."
    )


def test_anomalies_alone_cannot_train(tmp_path: Path) -> None:
    write(tmp_path, "r.csv", [1] * 60 + [0] * 40)
    message = refused(tmp_path, ANOMALY, split=PROBATION, **COLUMN)
    assert message.startswith("data.split: no window is left for training")


def test_events_have_a_label_per_sample(tmp_path: Path) -> None:
    for number in range(1, 5):
        write(tmp_path, f"run{number}.csv", ["rest", "rest", "rest", "step", "rest", "step"] * 3)
    split = {"kind": "by_group", "test_groups": ["run1"], "validation_groups": ["run2"]}
    keys = {**BY_RUN, **COLUMN, "split": split}
    dataset = load(tmp_path, EventsTask(), window_samples=6, **keys)
    assert dataset.classes == ("rest", "step")
    assert dataset.test.y.dtype == np.int64
    assert dataset.test.y.tolist() == [[0, 0, 0, 1, 0, 1]] * 3
    assert {n: v.tolist() for n, v in dataset.class_counts.items()} == {
        "train": [24, 12],
        "validation": [12, 6],
        "test": [12, 6],
    }
    table = describe(dataset)
    assert table.header[0] == "samples of class"
    assert table.rows[1:3] == (("step", "12", "6", "6"), ("windows", "6", "3", "3"))


def test_events_are_cut_at_ignored_samples_only(tmp_path: Path) -> None:
    labels = ["rest", "step"] * 5 + ["pause"] * 3 + ["step", "rest"] * 12
    write(tmp_path, "r.csv", labels)
    keys = {**COLUMN, "ignore_labels": ["pause"], "hop_samples": 1}
    dataset = load(tmp_path, EventsTask(), **keys)
    starts = sorted(start for _, windows in dataset.splits() for start in windows.start.tolist())
    assert not set(starts) & set(range(7, 13))
    assert starts[-1] == 33
    for _, windows in dataset.splits():
        for start, y in zip(windows.start, windows.y, strict=True):
            assert [dataset.classes[i] for i in y] == labels[start : start + 4]


def test_events_lacking_a_class_in_the_test_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "r.csv", ["rest", "step"] * 10 + ["rest"] * 20)
    message = refused(tmp_path, EventsTask(), **COLUMN)
    assert "test has no sample of class step" in message


def test_unknown_event_is_counted_by_samples(tmp_path: Path) -> None:
    write(tmp_path, "r.csv", ["rest", "step"] * 10 + ["jump"] * 3)
    message = refused(tmp_path, EventsTask(), classes=["rest", "step"], **COLUMN)
    assert message.startswith("data.classes: the data also hold 'jump' (3 samples)")


@pytest.mark.parametrize("task", [ANOMALY, EventsTask()])
def test_random_split_draws_recordings_with_and_without_the_rare_class(
    tmp_path: Path, task: TaskConfig
) -> None:
    for number in range(20):
        write(tmp_path, f"run{number:02}.csv", [0, 0, int(number >= 10), 0] * 3)
    dataset = load(tmp_path, task, split={"kind": "random", "test_fraction": 0.3}, **COLUMN)
    sides = [set(w.source.tolist()) for _, w in dataset.splits()]
    assert len(sides[2]) == 6
    assert sum(name >= "run10" for name in sides[2]) == 3
    assert not sides[0] & sides[2]
    assert not sides[1] & sides[2]
