"""Read CSV recordings: a header row, then one sample per row; comma, semicolon, tab or bar."""

from __future__ import annotations

import csv
import itertools
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mcu_slm.data.checks import require_columns
from mcu_slm.data.dataset import Float32, Text
from mcu_slm.data.files import reading
from mcu_slm.errors import DataError

_DELIMITERS = ",;\t|"
_MAX_SHOWN = 40


def read_csv(
    path: Path,
    name: str,
    numeric: Sequence[str],
    text: Sequence[str],
    column_names: Sequence[str],
    optional: Sequence[str] = (),
) -> tuple[Float32, dict[str, Text]]:
    """Return the numeric columns as [samples, C] and the text columns by name.

    Args:
        path: The file, UTF-8.
        name: The file in messages.
        numeric: Columns of numbers.
        text: Columns of labels or groups.
        column_names: Names of all columns of a file without a header row.
        optional: More columns of text, returned if they are there; their cells may be empty.

    Raises:
        DataError: the file is unreadable, lacks a column, or a cell is not a number.
    """
    with reading(name):
        header, delimiter = _header(path, name)
        first_row = 0 if column_names else 1
        names = _names(header, column_names, name)
        require_columns([*numeric, *text], names, name, "column")
        there = [*text, *(column for column in optional if names.count(column) == 1)]
        _require_even_rows(path, delimiter, first_row, len(names), name)

        def load(columns: Sequence[str], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
            indices = [names.index(column) for column in columns]
            return _load(path, delimiter, first_row, indices, dtype)

        try:
            labels = {column: np.char.strip(load([column], np.str_)[:, 0]) for column in there}
            rows_there = len(labels[there[0]]) if there else 0
            values = load(numeric, np.float32) if numeric else np.empty((rows_there, 0), np.float32)
        except ValueError as error:
            rows = _rows(path, delimiter, first_row)
            raise _bad_cell(rows, names, numeric, name) or error from None
    if not len(values):
        raise DataError(name, "holds no rows below its header", "one sample per row")
    for column in text:
        empty = labels[column] == ""
        if empty.any():
            row = int(empty.argmax()) + 1
            raise DataError(f"{name}: {column}", f"data row {row} is empty", "a label or group")
    return values, labels


def _header(path: Path, name: str) -> tuple[list[str], str]:
    """Return the cells of the first row and the delimiter, the most frequent one in it."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        line = stream.readline(1 << 20)
    if not line.strip():
        raise DataError(name, "is empty or starts with an empty line", "a header row")
    delimiter = max(_DELIMITERS, key=line.count)
    return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))], delimiter


def _names(header: list[str], column_names: Sequence[str], name: str) -> list[str]:
    """Return the names of the columns, from the header or from the project file."""
    if column_names:
        if len(column_names) != len(header):
            raise DataError(
                name,
                f"the first row has {len(header)} cells",
                f"{len(column_names)}, as in data.column_names",
            )
        return list(column_names)
    if all(_is_number(cell) for cell in header):
        raise DataError(
            name,
            "the first row holds numbers only",
            "a header row with the names of the columns",
            "Add one, or name all columns in data.column_names.",
        )
    return header


def _require_even_rows(path: Path, delimiter: str, first_row: int, width: int, name: str) -> None:
    """Refuse rows with more or fewer cells than the header.

    The fast parser would take the first cells of a longer row, and `1,5,2,5` may be two numbers
    with decimal commas.
    """
    raw = path.read_bytes()
    if b'"' in raw:
        widths = [len(row) for row in _rows(path, delimiter, first_row)]
    else:
        separator = delimiter.encode()
        lines = [line for line in raw.splitlines()[first_row:] if line.strip()]
        widths = [line.count(separator) + 1 for line in lines]
    for number, found in enumerate(widths, 1):
        if found != width:
            raise DataError(
                name,
                f"data row {number} has {found} cells",
                f"{width}, as in the first row",
                "Is the file cut short, or does it use decimal commas?",
                row=number,
            )


def _load(
    path: Path, delimiter: str, first_row: int, columns: Sequence[int], dtype: npt.DTypeLike
) -> npt.NDArray[Any]:
    """Return some columns as [rows, columns]."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "input contained no data": said by the caller
        return np.loadtxt(
            path,
            dtype=dtype,
            comments=None,
            delimiter=delimiter,
            quotechar='"',
            skiprows=first_row,
            usecols=columns,
            ndmin=2,
            encoding="utf-8-sig",
        )


def _rows(path: Path, delimiter: str, first_row: int) -> Iterator[list[str]]:
    """Yield the rows below the header that hold anything."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream, delimiter=delimiter)
        yield from (row for row in itertools.islice(reader, first_row, None) if row)


def _bad_cell(
    rows: Iterator[list[str]], names: Sequence[str], numeric: Sequence[str], name: str
) -> DataError | None:
    """Return the error for the first cell that is no number.

    The fast parser does not say reliably where it stopped, so the file is read again, slowly.
    """
    for number, row in enumerate(rows, 1):
        for column in numeric:
            cell = row[names.index(column)]
            if not _is_number(cell):
                shown = cell if len(cell) <= _MAX_SHOWN else cell[:_MAX_SHOWN] + "..."
                return DataError(
                    f"{name}: {column}",
                    f"data row {number} holds {shown!r}" if cell else f"data row {number} is empty",
                    "a number with a decimal point",
                    row=number,
                    column=column,
                )
    return None


def _is_number(cell: str) -> bool:
    """Return whether the fast parser takes a cell as a number (it knows no `1_000`)."""
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell
