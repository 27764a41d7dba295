"""TOML tables as frozen dataclasses: unknown keys, missing keys and wrong types are errors."""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
import types
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar

from mcu_slm.errors import BoardError

_Record = TypeVar("_Record")


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        BoardError: it cannot be read, or is no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BoardError(
            str(path),
            f"cannot be read: {error}",
            expected="a TOML file",
            remedy="Correct the file, or copy one of boards/*.toml.",
        ) from error


def read_record(cls: type[_Record], table: Any, path: Path, key: str) -> _Record:
    """Build the dataclass `cls` from a table: all fields, those with defaults may lack.

    Where the type of one field depends on the value of another, `cls.field_types(table)` says it.
    `key` is the way to the table, with a dot at its end; it goes before the names in messages.

    Raises:
        BoardError: a key is unknown or missing, or a value has the wrong type.
    """
    if not isinstance(table, dict):
        raise wrong_type(path, key, table, "a table")
    fields = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for name in table:
        if name not in fields:
            near = difflib.get_close_matches(name, fields, n=1)
            raise BoardError(
                f"{path}: {key}{name}",
                "unknown key",
                expected=f"one of {', '.join(fields)}",
                remedy=f"Did you mean {near[0]}?" if near else "Remove it.",
            )
    for name, field in fields.items():
        if name not in table and field.default is dataclasses.MISSING:
            raise BoardError(f"{path}: {key}{name}", "the key is missing", remedy="Add it.")
    hints = typing.get_type_hints(cls)
    depending: Callable[[Any], dict[str, type]] | None = getattr(cls, "field_types", None)
    if depending is not None:
        hints |= depending(table)
    values = {name: _value(hints[name], item, path, key + name) for name, item in table.items()}
    return cls(**values)


def _value(hint: Any, item: Any, path: Path, key: str) -> Any:
    """Check one TOML value against a field's type; tables become records, arrays tuples."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is types.UnionType:  # `X | None`
        return None if item is None else _value(arguments[0], item, path, key)
    if origin is tuple:
        if not isinstance(item, list):
            raise wrong_type(path, key, item, "an array")
        return tuple(_value(arguments[0], x, path, f"{key}[{n}]") for n, x in enumerate(item))
    if origin is Literal:
        if item not in arguments or type(item) is not type(arguments[0]):
            raise wrong_type(path, key, item, " or ".join(map(repr, arguments)))
        return item
    if dataclasses.is_dataclass(hint):
        return read_record(typing.cast(type[Any], hint), item, path, f"{key}.")
    if type(item) is not hint:
        raise wrong_type(
            path, key, item, {int: "an integer", str: "a string", bool: "true or false"}[hint]
        )
    if hint is int and item < 0:
        raise wrong_type(path, key, item, "zero or more")
    return item


def wrong_type(path: Path, key: str, found: Any, expected: str) -> BoardError:
    """Return the error for a value that cannot be."""
    return BoardError(
        f"{path}: {key.rstrip('.')}", f"the value is {found!r}", expected, "Correct the value."
    )
