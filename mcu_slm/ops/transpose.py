"""TRANSPOSE: reorders axes; output axis i is input axis permutation[i].

At most five axes, as in the judge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mcu_slm.ops.base import Arguments, Int8, NodeView, Operator, struct_call

MAX_RANK = 5


@dataclass(frozen=True, eq=False)
class Transpose(Operator):
    """A permutation of axes."""

    kernels = ("transpose_s8",)

    permutation: tuple[int, ...]
    input_shape: tuple[int, ...]

    def reference(self, inputs: Sequence[Int8]) -> list[Int8]:
        """Permute behind the axis of windows."""
        return [inputs[0].transpose((0, *(axis + 1 for axis in self.permutation)))]

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call: loop lengths in output order, and the input step of each."""
        steps = np.cumprod([1, *self.input_shape[:0:-1]])[::-1]
        missing = MAX_RANK - len(self.permutation)
        lengths = [1] * missing + [self.input_shape[axis] for axis in self.permutation]
        input_steps = [0] * missing + [int(steps[axis]) for axis in self.permutation]
        fields: dict[str, object] = {
            "lengths": "{ " + ", ".join(map(str, lengths)) + " }",
            "input_steps": "{ " + ", ".join(map(str, input_steps)) + " }",
        }
        return struct_call(
            "mcu_slm_transpose_t",
            "mcu_slm_transpose_s8",
            fields,
            [arguments.inputs[0], arguments.outputs[0]],
        )

    def summary(self) -> str:
        """Return the permutation."""
        return f"axes {list(self.permutation)}"


def parse(view: NodeView) -> Transpose:
    """Check a TRANSPOSE node."""
    view.expect_count((2,))
    source, output = view.input(0), view.output()
    permutation = tuple(int(a) for a in view.constant(view.input(1), "int32").reshape(-1))
    rank = len(source.shape)
    view.require(
        sorted(permutation) == list(range(rank)), f"permutation {permutation}", f"of {rank} axes"
    )
    if rank > MAX_RANK:
        view.unsupported(f"rank {rank}", f"at most {MAX_RANK}")
    expected = tuple(source.shape[axis] for axis in permutation)
    view.require(output.shape == expected, f"output shape {output.shape}", str(expected))
    view.same_quantization(source, output)
    return Transpose(permutation, source.shape)
