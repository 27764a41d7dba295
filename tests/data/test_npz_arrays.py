"""Windows in `.npz` files: what is read, and what is answered to broken files."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mcu_slm.data.readers.npz_arrays import read_npz
from mcu_slm.errors import DataError
from tests.data.sources import NPZ, config, write_npz

pytestmark = pytest.mark.unit


def read(folder: Path, **changes: Any):
    return read_npz(folder / "data.npz", "data.npz", config(NPZ, **changes))


def test_windows_labels_and_groups_are_read(tmp_path: Path) -> None:
    arrays = write_npz(tmp_path)
    (item,) = read(tmp_path)
    np.testing.assert_array_equal(item.x, arrays["X"].astype(np.float32))
    assert item.labels.tolist() == [str(v) for v in arrays["y"]]
    assert item.groups.tolist() == [str(v) for v in arrays["g"]]
    assert item.split == "all"


def test_channels_first_is_transposed(tmp_path: Path) -> None:
    arrays = write_npz(tmp_path)
    np.savez(tmp_path / "data.npz", **{**arrays, "X": arrays["X"].swapaxes(1, 2)})
    (item,) = read(tmp_path, channels_first=True)
    np.testing.assert_array_equal(item.x, arrays["X"].astype(np.float32))


def test_single_channel_needs_no_last_axis(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", X=np.ones((3, 4)), y=np.arange(3), g=np.arange(3))
    (item,) = read(tmp_path, channels=["a"], channel_units=["g"])
    assert item.x.shape == (3, 4, 1)


def test_one_axis_is_one_recording_of_one_channel(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", X=np.arange(9.0), y=np.arange(9) % 2)
    keys = {"channels": ["a"], "channel_units": ["g"], "all": {"windows": "X", "labels": "y"}}
    settings = config(NPZ, **keys, split={"kind": "by_time"})
    (item,) = read_npz(tmp_path / "data.npz", "data.npz", settings, "anomaly")
    np.testing.assert_array_equal(item.x[0, :, 0], np.arange(9))
    assert item.labels.tolist() == [["0", "1"] * 4 + ["0"]]


def test_rows_lie_a_hop_apart(tmp_path: Path) -> None:
    write_npz(tmp_path, classes=2, groups=1, each=2)
    (item,) = read(tmp_path, hop_samples=2)
    assert item.starts is not None
    assert item.starts.tolist() == [0, 2, 4, 6]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"X": None}, "data.npz: no array 'X'; expected one of y, g"),
        ({"y": np.zeros(5)}, "data.npz: y: has shape [5]; expected [12], one for each window of X"),
        ({"g": np.zeros((12, 1))}, "data.npz: g: has shape [12, 1]; expected [12]"),
        ({"X": np.zeros((12, 4))}, "data.npz: X: has shape [12, 4]; expected [windows, samples"),
        ({"X": np.zeros((12, 4, 3))}, "data.npz: X: has 3 channels; expected 2: a, b"),
        ({"X": np.full((12, 4, 2), "x")}, "data.npz: X: the array holds <U1; expected real"),
        ({"X": np.zeros((12, 4, 2), complex)}, "the array holds complex128; expected real"),
        ({"X": np.full((12, 4, 2), 1e300)}, "X: a: recording 0, sample 0 is infinite"),
        ({"y": np.full(12, np.nan)}, "data.npz: y: value 0 is nan"),
        ({"y": np.array([{}] * 12)}, "cannot be read (Object arrays cannot be loaded"),
    ],
)
def test_unusable_array_is_named(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    merged = {**write_npz(tmp_path, groups=2), **arrays}
    np.savez(tmp_path / "data.npz", **{k: v for k, v in merged.items() if v is not None})
    with pytest.raises(DataError) as caught:
        read(tmp_path)
    assert message in str(caught.value)


def test_not_a_number_is_counted(tmp_path: Path) -> None:
    arrays = write_npz(tmp_path)
    arrays["X"][3, 2, 1] = np.nan
    arrays["X"][4, 0, 0] = np.inf
    np.savez(tmp_path / "data.npz", **arrays)
    with pytest.raises(DataError, match=r"X: b: recording 3, sample 2 is NaN, the first of 2"):
        read(tmp_path)


def test_single_array_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "data.npz").open("wb") as stream:
        np.save(stream, np.zeros(3))
    with pytest.raises(DataError, match=r"is one array; expected an .npz archive"):
        read(tmp_path)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_damaged_file_gives_windows_or_a_data_error(tmp_path: Path, save: Any) -> None:
    save(tmp_path / "data.npz", **write_npz(tmp_path, groups=2))
    intact = (tmp_path / "data.npz").read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for trial in range(300):
        damaged = bytearray(intact[: rng.integers(len(intact))] if trial % 3 == 0 else intact)
        for position in rng.integers(0, max(len(damaged), 1), 3):
            if damaged:
                damaged[position] = rng.integers(256)
        (tmp_path / "data.npz").write_bytes(bytes(damaged))
        refused += 1
        with suppress(DataError):
            read(tmp_path)
            refused -= 1
    assert refused >= 100
