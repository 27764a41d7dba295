"""What a leg of the proof found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Status = Literal["ok", "differs", "not run"]


@dataclass(frozen=True)
class Difference:
    """The first byte that differs.

    Where, what was expected (the judge's), what was found, and how it came about.
    """

    window: int
    layer: int
    name: str
    op: str
    element: int
    expected: float
    found: float
    accumulator: int | None = None
    multiplier: int | None = None
    shift: int | None = None

    def sentence(self) -> str:
        """Return the difference in one line."""
        text = (
            f"layer {self.layer} {self.name} ({self.op}), element {self.element}, "
            f"window {self.window}: expected {self.expected}, found {self.found}"
        )
        if self.accumulator is not None:
            text += f"; accumulator {self.accumulator}"
        if self.multiplier is not None:
            text += f", multiplier {self.multiplier}, shift {self.shift}"
        return text


@dataclass(frozen=True)
class LegResult:
    """One leg: how many windows and output bytes were compared with the judge's, how many differ.

    `information` marks a leg that is shown but is no gate (LiteRT).
    """

    leg: str
    status: Status
    windows: int = 0
    bytes: int = 0
    differing: int = 0
    reason: str = ""
    seconds: float = 0.0
    difference: Difference | None = None
    information: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the fields for `--json` and `evidence.json`."""
        fields: dict[str, Any] = {
            "status": self.status,
            "windows": self.windows,
            "bytes": self.bytes,
            "differing": self.differing,
            "reason": self.reason,
            "seconds": round(self.seconds, 3),
        }
        if self.information:
            fields["information"] = True
        if self.difference is not None:
            fields["difference"] = {**self.difference.__dict__}
        return fields


def leg_from_json(leg: str, fields: dict[str, Any]) -> LegResult:
    """Return a leg as `to_json` wrote it, without the difference.

    Only agreeing legs are ever reused.
    """
    names = ("status", "windows", "bytes", "differing", "reason", "seconds")
    values = {name: fields[name] for name in names}
    return LegResult(leg, **values, information=bool(fields.get("information")))


def not_run(leg: str, reason: str, *, information: bool = False) -> LegResult:
    """Return the result of a leg that could not be run; it says why."""
    return LegResult(leg, "not run", reason=reason, information=information)
