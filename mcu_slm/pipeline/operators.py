"""The table of operators, read off the operator modules: what runs, what is folded, what cannot."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mcu_slm import dsp, plan
from mcu_slm.compile import KERNEL_FAMILIES
from mcu_slm.ops import OPERATORS
from mcu_slm.ops.support import ARROW, Support, entry, support_of
from mcu_slm.ops.unavailable import UNAVAILABLE

_HEAD = ("operator", "types at run time", "kernels", "constants folded", "notes")


@dataclass(frozen=True)
class Row:
    """One operator. `runs` are types or pairs of types, `kernels` the families that have it."""

    operator: str
    runs: tuple[str, ...]
    kernels: tuple[str, ...]
    folds: tuple[str, ...]
    notes: str

    def cells(self) -> tuple[str, ...]:
        """Return the texts of the row, in the order of the head."""
        lists = (_grouped(self.runs), self.kernels, self.folds)
        return (self.operator, *(", ".join(entries) or "-" for entries in lists), self.notes)


def _grouped(runs: tuple[str, ...]) -> list[str]:
    """Return pairs of types with one entry for each source."""
    targets: dict[str, list[str]] = {}
    for pair in runs:
        source, arrow, target = pair.partition(ARROW)
        targets.setdefault(source, []).append(target if arrow else source)
    return [entry(source, " / ".join(found)) for source, found in targets.items()]


def supported() -> tuple[Row, ...]:
    """Return a row for each operator that has a module."""
    return tuple(_row(name, support_of(module)) for name, module in sorted(OPERATORS.items()))


def unavailable() -> dict[str, str]:
    """Return why operators cannot be supported, and what to use instead."""
    return {op: f"{entry.reason}. {entry.remedy}" for op, entry in sorted(UNAVAILABLE.items())}


def _row(name: str, support: Support) -> Row:
    moves_bytes = name not in plan.ALIASING
    notes = [] if moves_bytes else ["no code: input and output share their place"]
    if not support.runs and support.fold is not None:
        notes.append("folded only")
    if support.note:
        notes.append(support.note)
    has_kernels = bool(support.runs) and moves_bytes
    families = KERNEL_FAMILIES if name in dsp.OPERATORS else KERNEL_FAMILIES[:1]
    kernels = families if has_kernels else ()
    return Row(name, support.runs, kernels, support.folds, "; ".join(notes))


def to_json() -> dict[str, Any]:
    """Return the table for `--json`."""
    return {"operators": [asdict(row) for row in supported()], "unavailable": unavailable()}


def text() -> str:
    """Return the table for a terminal."""
    rows = (_text_line(row) for row in supported())
    refused = (f"{op}: {why}" for op, why in unavailable().items())
    return "\n".join([*rows, "", "Refused, because the judge has no INT8 kernel:", *refused])


def _text_line(row: Row) -> str:
    name, runs, kernels, folds, notes = row.cells()
    facts = []
    if row.runs:
        facts.append(runs + (f" ({kernels})" if row.kernels else ""))
    if row.folds:
        facts.append(f"constants of {folds}")
    return f"{name:30} {'; '.join([*facts, notes] if notes else facts)}"


def markdown() -> str:
    """Return the page `docs/operators.md`."""
    lines = [
        "# Operators",
        "",
        "The table of `mcu-slm ops`, written by `make operators`; a test compares it.",
        "`a -> b`: types of the input that counts and of the output. Constants are folded: what",
        "follows from shapes and from the model's own numbers is computed here, without code.",
        "",
        _line(_HEAD),
        _line(["---"] * len(_HEAD)),
        *(_line(row.cells()) for row in supported()),
        "",
        "## What TensorFlow Lite Micro itself cannot run in INT8",
        "",
        _line(("operator", "why, and what to use instead")),
        _line(("---", "---")),
        *(_line(entry) for entry in unavailable().items()),
    ]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.stdout.write(markdown())
