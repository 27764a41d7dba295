"""Published recordings through the data room: engines, a machine's temperature, bearings.

They are no part of the repository; MCU_SLM_SHARED names the folder that holds them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from pydantic import TypeAdapter

from mcu_slm.config import AnomalyTask, DataConfig, RegressionTask
from mcu_slm.data import describe, fit_normalisation, load_dataset

_DATA = Path(os.environ.get("MCU_SLM_SHARED", Path(__file__).parents[3] / "shared")) / "data"
_ADAPTER: TypeAdapter[Any] = TypeAdapter(DataConfig)


def arrays(name: str) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of one data set."""
    path = _DATA / name
    if not path.is_file():
        pytest.skip("skipped: no shared data")
    with np.load(path) as archive:
        return {key: archive[key] for key in archive.files}


def section(**keys: Any) -> Any:
    return _ADAPTER.validate_python(keys)


SENSORS = [f"s{i}" for i in range(1, 22)]


def write_engine(folder: Path, name: str, rows: npt.NDArray[Any], rul: npt.NDArray[Any]) -> None:
    """Write the sensors of one engine and its remaining useful life."""
    folder.mkdir(exist_ok=True)
    table = np.column_stack([rows, rul])
    header = ",".join([*SENSORS, "rul"])
    np.savetxt(folder / name, table, fmt="%.6g", delimiter=",", header=header, comments="")


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with one CSV per engine of C-MAPSS FD001."""
    folder = tmp_path_factory.mktemp("engines")
    source = arrays("cmapss_fd001/cmapss_fd001.npz")
    for split in ("train", "test"):
        unit = source[split][:, 0]
        for number in np.unique(unit):
            rows = source[split][unit == number, 5:]
            left = 0.0 if split == "train" else source["rul_test"][int(number) - 1]
            rul = left + np.arange(len(rows) - 1, -1, -1)
            write_engine(folder / split, f"engine_{int(number):03}.csv", rows, rul)
    return folder


def engine_section(**keys: Any) -> Any:
    return section(
        **{
            "format": "csv",
            "train_files": ["train/*.csv"],
            "test_files": ["test/*.csv"],
            "channels": SENSORS,
            "channel_units": ["1"] * 21,
            "sampling_rate_hz": 1,
            "window_samples": 30,
            "hop_samples": 1,
            "target": "rul",
            "split": {"kind": "official"},
            **keys,
        }
    )


def test_engines_are_judged_by_their_last_windows(engines: Path) -> None:
    task = RegressionTask(unit="cycles", min=0.0, max=125.0, evaluate="last")
    dataset = load_dataset(engine_section(), engines, 1, task)
    rul = arrays("cmapss_fd001/cmapss_fd001.npz")["rul_test"]
    last = dataset.test.take(dataset.test.last)
    assert len(last) == 100
    np.testing.assert_array_equal(last.y, np.minimum(rul, 125).astype(np.float32))
    assert len(dataset.train) + len(dataset.validation) == 20631 - 100 * 29
    assert len(dataset.test) == 13096 - 100 * 29
    assert not set(dataset.train.source) & set(dataset.validation.source)
    assert (dataset.train.y[dataset.train.last] == 0).all()
    assert dataset.train.y.max() == 125
    constant = [text for text in dataset.warnings if "is constant in training" in text]
    named = [text.split()[1] for text in constant]
    assert named == ["s1", "s5", "s10", "s16", "s18", "s19"]
    assert np.isfinite(fit_normalisation(dataset.train).apply(dataset.test.x)).all()


def test_engines_without_targets_count_down(engines: Path) -> None:
    task = RegressionTask(unit="cycles", min=0.0, max=125.0)
    by_column = load_dataset(engine_section(), engines, 1, task)
    counted = load_dataset(engine_section(target=None, target_countdown=True), engines, 1, task)
    np.testing.assert_array_equal(counted.train.y, by_column.train.y)
    assert (counted.test.y[counted.test.last] == 0).all()


def test_engines_shorter_than_a_window_are_padded(engines: Path) -> None:
    task = RegressionTask(unit="cycles", min=0.0, max=125.0, evaluate="last")
    keys = {"window_samples": 50, "hop_samples": 10, "pad_start": True}
    dataset = load_dataset(engine_section(**keys), engines, 1, task)
    samples = arrays("cmapss_fd001/cmapss_fd001.npz")["test"][:, 0]
    short = int((np.unique(samples, return_counts=True)[1] < 50).sum())
    assert short > 0
    assert dataset.warnings[0].startswith(f"{short} recordings are shorter than a window (50 sam")
    assert int(dataset.test.last.sum()) == 100
    assert int((dataset.test.start < 0).sum()) == short


def test_machine_temperature_trains_on_its_probation(tmp_path: Path) -> None:
    source = arrays("nab/nab_subset.npz")
    name = "machine_temperature_system_failure"
    value, label, seconds = (source[f"{name}_{key}"] for key in "xyt")
    rows = [f"{t},{x!r},{y}" for t, x, y in zip(seconds, value.tolist(), label, strict=True)]
    (tmp_path / "machine.csv").write_text("\n".join(["t,value,anomaly", *rows]) + "\n")
    config = section(
        format="csv",
        files=["machine.csv"],
        channels=["value"],
        channel_units=["degF"],
        sampling_rate_hz=1 / 300,
        window_samples=32,
        hop_samples=1,
        label={"column": "anomaly"},
        time_column="t",
        split={"kind": "probation"},
    )
    dataset = load_dataset(config, tmp_path, 1, AnomalyTask(normal_labels=(0,)))
    cut = int(0.15 * len(value))
    assert dataset.train.start.max() + 32 <= cut
    assert dataset.test.start.tolist() == list(range(cut, len(value) - 31))
    assert not dataset.train.y.any()
    windows = np.lib.stride_tricks.sliding_window_view(label, 32)
    np.testing.assert_array_equal(dataset.test.y, windows[cut:].max(axis=1))
    np.testing.assert_array_equal(dataset.test.x[0, :, 0], value[cut : cut + 32].astype(np.float32))
    assert describe(dataset).rows[1][1] == "0"
    # The clock of that machine was put back once.
    (warning,) = dataset.warnings
    assert warning.startswith("machine.csv: t: time steps back 1 times, first after data row ")


def test_bearings_are_split_by_load(tmp_path: Path) -> None:
    source = arrays("cwru/cwru_12k_de.npz")
    names = [str(name) for name in source["names"] if not str(name).startswith("Normal")]
    rows, samples = [], 256
    for name in names:
        counts = source[f"{name}_DE"]
        whole = counts[: len(counts) // samples * samples].reshape(-1, samples)
        fault, load = name.split("_")
        rows.append((whole, np.full(len(whole), fault), np.full(len(whole), int(load))))
    x, y, load = (np.concatenate(part) for part in zip(*rows, strict=True))
    np.savez(tmp_path / "bearings.npz", x=x, y=y, load=load)
    config = section(
        format="npz",
        files=["bearings.npz"],
        channels=["drive_end"],
        channel_units=["count"],
        sampling_rate_hz=12000,
        window_samples=samples,
        all={"windows": "x", "labels": "y", "groups": "load"},
        split={"kind": "by_group", "test_groups": [3], "validation_groups": [2]},
    )
    dataset = load_dataset(config, tmp_path, 1)
    assert len(dataset.classes) == 9
    assert set(dataset.test.group) == {"3"}
    assert set(dataset.train.group) == {"0", "1"}
    assert sum(len(windows) for _, windows in dataset.splits()) == len(x)
    assert dataset.split == "test: 1 of 4 groups (3); validation: 1 of 3 groups (2)"
    assert dataset.warnings == ()
