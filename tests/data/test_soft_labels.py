"""Answers of somebody else's model: rows find their windows, and what is wrong is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mcu_slm.config import RegressionTask
from mcu_slm.data import Dataset, load_dataset
from mcu_slm.data.soft_labels import load_soft_labels, window_arrays
from mcu_slm.errors import DataError
from tests.data.sources import CSV, config, load, signal, write_csv

pytestmark = pytest.mark.unit
Arrays = dict[str, Any]


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    for number, name in enumerate(("run1", "rest1")):
        write_csv(tmp_path / f"{name}.csv", signal(80, number))
    return load(tmp_path, CSV)


def _answered(dataset: Dataset) -> Arrays:
    """Answers of a model that finds the class right, shuffled."""
    arrays = window_arrays(dataset)
    order = np.random.default_rng(0).permutation(len(arrays["x"]))
    logits = 3.0 * np.eye(len(dataset.classes))[arrays["label"]] + arrays["x"].mean((1, 2))[:, None]
    return {
        "source": arrays["source"][order],
        "start": arrays["start"][order],
        "logits": logits[order],
    }


def _save(folder: Path, arrays: Arrays) -> Path:
    path = folder / "soft.npz"
    np.savez(path, **arrays)
    return path


def _load(folder: Path, dataset: Dataset, arrays: Arrays, *required: str) -> Any:
    return load_soft_labels(_save(folder, arrays), folder, dataset, required or ("train",))


def test_rows_find_their_windows_in_any_order(tmp_path: Path, dataset: Dataset) -> None:
    found = _load(tmp_path, dataset, _answered(dataset))
    assert set(found.answers) == {"train", "validation", "test"}
    for name, windows in dataset.splits():
        assert np.array_equal(found.answers[name].argmax(1), windows.y)
        offset = found.answers[name].min(1)
        np.testing.assert_allclose(offset, windows.x.mean((1, 2)), atol=1e-5)
    assert found.unused == 0


def test_parquet_has_a_column_per_class(tmp_path: Path, dataset: Dataset) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="skipped: pyarrow is not installed")
    from pyarrow import parquet

    arrays = _answered(dataset)
    columns = {"source": arrays["source"], "start": arrays["start"]}
    # Columns are found by name, not by place.
    for number in reversed(range(len(dataset.classes))):
        columns[dataset.classes[number]] = arrays["logits"][:, number]
    parquet.write_table(pyarrow.table(columns), tmp_path / "soft.parquet")
    path = tmp_path / "soft.parquet"
    found = load_soft_labels(path, tmp_path, dataset, ("train",))
    expected = _load(tmp_path, dataset, arrays)
    assert np.array_equal(found.answers["train"], expected.answers["train"])


def test_rows_of_no_window_are_counted(tmp_path: Path, dataset: Dataset) -> None:
    arrays = _answered(dataset)
    more = {
        "source": np.append(arrays["source"], ["other.csv"] * 3),
        "start": np.append(arrays["start"], [0, 4, 8]),
        "logits": np.concatenate([arrays["logits"], np.zeros((3, 2))]),
    }
    assert _load(tmp_path, dataset, more).unused == 3


def test_splits_that_nobody_learns_from_may_lack_rows(tmp_path: Path, dataset: Dataset) -> None:
    arrays = _answered(dataset)
    keys = set(zip(dataset.train.source.tolist(), dataset.train.start.tolist(), strict=True))
    rows = [
        (source, start) in keys
        for source, start in zip(arrays["source"], arrays["start"], strict=True)
    ]
    some = {name: values[rows] for name, values in arrays.items()}
    assert set(_load(tmp_path, dataset, some).answers) == {"train"}
    with pytest.raises(DataError, match=r"8 of 8 validation windows have no row: sample 44 of "):
        _load(tmp_path, dataset, some, "train", "validation")


def test_missing_rows_are_named_and_counted(tmp_path: Path, dataset: Dataset) -> None:
    arrays = _answered(dataset)
    source, start = dataset.train.source[3], dataset.train.start[3]
    kept = ~((arrays["source"] == source) & (arrays["start"] == start))
    with pytest.raises(DataError) as caught:
        _load(tmp_path, dataset, {name: values[kept] for name, values in arrays.items()})
    total = len(dataset.train)
    assert f"1 of {total} train windows have no row: sample {start} of {source};" in str(
        caught.value
    )
    none = {name: values[:0] for name, values in arrays.items()}
    with pytest.raises(DataError, match=f"and {total - 5} more; expected a row") as caught:
        _load(tmp_path, dataset, none)
    assert caught.value.values == {"count": total, "split": "train"}


def _nan(arrays: Arrays) -> None:
    arrays["logits"][4, 1] = np.nan


def _three_classes(arrays: Arrays) -> None:
    arrays["logits"] = np.zeros((len(arrays["start"]), 3))


def _twice(arrays: Arrays) -> None:
    for name in arrays:
        arrays[name] = np.concatenate([arrays[name], arrays[name][:1]])


def _fractions(arrays: Arrays) -> None:
    arrays["start"] = arrays["start"] + 0.5


def _short(arrays: Arrays) -> None:
    arrays["start"] = arrays["start"][:-1]


def _values(arrays: Arrays) -> None:
    arrays["values"] = arrays.pop("logits")[:, 0]


def _text(arrays: Arrays) -> None:
    arrays["logits"] = arrays["logits"].astype(str)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_nan, r"soft\.npz: run: data row 5 is nan, the first of 1 answers that are not finite"),
        (_three_classes, r"has shape \[40, 3\]; expected \[rows, 2\]: rest, run"),
        (_twice, r"data rows 1 and 41 both belong to the window at sample \d+ of "),
        (_fractions, r"soft\.npz: start: holds float64; expected whole numbers"),
        (_short, r"soft\.npz: start: has shape \[39\]; expected \[40\]"),
        (_values, r"soft\.npz: no array 'logits'"),
        (_text, r"array 'logits' holds <U"),
    ],
)
def test_what_is_wrong_is_named(
    tmp_path: Path, dataset: Dataset, spoil: Callable[[Arrays], None], message: str
) -> None:
    arrays = _answered(dataset)
    spoil(arrays)
    with pytest.raises(DataError, match=message):
        _load(tmp_path, dataset, arrays)


def test_damaged_and_missing_files_are_errors(tmp_path: Path, dataset: Dataset) -> None:
    with pytest.raises(DataError, match=r"gone\.npz: no such file"):
        load_soft_labels(tmp_path / "gone.npz", tmp_path, dataset, ("train",))
    for name in ("broken.npz", "broken.parquet"):
        (tmp_path / name).write_bytes(b"PK\x03\x04 nothing")
        with pytest.raises(DataError, match=f"{name}: cannot be read"):
            load_soft_labels(tmp_path / name, tmp_path, dataset, ("train",))


def test_regression_takes_values(tmp_path: Path) -> None:
    values = np.arange(400, dtype=np.float64)
    for number in range(3):
        rows = np.stack([values, values, values + number], axis=1)
        write_csv(tmp_path / f"m{number}.csv", rows, "a,b,t")
    settings = {"label": None, "target": "t"}
    task = RegressionTask(kind="regression", unit="K", min=0.0, max=500.0)
    dataset = load_dataset(config(CSV, **settings), tmp_path, 0, task)
    arrays = window_arrays(dataset)
    assert arrays["label"].dtype == np.float32
    answers = {"source": arrays["source"], "start": arrays["start"], "values": arrays["label"] + 2}
    found = _load(tmp_path, dataset, answers)
    np.testing.assert_array_equal(found.answers["train"], dataset.train.y[:, None] + 2)
