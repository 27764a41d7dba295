"""What an operator module supports, as the module itself declares it.

Three attributes, all optional: `RUNS`, the element types that have a kernel, as `int8` or as
`int8 -> int32` where the output has another type; `FOLD`, for constants; and `NOTE`, one remark for
the table of operators.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from mcu_slm.ops.base import NodeView, Operator
from mcu_slm.ops.folding import Fold

ARROW = " -> "


@dataclass(frozen=True)
class Support:
    """Types at run time, how constants are folded, and a remark."""

    runs: tuple[str, ...]
    fold: Fold | None
    note: str

    @property
    def run_inputs(self) -> tuple[str, ...]:
        """The types of the input that counts, at run time."""
        return tuple(dict.fromkeys(entry.partition(ARROW)[0] for entry in self.runs))

    @property
    def folds(self) -> tuple[str, ...]:
        """The types of constants that are folded."""
        return () if self.fold is None else self.fold.types

    def subject(self, operator: Operator) -> int:
        """Return the position of the input whose type counts."""
        return operator.activations[0] if self.fold is None else self.fold.subject

    def check(self, view: NodeView, operator: Operator) -> None:
        """Check that a parsed node computes with types that have a kernel.

        A node that reads no activation (VAR_HANDLE, READ_VARIABLE) has checked its own output.

        Raises:
            UnsupportedOperatorError: They have none.
        """
        if self.fold is None and not operator.activations:
            return
        view.expect_type(view.input(self.subject(operator)), self.run_inputs)


def support_of(module: ModuleType) -> Support:
    """Return what a module declares; int8 at run time and nothing else unless it says so."""
    return Support(
        getattr(module, "RUNS", ("int8",)),
        getattr(module, "FOLD", None),
        getattr(module, "NOTE", ""),
    )


def entry(source: str, target: str) -> str:
    """Return how `RUNS` writes a pair of types."""
    return source if source == target else source + ARROW + target
