"""TEMPLATE: y = x, element by element. State the formula, the rounding and what the judge does.

Real multiplier: say which scales, in which precision.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mcu_slm.ops.base import Arguments, Int8, NodeView, Operator, struct_call
from mcu_slm.ops.lookup import unary_tensors

# RUNS = ("int8 -> bool",)   where the types are not int8 in and int8 out
# FOLD = Fold(("int32",), element_wise(np.abs, 1))   where constants take part in shape arithmetic
# NOTE = "constant axis only"   one remark for the table of operators


@dataclass(frozen=True, eq=False)
class Template(Operator):
    """The layer, reduced to integers: everything that `reference` and the C call need."""

    kernels = ("template_s8",)

    count: int

    def reference(self, inputs: Sequence[Int8]) -> list[Int8]:
        """Return the output in NumPy, byte for byte the judge's; the first axis is windows."""
        return [inputs[0].copy()]

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        fields: dict[str, object] = {"count": self.count}
        places = [arguments.inputs[0], arguments.outputs[0]]
        return struct_call("mcu_slm_template_t", "mcu_slm_template_s8", fields, places)


def parse(view: NodeView) -> Template:
    """Check a TEMPLATE node: whatever the judge would misread must be refused by name."""
    source, output = unary_tensors(view)
    view.same_quantization(source, output)
    return Template(source.element_count)
