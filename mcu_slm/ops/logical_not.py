"""LOGICAL_NOT: the other truth value of every element."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mcu_slm.ops.base import Activations, Arguments, NodeView, Operator
from mcu_slm.ops.folding import Fold, element_wise
from mcu_slm.ops.lookup import unary_tensors


@dataclass(frozen=True, eq=False)
class LogicalNot(Operator):
    """The other truth value of each of `count` elements."""

    kernels = ("logical_not_b8",)

    count: int

    def reference(self, inputs: Sequence[Activations]) -> list[Activations]:
        """Negate."""
        return [np.logical_not(inputs[0])]

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        source, target = arguments.inputs[0], arguments.outputs[0]
        return f"mcu_slm_logical_not_b8({self.count}, {source}, {target});"


def parse(view: NodeView) -> LogicalNot:
    """Check a LOGICAL_NOT node."""
    source, output = unary_tensors(view)
    view.expect_type(source, ("bool",))
    view.expect_type(output, ("bool",))
    return LogicalNot(source.element_count)


RUNS = ("bool",)
FOLD = Fold(("bool",), element_wise(np.logical_not, 1))
