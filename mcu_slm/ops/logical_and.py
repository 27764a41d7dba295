"""LOGICAL_AND of two truth values, with broadcasting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mcu_slm.ops.base import Activations, Arguments, NodeView, Operator, struct_call
from mcu_slm.ops.broadcast import Broadcast, broadcast
from mcu_slm.ops.folding import Fold, element_wise


@dataclass(frozen=True, eq=False)
class Logical(Operator):
    """Both, or `either`, of two truth values."""

    kernels = ("logical_b8",)
    activations: ClassVar[tuple[int, ...]] = (0, 1)

    loops: Broadcast
    either: bool

    def reference(self, inputs: Sequence[Activations]) -> list[Activations]:
        """Combine."""
        first, second = (self.loops.aligned(x) != 0 for x in inputs)
        return [np.logical_or(first, second) if self.either else np.logical_and(first, second)]

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        fields: dict[str, object] = {**self.loops.fields(), "either": int(self.either)}
        places = [*arguments.inputs, arguments.outputs[0]]
        return struct_call("mcu_slm_logical_t", "mcu_slm_logical_b8", fields, places)


def parse(view: NodeView) -> Logical:
    """Check a LOGICAL_AND node."""
    return parse_logical(view, either=False)


def parse_logical(view: NodeView, either: bool) -> Logical:
    """Check a LOGICAL_AND or LOGICAL_OR node."""
    view.expect_count((2,))
    first, second, output = view.input(0), view.input(1), view.output()
    for tensor in (first, second, output):
        view.expect_type(tensor, ("bool",))
    return Logical(broadcast(view, first.shape, second.shape, output.shape), either)


RUNS = ("bool",)
FOLD = Fold(("bool",), element_wise(np.logical_and, 2))
