"""Channels that hold symbols: vocabulary files, and logs that fit them or not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mcu_slm.data import Dataset, load_dataset
from mcu_slm.data.dataset import normalisation_of
from mcu_slm.errors import DataError
from tests.data.sources import CSV, config

pytestmark = pytest.mark.unit

KEYS: dict[str, Any] = {
    "channels": ["event"],
    "channel_units": ["1"],
    "label": {"column": "state"},
    "vocabulary": "vocabulary.txt",
}


def write(folder: Path, vocabulary: str, events: str = "on off " * 20) -> None:
    (folder / "vocabulary.txt").write_text(vocabulary)
    rows = [f"{event},{state}" for state in ("good", "bad") for event in events.split()]
    (folder / "log.csv").write_text("\n".join(["event,state", *rows]) + "\n")


def load(folder: Path) -> Dataset:
    return load_dataset(config(CSV, **KEYS), folder, 0)


def test_symbols_become_numbers_and_stay_as_they_are(tmp_path: Path) -> None:
    write(tmp_path, "off\nidle\non\n")
    dataset = load(tmp_path)
    assert dataset.vocabulary == ("off", "idle", "on")
    assert dataset.train.x[0, :, 0].tolist() == [2, 0, 2, 0]
    normalised = normalisation_of(dataset).apply(dataset.train.x)
    np.testing.assert_array_equal(normalised, dataset.train.x)


def test_unknown_symbols_share_a_line_if_there_is_one(tmp_path: Path) -> None:
    write(tmp_path, "<unk>\non\n")
    assert load(tmp_path).train.x[0, :, 0].tolist() == [1, 0, 1, 0]


def test_an_unknown_symbol_names_file_and_row(tmp_path: Path) -> None:
    write(tmp_path, "on\nidle\n")
    message = r"log\.csv: event: data row 2 holds 'off'; expected a symbol of data\.vocabulary"
    with pytest.raises(DataError, match=message):
        load(tmp_path)


@pytest.mark.parametrize(
    ("vocabulary", "message"),
    [
        ("on\n\noff\n", "line 2 holds ''"),
        ("on\noff\non\n", "lines 1 and 3 are both 'on'"),
        ("on\n", "has 1 lines; expected 2 to 128"),
        ("\n".join(map(str, range(129))), "has 129 lines"),
        ("on\no\x07ff\n", "line 2 holds"),
    ],
)
def test_a_vocabulary_that_is_none_is_refused(
    tmp_path: Path, vocabulary: str, message: str
) -> None:
    write(tmp_path, vocabulary)
    with pytest.raises(DataError, match=message):
        load(tmp_path)


def test_a_missing_vocabulary_is_named(tmp_path: Path) -> None:
    write(tmp_path, "on\noff\n")
    (tmp_path / "vocabulary.txt").unlink()
    with pytest.raises(DataError, match=r"data\.vocabulary: no file vocabulary\.txt"):
        load(tmp_path)
