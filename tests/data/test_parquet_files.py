"""Parquet recordings: what is read, and what is answered to broken files."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mcu_slm.data.readers.parquet_files import read_parquet
from mcu_slm.errors import DataError

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

pytestmark = pytest.mark.unit


def write(folder: Path, columns: dict[str, Any]) -> Path:
    path = folder / "walk.parquet"
    parquet.write_table(pa.table(columns), path)
    return path


def read(path: Path, text: tuple[str, ...] = ()):
    return read_parquet(path, "walk.parquet", ("a", "b"), text)


def test_numbers_and_labels_are_read(tmp_path: Path) -> None:
    labels = pa.array(["up", "up", "down"]).dictionary_encode()
    path = write(tmp_path, {"s": labels, "b": [1, 2, 3], "a": [0.5, 1.5, 2.5], "n": [7, 7, 8]})
    x, text = read(path, ("s", "n"))
    assert x.dtype == np.float32
    np.testing.assert_array_equal(x, [[0.5, 1], [1.5, 2], [2.5, 3]])
    assert text["s"].tolist() == ["up", "up", "down"]
    assert text["n"].tolist() == ["7", "7", "8"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": [1.0]}, "walk.parquet: no column 'b'"),
        ({"a": [1.0], "b": ["x"]}, "walk.parquet: b: the column holds object; expected real"),
        ({"a": [1.0, None, None], "b": [1, 2, 3]}, "a: data row 2 has no value, as have 2 rows"),
        ({"a": pa.array([], pa.float64()), "b": pa.array([], pa.float64())}, "holds no rows"),
        ({"a": [[1.0]], "b": [1.0]}, "walk.parquet: a: the column holds object"),
    ],
)
def test_unusable_column_is_named(tmp_path: Path, columns: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as caught:
        read(write(tmp_path, columns))
    assert message in str(caught.value)


def test_label_that_is_not_a_number_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, {"a": [1.0], "b": [1.0], "s": [float("nan")]})
    with pytest.raises(DataError, match=r"walk.parquet: s: value 0 is nan"):
        read(path, ("s",))


def test_damaged_file_gives_numbers_or_a_data_error(tmp_path: Path) -> None:
    path = write(tmp_path, {"a": np.arange(50.0), "b": np.arange(50)})
    intact = path.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for trial in range(120):
        damaged = bytearray(intact[: rng.integers(len(intact))] if trial % 2 else intact)
        for position in rng.integers(0, max(len(damaged), 1), 4):
            if damaged:
                damaged[position] = rng.integers(256)
        path.write_bytes(bytes(damaged))
        refused += 1
        with suppress(DataError):
            read(path)
            refused -= 1
    assert refused >= 60
