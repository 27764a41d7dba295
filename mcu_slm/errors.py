"""Every error that this product raises on purpose, in one tree.

    McuSlmError                 where - what was found - what was expected - what to do
    +-- ConfigError             the project file (exit code 2)
    +-- DataError               recordings, columns, labels, splits (2)
    +-- ModelError              a .tflite file that is broken or means nothing (2)
    |   +-- UnsupportedOperatorError   a legal model that this compiler cannot run (2)
    +-- BoardError              board and chip files, unknown board names (2)
    +-- UsageError              command-line arguments that do not fit together (2)
    +-- ToolError               a compiler, an extra or a port is missing on this machine (3)
    +-- BudgetError             the model does not fit the board or the budget (4)
    +-- TrainingError           training went wrong: diverged, nothing to learn from (5)
    +-- BuildError              a compiler refused generated code: our bug, shown with its output
    (6) +-- FirmwareFault           firmware faulted on the simulator, or a board reported a fault
    (6) +-- DeviceError             a board, probe or boot loader answered wrongly or not at all (6)
    +-- ProofError              bytes differ, or the proof is missing or stale (1)

The command line catches `McuSlmError` only: message, exit code, no trace. Anything else is our bug
and shows its trace.
"""

from __future__ import annotations

from typing import Any, ClassVar


class McuSlmError(Exception):
    """An error with four parts, each a plain sentence or phrase.

    Args:
        where: File and field, layer and operator, board: the place a reader can open.
        found: What is there.
        expected: What should be there; empty where `found` says it all.
        remedy: What the reader can do now.
        values: The numbers of the message, kept as attributes (`error.values["needed_bytes"]`).
    """

    exit_code: ClassVar[int] = 2

    def __init__(
        self, where: str, found: str, expected: str = "", remedy: str = "", **values: Any
    ) -> None:
        self.where = where
        self.found = found
        self.expected = expected
        self.remedy = remedy
        self.values = values
        super().__init__(self.message())

    def message(self) -> str:
        """Return `where: found; expected X. Remedy.` on one line."""
        text = f"{self.where}: {self.found}"
        if self.expected:
            text += f"; expected {self.expected}"
        if not text.endswith((".", "!", "?")):
            text += "."
        if self.remedy:
            text += f" {self.remedy}"
        return text

    def to_json(self) -> dict[str, Any]:
        """Return the parts, the kind and the numbers of the message."""
        parts = {name: getattr(self, name) for name in ("where", "found", "expected", "remedy")}
        kind = {"kind": type(self).__name__, "exit_code": self.exit_code}
        return {**parts, **kind, "values": self.values}


class ConfigError(McuSlmError):
    """The project file is missing, unreadable or says something impossible."""


class DataError(McuSlmError):
    """Recordings cannot be used as they are."""


class ModelError(McuSlmError):
    """A model file is broken or contradicts itself."""


class UnsupportedOperatorError(ModelError):
    """The model is legal but uses something this compiler has no kernel for."""


class BoardError(McuSlmError):
    """A board or chip file is wrong, or no such board exists."""


class UsageError(McuSlmError):
    """Command-line arguments do not fit together."""


class ToolError(McuSlmError):
    """This machine lacks a compiler, an optional package or a port."""

    exit_code = 3


class BudgetError(McuSlmError):
    """The model does not fit the board or the project's budget."""

    exit_code = 4


class TrainingError(McuSlmError):
    """Training could not give a usable model."""

    exit_code = 5


class BuildError(McuSlmError):
    """A compiler refused code that we generated, or that the user changed."""

    exit_code = 6


class FirmwareFault(McuSlmError):  # noqa: N818 - a fault is what the core calls it
    """The firmware did something on which a real core faults."""

    exit_code = 6


class DeviceError(McuSlmError):
    """A board, probe or boot loader answered wrongly or not at all."""

    exit_code = 6


class ProofError(McuSlmError):
    """A leg of the proof differs, or there is no valid proof."""

    exit_code = 1


def missing_extra(package: str, extra: str, purpose: str) -> ToolError:
    """Return the error for an optional package that is not installed."""
    return ToolError(
        purpose,
        f"the Python package {package} is not installed",
        remedy=f"Install it with: pip install 'mcu-slm[{extra}]'",
        package=package,
        extra=extra,
    )
