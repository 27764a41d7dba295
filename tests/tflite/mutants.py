"""Seeded mutants of small models: fields of the decoded tables, and bytes.

A mutant of the tables is well formed and reaches the rules of meaning and the operators' checks; a
mutant of the bytes tests the decoder.
"""

from __future__ import annotations

import copy
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mcu_slm import ops, tflite
from mcu_slm.tflite.decode import Decoder
from mcu_slm.tflite.encode import encode_model
from mcu_slm.tflite.schema import ENUMS, OPTIONS, TABLES
from tests.models import tiny
from tests.ops.cases import CASES

Rng = np.random.Generator
LARGEST_BASE_BYTES = 6_000
CASES_PER_OPERATOR = 4

_LIMITS = {
    "i8": (-128, 127),
    "u8": (0, 255),
    "bool": (0, 1),
    "i32": (-(2**31), 2**31 - 1),
    "u32": (0, 2**32 - 1),
    "i64": (-(2**63), 2**63 - 1),
    "u64": (0, 2**64 - 1),
}
_FLOATS = (0.0, -0.0, -1.0, 1e-45, 1e-30, 1e-6, 0.5, 1.0, 3.5, 1e6, 1e30, 3e38, np.inf, np.nan)
_WORDS = (0, 1, 2, 4, 0x7F, 0xFF, 0x7FFF, 0x10000, 0x3FFFFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


@dataclass(frozen=True, eq=False)
class Base:
    """A sound model, as bytes and as decoded tables."""

    name: str
    raw: bytes
    tables: dict[str, Any]


def bases() -> list[Base]:
    """Return the tiny model and a few small cases of every operator."""
    found = [("tiny", tflite.write_model(tiny()))]
    for op in sorted(set(CASES) & set(ops.OPERATORS)):
        raws = [(case.name, tflite.write_model(case.graph)) for case in CASES[op]()]
        small = [(name, raw) for name, raw in raws if len(raw) <= LARGEST_BASE_BYTES]
        step = max(1, len(small) // CASES_PER_OPERATOR)
        found += small[::step][:CASES_PER_OPERATOR]
    return [Base(name, raw, Decoder(raw, name).model()) for name, raw in found]


def mutant(pool: Sequence[Base], seed: int, index: int) -> bytes:
    """Return mutant `index` of a seed; the same for the same pool."""
    rng = np.random.default_rng([seed, index])
    base = pool[int(rng.integers(len(pool)))]
    if rng.random() < 0.3:
        return bytes(_changed_bytes(rng, base, pool))
    return _changed_tables(rng, base)


# --- Tables


@dataclass(frozen=True, eq=False)
class _Spot:
    """A field of one table."""

    table: dict[str, Any]
    name: str
    kind: str


def _spots(table: dict[str, Any], fields: Sequence[tuple[str, str]]) -> Iterator[_Spot]:
    for name, kind in fields:
        yield _Spot(table, name, kind)
        value = table.get(name)
        if value is None:
            continue
        if kind == "union":
            yield from _spots(value[1], OPTIONS[value[0]])
        elif kind in TABLES:
            yield from _spots(value, TABLES[kind])
        elif kind[1:-1] in TABLES:
            for item in value:
                yield from _spots(item, TABLES[kind[1:-1]])


def _changed_tables(rng: Rng, base: Base) -> bytes:
    model = copy.deepcopy(base.tables)
    for _ in range(1 + int(rng.integers(3)) * int(rng.integers(2))):
        spots = list(_spots(model, TABLES["Model"]))
        _change(rng, spots[int(rng.integers(len(spots)))])
    return encode_model(model)


def _change(rng: Rng, spot: _Spot) -> None:
    kind = spot.kind.partition("=")[0]
    old = spot.table.get(spot.name)
    if rng.random() < 0.04 and kind != "union":
        spot.table[spot.name] = None
    elif kind in _LIMITS or kind == "f32":
        spot.table[spot.name] = _number(rng, kind, old or 0)
    elif kind.startswith("enum:"):
        names = ENUMS[kind[5:]]
        spot.table[spot.name] = names[int(rng.integers(len(names)))]
    elif kind == "string":
        spot.table[spot.name] = "\x1b[31m" + (old or "") * int(rng.integers(3))
    elif kind == "union":
        _change_union(rng, spot)
    elif kind in TABLES:
        spot.table[spot.name] = {}
    elif kind[1:-1] in TABLES:
        spot.table[spot.name] = _tables(rng, old or [])
    else:
        spot.table[spot.name] = _vector(rng, kind[1:-1], old)


def _change_union(rng: Rng, spot: _Spot) -> None:
    if spot.name != "builtin_options":
        return
    names = sorted(OPTIONS)
    chosen = None if rng.random() < 0.5 else (names[int(rng.integers(len(names)))], {})
    spot.table[spot.name] = chosen


def _number(rng: Rng, kind: str, old: Any) -> Any:
    if kind == "f32":
        factor = float(2.0 ** rng.integers(-40, 41))
        choices = (float(old) * factor, float(old) * 1.001, float(rng.choice(_FLOATS)))
        with np.errstate(over="ignore"):
            return float(np.float32(choices[int(rng.integers(3))]))
    low, high = _LIMITS[kind]
    near = int(old) + int(rng.integers(-3, 4))
    word = _WORDS[int(rng.integers(len(_WORDS)))] * (1 if rng.random() < 0.5 else -1)
    small = int(rng.integers(-2, 12))
    value = (near, near, small, small, word, low, high)[int(rng.integers(7))]
    return min(max(value, low), high)


def _vector(rng: Rng, kind: str, old: Any) -> Any:
    values = [] if old is None else old.tolist()
    action = int(rng.integers(8))
    if action == 0:
        return np.asarray([], _dtype(kind))
    if action == 1 and values:
        values.pop(int(rng.integers(len(values))))
    elif action == 2 and len(values) < 1000:
        values.insert(int(rng.integers(len(values) + 1)), _number(rng, kind, 1))
    elif action == 3 and len(values) < 1000:
        values += values
    elif action == 4:
        values = [values[i] for i in rng.permutation(len(values))]
    elif values:
        for place in rng.integers(len(values), size=int(rng.integers(1, 3))):
            values[int(place)] = _number(rng, kind, values[int(place)])
    return np.asarray(values, _dtype(kind))


def _dtype(kind: str) -> Any:
    names = {"i32": "i4", "u32": "u4", "i64": "i8", "u64": "u8", "f32": "f4", "u8": "u1"}
    return np.dtype(names.get(kind, "u1"))


def _tables(rng: Rng, old: list[Any]) -> list[Any]:
    items = list(old)
    action = int(rng.integers(4))
    if action == 0 or not items:
        items.insert(int(rng.integers(len(items) + 1)), {})
    elif action == 1:
        items.pop(int(rng.integers(len(items))))
    elif action == 2:
        items.append(copy.deepcopy(items[int(rng.integers(len(items)))]))
    else:
        items = [items[i] for i in rng.permutation(len(items))]
    return items


# --- Bytes


def _changed_bytes(rng: Rng, base: Base, pool: Sequence[Base]) -> bytearray:
    raw = bytearray(base.raw)
    for _ in range(int(rng.integers(1, 4))):
        action = _ACTIONS[int(rng.integers(len(_ACTIONS)))]
        action(rng, raw)
        if not raw:
            break
    if rng.random() < 0.03:
        other = pool[int(rng.integers(len(pool)))].raw
        cut = int(rng.integers(len(raw) + 1))
        raw[cut:] = other[cut:]
    return raw


def _flip(rng: Rng, raw: bytearray) -> None:
    raw[int(rng.integers(len(raw)))] ^= 1 << int(rng.integers(8))


def _byte(rng: Rng, raw: bytearray) -> None:
    raw[int(rng.integers(len(raw)))] = int(rng.integers(256))


def _word(rng: Rng, raw: bytearray) -> None:
    if len(raw) >= 8:
        place = int(rng.integers(len(raw) // 4)) * 4
        word = _WORDS[int(rng.integers(len(_WORDS)))]
        raw[place : place + 4] = struct.pack("<I", word)


def _nudge(rng: Rng, raw: bytearray) -> None:
    """Change a word a little: offsets and sizes that are wrong by one are the subtle ones."""
    if len(raw) >= 8:
        place = int(rng.integers(len(raw) // 4)) * 4
        word = int.from_bytes(raw[place : place + 4], "little") + int(rng.integers(-8, 9))
        raw[place : place + 4] = (word % 2**32).to_bytes(4, "little")


def _copy_word(rng: Rng, raw: bytearray) -> None:
    if len(raw) >= 8:
        a, b = (int(i) * 4 for i in rng.integers(len(raw) // 4, size=2))
        raw[a : a + 4] = raw[b : b + 4]


def _cut(rng: Rng, raw: bytearray) -> None:
    del raw[int(rng.integers(len(raw))) :]


_ACTIONS: tuple[Callable[[Rng, bytearray], None], ...] = (
    _flip, _flip, _byte, _word, _word, _nudge, _nudge, _copy_word, _cut,
)  # fmt: skip
