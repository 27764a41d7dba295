"""Writing flatbuffer tables from plain values, driven by the same schema as the decoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import flatbuffers
import numpy as np

from mcu_slm.tflite.schema import ENUMS, OPTION_TABLES, OPTIONS, TABLES, Field

_BUFFER_ALIGNMENT = 16

_SLOT_WRITERS = {
    "i8": "PrependInt8Slot",
    "u8": "PrependUint8Slot",
    "bool": "PrependBoolSlot",
    "i32": "PrependInt32Slot",
    "u32": "PrependUint32Slot",
    "i64": "PrependInt64Slot",
    "u64": "PrependUint64Slot",
    "f32": "PrependFloat32Slot",
}
_DTYPES = {"i32": np.int32, "i64": np.int64, "f32": np.float32, "u8": np.uint8, "bool": np.uint8}


def encode_model(model: Mapping[str, Any]) -> bytes:
    """Return the flatbuffer of a model given as nested dicts, as `Decoder.model` returns them."""
    builder = flatbuffers.Builder(1 << 16)
    root = _table(builder, TABLES["Model"], model)
    builder.Finish(root, file_identifier=b"TFL3")
    return bytes(builder.Output())


def _table(builder: Any, fields: tuple[Field, ...], values: Mapping[str, Any]) -> int:
    """Write children first, then the table that points at them; return its offset."""
    children: dict[str, int] = {}
    for name, kind in fields:
        value = values.get(name)
        if value is not None and not _is_inline(kind):
            children[name] = _child(builder, kind, value)
    builder.StartObject(sum(2 if kind == "union" else 1 for _, kind in fields))
    slot = 0
    for name, kind in fields:
        value = values.get(name)
        if kind == "union":
            if value is not None:
                builder.PrependUint8Slot(slot, OPTION_TABLES.index(value[0]) + 1, 0)
                builder.PrependUOffsetTRelativeSlot(slot + 1, children[name], 0)
            slot += 2
            continue
        if name in children:
            builder.PrependUOffsetTRelativeSlot(slot, children[name], 0)
        elif value is not None:
            _scalar(builder, slot, kind, value)
        slot += 1
    return int(builder.EndObject())


def _is_inline(kind: str) -> bool:
    return kind.partition("=")[0] in _SLOT_WRITERS or kind.startswith("enum:")


def _scalar(builder: Any, slot: int, kind: str, value: Any) -> None:
    kind, _, default = kind.partition("=")
    if kind.startswith("enum:"):
        builder.PrependInt8Slot(slot, ENUMS[kind[5:]].index(value), 0)
        return
    number = float(value) if kind == "f32" else int(value)
    getattr(builder, _SLOT_WRITERS[kind])(slot, number, int(default) if default else 0)


def _child(builder: Any, kind: str, value: Any) -> int:
    if kind == "string":
        return int(builder.CreateString(value))
    if kind == "union":
        table, fields = value
        return _table(builder, OPTIONS[table], fields)
    if not kind.startswith("["):
        return _table(builder, TABLES[kind], value)
    inner = kind[1:-1]
    if inner in _DTYPES:
        return _numbers(builder, np.asarray(value, _DTYPES[inner]))
    offsets = [_table(builder, TABLES[inner], item) for item in value]
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def _numbers(builder: Any, values: Any) -> int:
    if values.dtype != np.uint8:
        return int(builder.CreateNumpyVector(values))
    # Constant data starts on a 16-byte boundary, so that int32 biases are aligned in flash.
    raw = values.tobytes()
    builder.StartVector(1, len(raw), _BUFFER_ALIGNMENT)
    builder.head = builder.Head() - len(raw)
    builder.Bytes[builder.Head() : builder.Head() + len(raw)] = raw
    return int(builder.EndVector())
