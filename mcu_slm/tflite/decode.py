"""Bounds-checked decoding of flatbuffer tables into plain values, driven by the schema.

Nothing is trusted: every offset is checked before it is followed, every vector against the end of
the file, and the number of decoded items is limited, so that a hostile file costs bounded time and
memory. Tables nest at most as deep as the schema.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from mcu_slm.errors import ModelError
from mcu_slm.tflite.schema import ENUMS, OPTION_TABLES, OPTIONS, TABLES, Field

MAX_FILE_BYTES = 64 << 20
MAX_ITEMS = 2_000_000
IDENTIFIER = b"TFL3"

_FORMATS = {
    "i8": "b",
    "u8": "B",
    "bool": "B",
    "i32": "i",
    "u32": "I",
    "i64": "q",
    "u64": "Q",
    "f32": "f",
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


class Decoder:
    """Decodes one file. `name` is what error messages call it."""

    def __init__(self, raw: bytes, name: str) -> None:
        self._raw = raw
        self._name = name
        self._items = 0

    def model(self) -> dict[str, Any]:
        """Return the root table as nested dicts, lists and NumPy vectors.

        Raises:
            ModelError: The bytes are no TensorFlow Lite flatbuffer.
        """
        if len(self._raw) > MAX_FILE_BYTES:
            self._fail(f"the file has {len(self._raw):,} bytes", f"at most {MAX_FILE_BYTES:,}")
        if len(self._raw) < 8 or self._raw[4:8] != IDENTIFIER:
            found = self._raw[4:8]
            self._fail(
                f"not a TensorFlow Lite flatbuffer (identifier {found!r})",
                "the bytes b'TFL3' at offset 4",
            )
        return self._table(self._scalar(0, "u32"), TABLES["Model"], "Model")

    def _fail(self, found: str, expected: str = "") -> None:
        raise ModelError(
            self._name,
            found,
            expected,
            "The file is truncated or damaged, or it is no .tflite model: export it again.",
        )

    def _scalar(self, position: int, kind: str) -> Any:
        layout = "<" + _FORMATS[kind]
        size = struct.calcsize(layout)
        if position < 0 or position + size > len(self._raw):
            self._fail(
                f"a value at byte {position} lies outside the file of {len(self._raw)} bytes"
            )
        return struct.unpack_from(layout, self._raw, position)[0]

    def _count(self, items: int) -> None:
        self._items += items
        if self._items > MAX_ITEMS:
            self._fail("the file describes too many items", f"at most {MAX_ITEMS:,}")

    def _table(self, position: int, fields: tuple[Field, ...], path: str) -> dict[str, Any]:
        self._count(1)
        vtable = position - self._scalar(position, "i32")
        size = self._u16(vtable)
        inline = self._u16(vtable + 2)
        if size < 4 or size % 2 or vtable + size > len(self._raw):
            self._fail(f"{path}: the table's field index is broken (size {size})")
        if position + inline > len(self._raw):
            self._fail(f"{path}: the table reaches beyond the file")
        values: dict[str, Any] = {}
        slot = 0
        for name, kind in fields:
            place = self._slot(vtable, size, inline, position, slot)
            if kind == "union":
                value_place = self._slot(vtable, size, inline, position, slot + 1)
                values[name] = self._union(place, value_place, f"{path}.{name}")
                slot += 2
                continue
            values[name] = self._value(place, kind, f"{path}.{name}")
            slot += 1
        return values

    def _u16(self, position: int) -> int:
        if position < 0 or position + 2 > len(self._raw):
            self._fail(f"a table index at byte {position} lies outside the file")
        return int(struct.unpack_from("<H", self._raw, position)[0])

    def _slot(self, vtable: int, size: int, inline: int, position: int, slot: int) -> int | None:
        """Return where a field is stored, None when it is absent."""
        entry = 4 + 2 * slot
        offset = self._u16(vtable + entry) if entry + 2 <= size else 0
        if offset and offset >= inline:
            self._fail(f"a field at offset {offset} lies outside its table of {inline} bytes")
        return position + offset if offset else None

    def _value(self, place: int | None, kind: str, path: str) -> Any:
        kind, _, default = kind.partition("=")
        if kind in _FORMATS:
            value = (
                self._scalar(place, kind) if place is not None else (int(default) if default else 0)
            )
            return bool(value) if kind == "bool" else value
        if kind.startswith("enum:"):
            return self._enum(0 if place is None else self._scalar(place, "i8"), kind[5:], path)
        if place is None:
            return [] if kind.startswith("[") and kind[1].isupper() else None
        target = place + self._scalar(place, "u32")
        if kind == "string":
            return self._string(target, path)
        if kind.startswith("["):
            return self._vector(target, kind[1:-1], path)
        return self._table(target, TABLES[kind], path)

    def _enum(self, code: int, kind: str, path: str) -> str:
        names = ENUMS[kind]
        if not 0 <= code < len(names):
            self._fail(f"{path} is {code}", f"one of {', '.join(names)} (0 to {len(names) - 1})")
        return names[code]

    def _string(self, position: int, path: str) -> str:
        raw = self._vector(position, "u8", path)
        self._count(len(raw))
        return bytes(raw).decode("utf-8", errors="replace")

    def _vector(self, position: int, kind: str, path: str) -> Any:
        length = self._scalar(position, "u32")
        start = position + 4
        if kind in _DTYPES:
            dtype = np.dtype(_DTYPES[kind])
            if length * dtype.itemsize > len(self._raw) - start:
                self._fail(f"{path} claims {length:,} entries, beyond the end of the file")
            self._count(length if dtype.itemsize > 1 else 1)
            values = np.frombuffer(self._raw, dtype, length, start)
            # No copy: any number of entries may point at one long vector.
            return values.astype(dtype.newbyteorder("="), copy=False)
        if length * 4 > len(self._raw) - start:
            self._fail(f"{path} claims {length:,} entries, beyond the end of the file")
        self._count(length)
        places = [start + 4 * i for i in range(length)]
        return [
            self._table(p + self._scalar(p, "u32"), TABLES[kind], f"{path}[{i}]")
            for i, p in enumerate(places)
        ]

    def _union(self, type_place: int | None, value_place: int | None, path: str) -> Any:
        """Return (table, fields); fields are None for an options table that nothing here reads."""
        code = 0 if type_place is None else self._scalar(type_place, "u8")
        if code == 0 or value_place is None or not path.endswith("builtin_options"):
            return None
        name = OPTION_TABLES[code - 1] if code <= len(OPTION_TABLES) else f"#{code}"
        fields = OPTIONS.get(name)
        if fields is None:
            return name, None
        target = value_place + self._scalar(value_place, "u32")
        return name, self._table(target, fields, f"{path}.{name}")
