"""SUM over any axes: y = requantize(sum(x) - n * zx) + zy.

Real multiplier: input scale / output scale, in float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mcu_slm.ops.base import Arguments, Int8, NodeView, Operator, struct_call
from mcu_slm.ops.features import Features, unrolled
from mcu_slm.ops.reduction import Reduction, reduction
from mcu_slm.ops.rescale import LARGEST_DIFFERENCE, bounded_multiplier
from mcu_slm.quant import Multiplier, requantize, saturate_int8


@dataclass(frozen=True, eq=False)
class Sum(Operator):
    """A sum of differences from the zero point, requantised."""

    kernels = ("sum_s8",)

    loops: Reduction
    input_zero_point: int
    output_zero_point: int
    output: Multiplier

    def reference(self, inputs: Sequence[Int8]) -> list[Int8]:
        """Sum and requantise."""
        total = (self.loops.gathered(inputs[0]) - self.input_zero_point).sum(axis=-1)
        return [saturate_int8(requantize(total, *self.output) + self.output_zero_point)]

    def requantization(self) -> tuple[Multiplier, ...]:
        """Return the multiplier of the sums."""
        return (self.output,)

    def clearance(self, position: int) -> int:  # noqa: ARG002
        """Outputs are written in order, up to four at once after all they are made of was read."""
        return self.loops.clearance()

    def features(self) -> Features:
        """Return sums, four side by side or one by one, and what they add up."""
        (_, _, (length, step)) = ((1, 0),) * (3 - len(self.loops.kept)) + self.loops.kept
        outer = self.loops.outputs // max(length, 1)
        fours = length // 4 if step == 1 else 0
        ones = length - 4 * fours
        inner, inner_step = self.loops.reduced[-1] if self.loops.reduced else (1, 0)
        runs = self.loops.count // max(inner, 1)
        found: Features = {"rows": outer}
        if fours:
            found |= {
                "fours": outer * fours,
                "four_runs": outer * fours * runs,
                "four_addends": outer * fours * self.loops.count,
            }
        if ones and inner_step == 1:
            found |= {"ones": outer * ones, **unrolled("run", outer * ones * runs, inner)}
            found |= {"one_runs": outer * ones * runs}
        elif ones:
            found |= {
                "ones": outer * ones,
                "one_runs": outer * ones * runs,
                "one_addends": outer * ones * self.loops.count,
            }
        return found

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        fields: dict[str, object] = {
            **self.loops.fields(),
            "bias": -self.loops.count * self.input_zero_point,
            "output_zero_point": self.output_zero_point,
            "multiplier": self.output.multiplier,
            "shift": self.output.shift,
        }
        return struct_call(
            "mcu_slm_sum_t", "mcu_slm_sum_s8", fields, [arguments.inputs[0], arguments.outputs[0]]
        )

    def summary(self) -> str:
        """Return the axes."""
        return f"axes {list(self.loops.axes)}"


def parse(view: NodeView) -> Sum:
    """Check a SUM node and derive its integers."""
    loops = reduction(view)
    scale, zero_point = view.int8(view.input(0))
    output_scale, output_zero_point = view.int8(view.output())
    largest = LARGEST_DIFFERENCE * loops.count
    multiplier = bounded_multiplier(view, scale / output_scale, largest)
    return Sum(loops, zero_point, output_zero_point, multiplier)
