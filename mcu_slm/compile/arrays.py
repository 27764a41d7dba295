"""Constant arrays as C text. They never pass through the template engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

_LINE_LENGTH = 100
C_TYPES = {
    "int8": "int8_t",
    "uint8": "uint8_t",
    "int16": "int16_t",
    "int32": "int32_t",
    "uint16": "uint16_t",
    "uint32": "uint32_t",
    "int64": "int64_t",
    "bool": "bool",
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
    line = "   "
    for value in values.reshape(-1).tolist():
        # The literal -2147483648 is an expression of type long in C.
        text = " INT32_MIN," if value == np.iinfo(np.int32).min else f" {value},"
        if len(line) + len(text) > _LINE_LENGTH:
            yield line
            line = "   "
        line += text
    yield line
