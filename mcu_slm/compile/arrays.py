"""Constant arrays as C text. They never pass through the template engine."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt

_LINE_LENGTH = 100
_INDENT = "   "
C_TYPES = {
    "int8": "int8_t",
    "uint8": "uint8_t",
    "int16": "int16_t",
    "int32": "int32_t",
    "uint16": "uint16_t",
    "uint32": "uint32_t",
    "int64": "int64_t",
    "bool": "uint8_t",
    "float32": "float",
}


def declaration(name: str, data: npt.NDArray[Any]) -> str:
    """Return `const int8_t name[count]`."""
    return f"const {C_TYPES[data.dtype.name]} {name}[{data.size}]"


def definition(name: str, data: npt.NDArray[Any], comment: str = "") -> str:
    """Return the definition of a constant array.

    Rows of the first axis longer than 1 are numbered.
    """
    lines = [f"/* {_shape(data)}{': ' + comment if comment else ''} */"]
    lines.append(f"{declaration(name, data)} = {{")
    axes = [length for length in data.shape if length > 1]
    rows = data.reshape(axes[0], -1) if len(axes) > 1 else data.reshape(1, -1)
    for number, row in enumerate(rows):
        if len(rows) > 1:
            lines.append(f"    /* {number} */")
        lines.extend(_wrapped(row))
    lines.append("};")
    return "\n".join(lines) + "\n"


def _shape(data: npt.NDArray[Any]) -> str:
    return f"{data.dtype.name} [" + "][".join(map(str, data.shape)) + "]"


def _wrapped(values: npt.NDArray[Any]) -> Iterator[str]:
    """Give the lines, as many values in each as fit. A model has millions: no step per value."""
    texts = _texts(values.reshape(-1))
    ends = array("q", accumulate(map(len, texts)))
    first, written = 0, 0
    while first < len(texts):
        last = bisect_right(ends, written + _LINE_LENGTH - len(_INDENT), first)
        yield _INDENT + "".join(texts[first:last])
        first, written = last, ends[last - 1]


def _texts(values: npt.NDArray[Any]) -> list[str]:
    if values.dtype.name in ("int8", "uint8"):
        every = np.arange(256, dtype=np.uint8).view(values.dtype).tolist()
        table = [f" {value}," for value in every]
        return list(map(table.__getitem__, values.tobytes()))
    if values.dtype == np.float32:  # shortest digits that are this float, not those of its double
        return [f" {value!s}f," for value in values]
    numbers = values.view(np.uint8) if values.dtype == np.bool_ else values
    # The literal -2147483648 is an expression of type long in C.
    lowest = int(np.iinfo(np.int32).min)
    return [" INT32_MIN," if value == lowest else f" {value}," for value in numbers.tolist()]
