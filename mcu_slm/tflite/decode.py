"""Bounds-checked decoding of flatbuffer tables into plain values, driven by the schema.

Nothing is trusted: every offset is checked before it is followed, every vector against the end of
the file, every number for its alignment, and the number of decoded items is limited, so that a
hostile file costs bounded time and memory. Tables nest at most as deep as the schema.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple, NoReturn

import numpy as np

from mcu_slm.tflite.rules import printable, refuse
from mcu_slm.tflite.schema import ENUMS, OPTION_TABLES, OPTIONS, TABLES, Field

MAX_FILE_BYTES = 16 << 20
MAX_TABLES = 25_000
MAX_ITEMS = 2_000_000
IDENTIFIER = b"TFL3"

_LAYOUTS = {
    kind: struct.Struct("<" + letter)
    for kind, letter in {
        "i8": "b",
        "u8": "B",
        "u16": "H",
        "bool": "B",
        "i32": "i",
        "u32": "I",
        "i64": "q",
        "u64": "Q",
        "f32": "f",
    }.items()
}
_DTYPES = {
    "i8": "<i1",
    "u8": "<u1",
    "bool": "<u1",
    "i32": "<i4",
    "u32": "<u4",
    "i64": "<i8",
    "u64": "<u8",
    "f32": "<f4",
}
_MAX_ALIGNMENT = 4
"""Converters align to 4 bytes, and Cortex-M cores load eight from there.

A vector's entries follow its length, a u32: where the length is aligned, they are.
"""


class _Frame(NamedTuple):
    """A table and its field index ("vtable"), both known to lie inside the file."""

    position: int
    size: int
    vtable: int
    entries: int


def _width(kind: str) -> int:
    """Return the bytes of a field inside its table: the number itself, or an offset."""
    kind = kind.partition("=")[0]
    if kind.startswith("enum:"):
        return 1
    return _LAYOUTS[kind].size if kind in _LAYOUTS else 4


class Decoder:
    """Decodes one file. `name` is what error messages call it."""

    def __init__(self, raw: bytes, name: str) -> None:
        self._raw = raw
        self._name = name
        self._items = 0
        self._tables = 0

    def model(self) -> dict[str, Any]:
        """Return the root table as nested dicts, lists and NumPy vectors.

        Raises:
            ModelError: The bytes are no TensorFlow Lite flatbuffer.
        """
        if len(self._raw) > MAX_FILE_BYTES:
            found = f"the file has {len(self._raw):,} bytes"
            self._fail("file-size", found, f"at most {MAX_FILE_BYTES:,}")
        if len(self._raw) < 8 or self._raw[4:8] != IDENTIFIER:
            head = self._raw[4:8]
            self._fail(
                "identifier",
                f"not a TensorFlow Lite flatbuffer (identifier {head!r})",
                "the bytes b'TFL3' at offset 4",
            )
        return self._table(self._target(0), TABLES["Model"], "Model")

    def _fail(self, rule: str, found: str, expected: str = "") -> NoReturn:
        remedy = "The file is truncated or damaged, or it is no .tflite model: export it again."
        refuse(rule, self._name, found, expected, remedy)

    def _scalar(self, position: int, kind: str) -> Any:
        layout = _LAYOUTS[kind]
        if position < 0 or position + layout.size > len(self._raw):
            found = f"a value at byte {position} lies outside the file of {len(self._raw)} bytes"
            self._fail("offset", found)
        alignment = min(layout.size, _MAX_ALIGNMENT)
        if position % alignment:
            found = f"a number of {layout.size} bytes at byte {position}"
            self._fail("alignment", found, f"a multiple of {alignment}")
        return layout.unpack_from(self._raw, position)[0]

    def _target(self, place: int) -> int:
        """Follow an offset; whoever reads there checks that it lies inside the file."""
        return place + int(self._scalar(place, "u32"))

    def _count(self, items: int) -> None:
        self._items += items
        if self._items > MAX_ITEMS:
            self._fail("item-count", "the file describes too many items", f"at most {MAX_ITEMS:,}")

    def _table(
        self, position: int, fields: tuple[Field, ...], path: str, *, complete: bool = True
    ) -> dict[str, Any]:
        """Decode a table; where `fields` are all that there can be, others are refused."""
        self._tables += 1
        if self._tables > MAX_TABLES:
            self._fail("item-count", "the file has too many tables", f"at most {MAX_TABLES:,}")
        frame = self._frame(position, path)
        values: dict[str, Any] = {}
        slot = 0
        for name, kind in fields:
            if kind == "union":
                type_place = self._slot(frame, slot, 1)
                table_place = self._slot(frame, slot + 1, 4)
                values[name] = self._union(type_place, table_place, f"{path}.{name}")
                slot += 2
                continue
            place = self._slot(frame, slot, _width(kind))
            values[name] = self._value(place, kind, path, name)
            slot += 1
        if complete and any(self._slot(frame, n, 1) for n in range(slot, (frame.entries - 4) // 2)):
            self._fail("table", f"{path} has a field beyond the {slot} that the format has")
        return values

    def _frame(self, position: int, path: str) -> _Frame:
        vtable = position - self._scalar(position, "i32")
        entries, size = self._scalar(vtable, "u16"), self._scalar(vtable + 2, "u16")
        if entries < 4 or entries % 2 or vtable + entries > len(self._raw):
            self._fail("table", f"{path}: the table's field index is broken (size {entries})")
        if size < 4 or position + size > len(self._raw):
            self._fail("table", f"{path}: the table of {size} bytes reaches beyond the file")
        return _Frame(position, size, vtable, entries)

    def _slot(self, frame: _Frame, slot: int, width: int) -> int | None:
        """Return where a field of `width` bytes is stored, None when it is absent."""
        entry = 4 + 2 * slot
        if entry + 2 > frame.entries:
            return None
        offset = int(self._scalar(frame.vtable + entry, "u16"))
        if offset and not 4 <= offset <= frame.size - width:
            found = f"a field at offset {offset} lies outside its table of {frame.size} bytes"
            self._fail("table", found)
        return frame.position + offset if offset else None

    def _value(self, place: int | None, kind: str, table: str, field: str) -> Any:
        kind, _, default = kind.partition("=")
        if kind in _LAYOUTS:
            value = int(default or 0) if place is None else self._scalar(place, kind)
            return bool(value) if kind == "bool" else value
        path = f"{table}.{field}"
        if kind.startswith("enum:"):
            return self._enum(0 if place is None else self._scalar(place, "i8"), kind[5:], path)
        if place is None:
            return [] if kind.startswith("[") and kind[1].isupper() else None
        target = self._target(place)
        if kind == "string":
            return self._string(target, path)
        if kind.startswith("["):
            return self._vector(target, kind[1:-1], path)
        return self._table(target, TABLES[kind], path)

    def _enum(self, code: int, kind: str, path: str) -> str:
        names = ENUMS[kind]
        if not 0 <= code < len(names):
            expected = f"one of {', '.join(names)} (0 to {len(names) - 1})"
            self._fail("enum", f"{path} is {code}", expected)
        return names[code]

    def _string(self, position: int, path: str) -> str:
        raw = bytes(self._vector(position, "u8", path))
        self._count(len(raw))
        end = position + 4 + len(raw)
        if end >= len(self._raw) or self._raw[end]:
            self._fail("string", f"{path} ({printable(repr(raw))}) has no zero byte at its end")
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            self._fail("string", f"{path} is {printable(repr(raw))}", "UTF-8 text")

    def _vector(self, position: int, kind: str, path: str) -> Any:
        length = self._scalar(position, "u32")
        start = position + 4
        dtype = np.dtype(_DTYPES.get(kind, "<u4"))
        if length * dtype.itemsize > len(self._raw) - start:
            found = f"{path} claims {length:,} entries, beyond the end of the file"
            self._fail("vector", found)
        self._count(length if dtype.itemsize > 1 else 1)
        if kind in _DTYPES:
            values = np.frombuffer(self._raw, dtype, length, start)
            # No copy: any number of entries may point at one long vector.
            return values.astype(dtype.newbyteorder("="), copy=False)
        return [
            self._table(self._target(start + 4 * i), TABLES[kind], f"{path}[{i}]")
            for i in range(length)
        ]

    def _union(self, type_place: int | None, value_place: int | None, path: str) -> Any:
        """Return (table, fields); no fields of a table that nothing here reads.

        A type without a table counts as absent: old converters wrote it, and the interpreter takes
        the defaults.
        """
        code = 0 if type_place is None else self._scalar(type_place, "u8")
        if code == 0 or value_place is None:
            return None
        known = path.endswith("builtin_options") and code <= len(OPTION_TABLES)
        name = OPTION_TABLES[code - 1] if known else f"#{code}"
        fields = OPTIONS.get(name, ())  # only those that operators here read
        values = self._table(self._target(value_place), fields, f"{path}.{name}", complete=False)
        return name, values if name in OPTIONS else None
