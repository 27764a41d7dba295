"""Windows to calibrate on: which array, which rows, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mcu_slm.errors import DataError
from mcu_slm.quantize.samples import evenly, fitted_shape, load_samples

pytestmark = pytest.mark.unit


def windows(count: int = 10) -> np.ndarray:
    return np.arange(count * 6, dtype=np.float64).reshape(count, 3, 2)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "data.npz"
    np.savez(path, y=np.arange(10), first=windows(), second=-windows())
    return path


@pytest.mark.parametrize(
    ("found", "wanted", "fitted"),
    [
        ((3, 2), (3, 2), (3, 2)),
        ((3, 2), (1, 3, 2), (1, 3, 2)),
        ((3, 2), (3, 1, 2, 1), (3, 1, 2, 1)),
        ((1, 3, 2), (3, 2), (3, 2)),
        ((3, 1), (3,), (3,)),
        ((3, 2), (None, 2), (3, 2)),
        ((3, 2), (None, None), (3, 2)),
        ((), (1, 1), (1, 1)),
        ((2, 3), (3, 2), None),
        ((6,), (3, 2), None),
        ((3, 2, 1, 2), (3, 2), None),
        ((3, 2), (None, 4), None),
    ],
)
def test_axes_of_size_one_may_differ_and_nothing_else(
    found: tuple[int, ...], wanted: tuple[int | None, ...], fitted: tuple[int, ...] | None
) -> None:
    assert fitted_shape(found, wanted) == fitted


def test_rows_are_drawn_evenly_from_the_first_to_the_last() -> None:
    assert evenly(10, 4).tolist() == [0, 3, 6, 9]
    assert evenly(3, 256).tolist() == [0, 1, 2]
    assert evenly(5, 1).tolist() == [0]


def test_the_first_array_that_fits_is_taken_or_the_one_named(archive: Path) -> None:
    first = load_samples(archive, "data", None, (1, 3, 2), "float32", 4)
    assert (first.array, first.available) == ("first", 10)
    np.testing.assert_array_equal(first.windows, windows()[[0, 3, 6, 9]].reshape(4, 1, 3, 2))
    assert first.windows.dtype == np.float32
    named = load_samples(archive, "data", "second", (3, 2), "float32", 4)
    np.testing.assert_array_equal(named.windows, -windows()[[0, 3, 6, 9]])


def test_an_npy_is_one_array_without_a_name(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", windows())
    found = load_samples(tmp_path / "x.npy", "x.npy", None, (3, 2), "float32", 256)
    assert (found.array, len(found.windows)) == ("", 10)
    with pytest.raises(DataError, match=r"one array without a name.*Drop --array"):
        load_samples(tmp_path / "x.npy", "x.npy", "x", (3, 2), "float32", 256)


def test_what_does_not_fit_is_listed_with_its_shapes(archive: Path) -> None:
    with pytest.raises(DataError) as caught:
        load_samples(archive, "data.npz", None, (2, None, 3), "float32", 4)
    error = caught.value
    assert error.where == "data.npz"
    assert error.found.endswith("y [10], first [10, 3, 2], second [10, 3, 2]")
    assert error.expected.startswith("[windows, 2, any, 3]")
    assert error.remedy
    with pytest.raises(DataError, match="has no array 'third'; expected one of y, first, second"):
        load_samples(archive, "data.npz", "third", (3, 2), "float32", 4)


@pytest.mark.parametrize(
    ("values", "dtype", "message"),
    [
        (np.full((2, 3), np.nan), "float32", "6 values cannot be used, the first one is nan"),
        (np.full((2, 3), 1e60), "float32", "6 values cannot be used"),
        (np.full((2, 3), 1.5), "int32", "the first one is 1.5; expected whole numbers as int32"),
        (np.full((2, 3), 2**40), "int32", "6 values cannot be used"),
        (np.full((2, 3), "a"), "float32", "type <U1; expected real numbers"),
        (np.zeros((0, 3)), "float32", r"no windows of the model's shape; it has \[0, 3\]"),
    ],
)
def test_values_that_the_input_cannot_take_are_refused(
    tmp_path: Path, values: np.ndarray, dtype: str, message: str
) -> None:
    np.save(tmp_path / "x.npy", values)
    with pytest.raises(DataError, match=message):
        load_samples(tmp_path / "x.npy", "x.npy", None, (3,), dtype, 4)


def test_whole_numbers_go_into_an_input_of_tokens(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([[1.0, 2.0, 3.0]]))
    found = load_samples(tmp_path / "x.npy", "x.npy", None, (3,), "int32", 4)
    assert found.windows.dtype == np.int32
    assert found.windows.tolist() == [[1, 2, 3]]


@pytest.mark.parametrize("content", [b"", b"no archive at all", b"PK\x03\x04 cut"])
def test_a_damaged_file_is_one_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"x\.npz: cannot be read \("):
        load_samples(tmp_path / "x.npz", "x.npz", None, (3,), "float32", 4)


def test_pickled_objects_are_not_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(DataError, match="cannot be read"):
        load_samples(tmp_path / "x.npy", "x.npy", None, (3,), "float32", 4)
