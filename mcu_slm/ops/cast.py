"""CAST: every element as a number of another type; scale and zero point play no part.

Integers that do not fit wrap around. Real numbers are cut to integers and saturate; what is not a
number becomes 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mcu_slm.ops.base import Activations, Arguments, NodeView, Operator, struct_call
from mcu_slm.ops.elements import C_NAMES
from mcu_slm.ops.folding import Array, Fold, values
from mcu_slm.ops.lookup import unary_tensors
from mcu_slm.ops.support import entry

SOURCES = ("int8", "int16", "int32", "float32", "bool")
TARGETS = ("int8", "int16", "int32", "float32")


@dataclass(frozen=True, eq=False)
class Cast(Operator):
    """Elements of one type to another."""

    kernels = ("cast",)

    count: int
    input_dtype: str
    output_dtype: str

    def reference(self, inputs: Sequence[Activations]) -> list[Activations]:
        """Wrap, or cut and saturate."""
        return [_cast(inputs[0], self.output_dtype)]

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        fields: dict[str, object] = {
            "count": self.count,
            "input_type": C_NAMES[self.input_dtype],
            "output_type": C_NAMES[self.output_dtype],
        }
        places = [arguments.inputs[0], arguments.outputs[0]]
        return struct_call("mcu_slm_cast_t", "mcu_slm_cast", fields, places)


def parse(view: NodeView) -> Cast:
    """Check a CAST node."""
    source, output = unary_tensors(view)
    view.expect_type(source, SOURCES)
    view.expect_type(output, TARGETS)
    return Cast(source.element_count, source.dtype, output.dtype)


def _cast(x: Array, dtype: str) -> Array:
    if x.dtype != np.float32 or dtype == "float32":
        return x.astype(dtype)
    bounds = np.iinfo(dtype)
    wide = np.nan_to_num(x.astype(np.float64), nan=0.0)
    return np.clip(np.trunc(wide), bounds.min, bounds.max).astype(dtype)


def _evaluate(view: NodeView) -> Sequence[Array]:
    operator = parse(view)
    return [_cast(values(view)[0], operator.output_dtype)]


RUNS = tuple(entry(source, target) for source in SOURCES for target in TARGETS)
FOLD = Fold(SOURCES, _evaluate)
