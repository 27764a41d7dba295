"""The measured costs: `cortex_m4.toml`, kernel -> feature -> instructions and cycles of a round."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mcu_slm.errors import McuSlmError

TABLE_FILE: Final = Path(__file__).with_name("cortex_m4.toml")
_KEYS: Final = ("compiler", "core", "optimization", "unmeasured", "kernels")
_KERNEL_KEYS: Final = ("layers", "largest_error_percent", "code_bytes", "features")
_REMEDY: Final = "Measure again: make costs"


@dataclass(frozen=True)
class Cost:
    """Executed instructions, and estimated cycles without flash wait states."""

    instructions: float
    cycles: float


@dataclass(frozen=True)
class KernelCosts:
    """What a round of each feature costs; `calls` is what every layer adds once.

    `largest_error_percent` is how far the instructions of any of the `layers` that were measured
    are from what these numbers give; `code_bytes` is the flash of the kernels that one of them
    calls, in the middle.
    """

    layers: int
    largest_error_percent: float
    code_bytes: int
    features: dict[str, Cost]


@dataclass(frozen=True)
class CostTable:
    """All measured kernels, and those that have no numbers.

    `compiler`, `core` and `optimization` are what the numbers were measured with.
    """

    compiler: str
    core: str
    optimization: str
    unmeasured: tuple[str, ...]
    kernels: dict[str, KernelCosts]


@functools.cache
def load_table(path: Path = TABLE_FILE) -> CostTable:
    """Read a table.

    Raises:
        McuSlmError: It cannot be read, or says something else than such a table does.
    """
    try:
        fields = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise McuSlmError(str(path), f"cannot be read: {error}", "TOML", _REMEDY) from error
    _expect_keys(path, "the file", fields, _KEYS)
    for name in ("compiler", "core", "optimization"):
        _expect(path, name, isinstance(fields[name], str), fields[name], "a text")
    unmeasured, kernels = fields["unmeasured"], fields["kernels"]
    is_list = isinstance(unmeasured, list) and all(isinstance(x, str) for x in unmeasured)
    _expect(path, "unmeasured", is_list, unmeasured, "names of kernels")
    _expect(path, "kernels", isinstance(kernels, dict), kernels, "a table")
    both = sorted(set(unmeasured) & set(kernels))
    _expect(path, "unmeasured", not both, both, "kernels without numbers")
    return CostTable(
        fields["compiler"],
        fields["core"],
        fields["optimization"],
        tuple(unmeasured),
        {name: _kernel(path, f"kernels.{name}", table) for name, table in kernels.items()},
    )


def _kernel(path: Path, where: str, table: Any) -> KernelCosts:
    _expect_keys(path, where, table, _KERNEL_KEYS)
    layers, error, code, features = (table[key] for key in _KERNEL_KEYS)
    _expect(path, f"{where}.layers", type(layers) is int and layers > 0, layers, "a number of them")
    place = f"{where}.largest_error_percent"
    _expect(path, place, type(error) is float and error >= 0, error, "a number from 0.0 on")
    _expect(path, f"{where}.code_bytes", type(code) is int and code > 0, code, "bytes")
    _expect(path, f"{where}.features", isinstance(features, dict), features, "a table")
    found = {}
    for name, pair in features.items():
        sound = isinstance(pair, list) and [type(x) for x in pair] == [float, float]
        sound = sound and min(pair) >= 0.0
        expected = "instructions and cycles, from 0.0 on"
        _expect(path, f"{where}.features.{name}", sound, pair, expected)
        found[name] = Cost(*pair)
    return KernelCosts(layers, error, code, found)


def _expect_keys(path: Path, where: str, table: Any, keys: tuple[str, ...]) -> None:
    is_table = isinstance(table, dict) and sorted(table) == sorted(keys)
    found = sorted(table) if isinstance(table, dict) else table
    _expect(path, where, is_table, found, f"exactly the keys {', '.join(keys)}")


def _expect(path: Path, where: str, holds: bool, found: Any, expected: str) -> None:
    if not holds:
        raise McuSlmError(f"{path}: {where}", f"found {found!r}", expected, _REMEDY)
