"""Symbols instead of numbers: events of a log, words. A vocabulary gives each its number."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mcu_slm.data.dataset import Float32, Text
from mcu_slm.data.files import display_name, reading
from mcu_slm.errors import DataError

UNKNOWN = "<unk>"
"""The line of a vocabulary that stands for every symbol that is not in it."""
MAX_SYMBOLS = 128
"""The numbers of symbols are not negative and fit into int8."""
_MAX_TEXT = 60


def read_vocabulary(project_dir: Path, path: str) -> tuple[str, ...]:
    """Return the symbols of a text file, one in each line, in the order of their numbers.

    Raises:
        DataError: the file is unreadable, or a line is empty, too long or there twice.
    """
    file = project_dir / path
    if not file.is_file():
        raise DataError(
            "data.vocabulary", f"no file {path}", remedy="Paths are relative to the project file."
        )
    name = f"data.vocabulary: {display_name(file, project_dir)}"
    with reading(name):
        symbols = tuple(line.strip() for line in file.read_text("utf-8-sig").splitlines())
    for number, symbol in enumerate(symbols, 1):
        if not symbol or not symbol.isprintable() or len(symbol) > _MAX_TEXT:
            found = f"line {number} holds {symbol[:_MAX_TEXT]!r}"
            raise DataError(name, found, f"a symbol of 1 to {_MAX_TEXT} printable characters")
        first = symbols.index(symbol) + 1
        if first != number:
            raise DataError(name, f"lines {first} and {number} are both {symbol!r}", "one of them")
    if not 2 <= len(symbols) <= MAX_SYMBOLS:
        raise DataError(name, f"has {len(symbols)} lines", f"2 to {MAX_SYMBOLS}")
    return symbols


def numbers_of(symbols: Text, vocabulary: Sequence[str], place: str) -> Float32:
    """Return the number of each symbol of a column. Shapes: [samples] -> the same.

    Raises:
        DataError: one is not in the vocabulary, which has no line for such symbols.
    """
    there, index = np.unique(symbols, return_inverse=True)
    known = {symbol: number for number, symbol in enumerate(vocabulary)}
    unknown = known.get(UNKNOWN, -1)
    numbers = np.array([known.get(str(symbol), unknown) for symbol in there], np.float32)[index]
    if unknown < 0 and (numbers < 0).any():
        row = int((numbers < 0).argmax())
        raise DataError(
            place,
            f"data row {row + 1} holds {str(symbols[row])[:_MAX_TEXT]!r}",
            "a symbol of data.vocabulary",
            f"Add it there, or a line {UNKNOWN} for all that are not there.",
            row=row + 1,
        )
    return numbers
