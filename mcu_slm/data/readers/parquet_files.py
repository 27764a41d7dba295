"""Read Parquet recordings: one sample per row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mcu_slm.data.checks import as_float32, as_text, require_columns
from mcu_slm.data.dataset import Float32, Text
from mcu_slm.data.files import reading
from mcu_slm.errors import DataError, missing_extra


def read_parquet(
    path: Path,
    name: str,
    numeric: Sequence[str],
    text: Sequence[str],
    optional: Sequence[str] = (),
) -> tuple[Float32, dict[str, Text]]:
    """Return the numeric columns as [samples, C] and the text columns by name.

    Optional ones are text too, and returned if they are there without gaps.

    Raises:
        DataError: the file is unreadable, lacks a column, or a column has gaps or no numbers.
        ToolError: pyarrow is not installed.
    """
    try:
        from pyarrow import parquet
    except ImportError:
        raise missing_extra("pyarrow", "data", "reading Parquet files") from None
    with reading(name):
        file = parquet.ParquetFile(path)
        require_columns([*numeric, *text], file.schema_arrow.names, name, "column")
        more = [key for key in optional if file.schema_arrow.names.count(key) == 1]
        table = file.read(columns=list(dict.fromkeys([*numeric, *text, *more])))
        text = [*text, *(key for key in more if not table.column(key).null_count)]
        columns = {key: _values(table.column(key), name, key) for key in (*numeric, *text)}
        if not table.num_rows:
            raise DataError(name, "holds no rows", "one sample per row")
        values = [as_float32(columns[key], f"{name}: {key}", "the column") for key in numeric]
        return np.stack(values, axis=1), {
            key: as_text(columns[key], f"{name}: {key}") for key in text
        }


def _values(column: Any, name: str, key: str) -> npt.NDArray[Any]:
    """Return an Arrow column as an array; refuse missing values."""
    if column.null_count:
        first = int(np.asarray(column.is_null()).argmax())
        raise DataError(
            f"{name}: {key}",
            f"data row {first + 1} has no value, as have {column.null_count} rows",
            "a value in every row",
            count=column.null_count,
        )
    return np.asarray(column.to_numpy())
