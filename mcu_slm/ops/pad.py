"""PAD: elements before and after along every axis, with the value that stands for zero.

At most five axes, as in the judge.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mcu_slm.ops.base import Arguments, Int8, NodeView, Operator, struct_call
from mcu_slm.ops.features import Features, copied, filled

MAX_RANK = 5


@dataclass(frozen=True, eq=False)
class Pad(Operator):
    """A copy into a larger tensor full of `value`. `before` and `after` are elements per axis."""

    kernels = ("pad_s8",)

    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]
    value: int

    def reference(self, inputs: Sequence[Int8]) -> list[Int8]:
        """Pad behind the axis of windows."""
        widths = [(0, 0), *zip(self.before, self.after, strict=True)]
        return [np.pad(inputs[0], widths, constant_values=np.int8(self.value))]

    def _loops(self) -> list[tuple[int, int]]:
        """Return (length, step in the output) of each loop, the runs that are copied last."""
        loops: list[tuple[int, int]] = []
        for length, step in zip(self.input_shape, self._steps(), strict=True):
            if loops and loops[-1][1] == length * step:  # this axis is not padded: a longer run
                loops[-1] = (loops[-1][0] * length, step)
            else:
                loops.append((length, step))
        return loops

    def _steps(self) -> list[int]:
        return [math.prod(self.output_shape[axis + 1 :]) for axis in range(len(self.input_shape))]

    def features(self) -> Features:
        """Return the bytes that are filled, and the runs that are copied over them."""
        *outer, (count, _) = self._loops()
        runs = math.prod(length for length, _ in outer)
        return filled(1, math.prod(self.output_shape)) | copied(runs, count)

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call, with axes of length 1 in front up to five."""
        offset = sum(step * n for step, n in zip(self._steps(), self.before, strict=True))
        loops = self._loops()
        loops = [(1, 0)] * (MAX_RANK - len(loops)) + loops
        lengths, output_steps = zip(*loops, strict=True)
        fields: dict[str, object] = {
            "lengths": "{ " + ", ".join(map(str, lengths)) + " }",
            "output_steps": "{ " + ", ".join(map(str, output_steps)) + " }",
            "offset": offset,
            "output_count": int(np.prod(self.output_shape, dtype=np.int64)),
            "value": self.value,
        }
        return struct_call(
            "mcu_slm_pad_t", "mcu_slm_pad_s8", fields, [arguments.inputs[0], arguments.outputs[0]]
        )

    def summary(self) -> str:
        """Return the widths and the value."""
        return f"before {list(self.before)}, after {list(self.after)}, value {self.value}"


def parse(view: NodeView) -> Pad:
    """Check a PAD or PADV2 node; the judge runs both alike, a third input is the value."""
    view.expect_count((2, 3))
    source, output = view.input(0), view.output()
    rank = len(source.shape)
    if not 1 <= rank <= MAX_RANK:
        view.unsupported(f"rank {rank}", f"1 to {MAX_RANK}")
    widths = view.constant(view.input(1), "int32").reshape(-1).tolist()
    view.require(len(widths) == 2 * rank, f"{len(widths)} widths", f"two per axis, {2 * rank}")
    view.require(min(widths) >= 0, f"widths {widths}", "none below 0")
    before, after = tuple(widths[::2]), tuple(widths[1::2])
    expected = tuple(b + n + a for b, n, a in zip(before, source.shape, after, strict=True))
    view.require(output.shape == expected, f"output shape {output.shape}", str(expected))
    view.int8(source)
    value = view.int8(output)[1]
    filler = view.optional_input(2)
    if filler is not None:
        view.same_quantization(filler, output)
        given = view.constant(filler, "int8").reshape(-1)
        view.require(len(given) == 1, f"{len(given)} values to pad with", "one")
        value = int(given[0])
    return Pad(source.shape, output.shape, before, after, value)
