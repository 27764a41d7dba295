"""MIRROR_PAD: elements before and after along every axis, mirrored from inside the tensor.

REFLECT does not repeat the element at the edge, SYMMETRIC does. At most five axes; no more elements
than there are to mirror: the judge does not check.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mcu_slm.ops.base import Arguments, Int8, NodeView, Operator, struct_call
from mcu_slm.ops.strided_copy import expect_rank, expect_shape

MAX_RANK = 5
_MODES = {"REFLECT": "reflect", "SYMMETRIC": "symmetric"}


@dataclass(frozen=True, eq=False)
class MirrorPad(Operator):
    """A copy into a larger tensor whose border mirrors the inside."""

    kernels = ("mirror_pad_s8",)

    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]
    mode: str

    def reference(self, inputs: Sequence[Int8]) -> list[Int8]:
        """Pad behind the axis of windows."""
        widths = [(0, 0), *zip(self.before, self.after, strict=True)]
        padded: Int8 = np.pad(inputs[0], widths, mode=_MODES[self.mode])  # type: ignore[call-overload]
        return [padded]

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call, with axes of length 1 in front up to five."""
        missing = MAX_RANK - len(self.input_shape)

        def braces(fill: int, values: tuple[int, ...]) -> str:
            return "{ " + ", ".join(map(str, (*(fill,) * missing, *values))) + " }"

        fields: dict[str, object] = {
            "input_lengths": braces(1, self.input_shape),
            "output_lengths": braces(1, self.output_shape),
            "before": braces(0, self.before),
            "skipped": int(self.mode == "REFLECT"),
        }
        places = [arguments.inputs[0], arguments.outputs[0]]
        return struct_call("mcu_slm_mirror_pad_t", "mcu_slm_mirror_pad_s8", fields, places)

    def summary(self) -> str:
        """Return the widths."""
        return f"before {list(self.before)}, after {list(self.after)}, {self.mode}"


def parse(view: NodeView) -> MirrorPad:
    """Check a MIRROR_PAD node."""
    view.expect_count((2,))
    source, output, named = view.input(0), view.output(), view.input(1)
    view.same_quantization(source, output)
    rank = expect_rank(view, source, MAX_RANK)
    view.require(rank > 0, "a scalar", "one axis or more")
    widths = view.constant(named, "int64" if named.dtype == "int64" else "int32")
    view.require(widths.shape == (rank, 2), f"widths of shape {list(widths.shape)}", f"[{rank}, 2]")
    mode = view.option("mode")
    before, after = (tuple(int(n) for n in widths[:, side]) for side in (0, 1))
    for axis, length in enumerate(source.shape):
        most = length - (mode == "REFLECT")
        view.require(
            min(before[axis], after[axis]) >= 0 and max(before[axis], after[axis]) <= most,
            f"axis {axis}: widths {before[axis]} and {after[axis]} of {length} elements",
            f"0 to {most}",
        )
    sizes = zip(before, source.shape, after, strict=True)
    expect_shape(view, output, [b + n + a for b, n, a in sizes])
    return MirrorPad(source.shape, output.shape, before, after, mode)
