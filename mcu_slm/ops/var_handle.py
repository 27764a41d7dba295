"""VAR_HANDLE: gives a variable's name to the layers that read or assign it; nothing is computed.

The variable is a place in the generated code's state, known when it is compiled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mcu_slm.ops.base import Activations, Arguments, NodeView, Operator

RUNS = ()
NOTE = "names a variable, no code"


@dataclass(frozen=True, eq=False)
class Nothing(Operator):
    """A layer without values: it says something about variables, and no byte moves."""

    activations = ()

    fact: str

    def reference(self, inputs: Sequence[Activations]) -> list[Activations]:  # noqa: ARG002
        """Return no values."""
        return []

    def call(self, arguments: Arguments) -> str:  # noqa: ARG002 - part of the interface
        """Return nothing to do."""
        return ""

    def summary(self) -> str:
        """Return what the layer says."""
        return self.fact


def parse(view: NodeView) -> Nothing:
    """Check a VAR_HANDLE node; the reader has checked the name."""
    view.expect_count((0,))
    return Nothing(f"variable {view.option('shared_name')}")
