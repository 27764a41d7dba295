"""Read `.ts` files of the UEA and UCR archives: header lines, `@data`, then one recording per line.

A line holds its dimensions separated by `:`, their values by `,`, and the class label last.
Source: "The UEA multivariate time series classification archive", Bagnall et al., arXiv 1811.00075.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mcu_slm.config import TsData
from mcu_slm.data.checks import require_channel_count, require_finite
from mcu_slm.data.dataset import Float32
from mcu_slm.data.files import reading
from mcu_slm.data.windowing import Recordings
from mcu_slm.errors import DataError


def read_ts(path: Path, name: str, split: str, config: TsData) -> Recordings:
    """Return the recordings of one file; they are independent of one another.

    Raises:
        DataError: the file is unreadable, ragged, or holds something that is not a number.
    """
    with reading(name):
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        first = _data_line(lines, name)
        numbered = [(i + 1, line) for i, line in enumerate(lines) if i >= first and line.strip()]
        cases = [(number, line.split(":")) for number, line in numbered if line[0] not in "#%"]
        _require_regular(cases, name)
        x = _parse_values(cases, name)
    require_channel_count(x.shape[2], config.channels, name)
    require_finite(x, name, config.channels)
    labels = np.array([cells[-1].strip() for _, cells in cases])
    return Recordings(x, labels, np.full(len(x), ""), name, split)


def _data_line(lines: list[str], name: str) -> int:
    """Return the index of the line after `@data`; refuse headers that promise what is not read."""
    for index, line in enumerate(lines):
        words = line.lower().split()
        if not words or words[0][0] in "#%":
            continue
        if words[:2] == ["@timestamps", "true"]:
            raise DataError(f"{name}: line {index + 1}", "has time stamps", "@timeStamps false")
        if words[:2] == ["@classlabel", "false"] or words[0] == "@targetlabel":
            raise DataError(f"{name}: line {index + 1}", "has no class labels", "@classLabel true")
        if words == ["@data"]:
            return index + 1
        if not words[0].startswith("@"):
            break
    raise DataError(name, "has no line @data", "a .ts file of the UEA or UCR archive")


def _require_regular(cases: list[tuple[int, list[str]]], name: str) -> None:
    """Refuse recordings of different lengths or dimensions, and lines without a label."""
    if not cases:
        raise DataError(name, "holds no recording", "at least one line after @data")
    _, expected = cases[0]
    length = expected[0].count(",") + 1
    for number, cells in cases:
        place = f"{name}: line {number}"
        if len(cells) != len(expected) or len(cells) < 2:
            raise DataError(
                place,
                f"has {len(cells) - 1} dimensions and a label",
                f"{max(len(expected) - 1, 1)} and a label, as in the first recording",
            )
        lengths = {cell.count(",") + 1 for cell in cells[:-1]}
        if lengths != {length}:
            raise DataError(
                place,
                f"a dimension has {max(lengths - {length})} samples",
                f"{length}, as in the first recording",
                "Recordings of different lengths are not read; cut or pad them first.",
            )
        if "," in cells[-1] or not cells[-1].strip():
            raise DataError(place, "does not end with a class label", "dimensions:label")


def _parse_values(cases: list[tuple[int, list[str]]], name: str) -> Float32:
    """Return the numbers as [n, T, C]."""
    count, channels = len(cases), len(cases[0][1]) - 1
    cells = ",".join(",".join(parts[:-1]) for _, parts in cases).split(",")
    try:
        with np.errstate(over="ignore"):
            flat = np.array(cells, np.float64).astype(np.float32)
    except ValueError:
        raise _bad_value(cases, name) from None
    return np.ascontiguousarray(np.swapaxes(flat.reshape(count, channels, -1), 1, 2))


def _bad_value(cases: list[tuple[int, list[str]]], name: str) -> DataError:
    """Return the error for the first value that is no number."""
    for number, parts in cases:
        for dimension, part in enumerate(parts[:-1]):
            for sample, cell in enumerate(part.split(",")):
                try:
                    float(cell)
                except ValueError:
                    missing = cell.strip() in ("?", "")
                    return DataError(
                        f"{name}: line {number}",
                        f"sample {sample} of dimension {dimension} is "
                        + ("missing" if missing else f"{cell[:40]!r}"),
                        "a number",
                    )
    return DataError(name, "holds something that is not a number", "numbers")
