"""READ_VARIABLE: y = the variable's values, as the last assignment or the start left them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mcu_slm.ops.base import Arguments, Int8, NodeView, Operator
from mcu_slm.ops.features import Features
from mcu_slm.ops.joined_rows import copied_rows
from mcu_slm.ops.state import variable_of


@dataclass(frozen=True, eq=False)
class CopiedState(Operator):
    """Bytes copied out of a state, or into it: `reference` and `call` know which by what they get.

    Reading gets the state alone, assigning the new values and the state.
    """

    kernels = ("copy_rows_s8",)
    states = (0,)

    byte_count: int
    assigns: bool

    @property
    def activations(self) -> tuple[int, ...]:  # type: ignore[override]
        """The values to assign; none are read."""
        return (1,) if self.assigns else ()

    def reference(self, inputs: Sequence[Int8]) -> list[Int8]:
        """Return the output of a read, then the state."""
        return [inputs[0]] if self.assigns else [inputs[0], inputs[0]]

    def features(self) -> Features:
        """Return one row and its bytes."""
        return copied_rows(1, [self.byte_count])

    def call(self, arguments: Arguments) -> str:
        """Return one copy: rows, bytes per row, source step, target step."""
        source, state = arguments.inputs[0], arguments.inputs[-1]
        target = state if self.assigns else arguments.outputs[0]
        size = self.byte_count
        return f"mcu_slm_copy_rows_s8(1, {size}, {source}, {size}, {target}, {size});"


def parse(view: NodeView) -> CopiedState:
    """Check a READ_VARIABLE node."""
    view.expect_count((1,))
    variable_of(view, view.output())
    return CopiedState(view.output().byte_count, assigns=False)
