"""RESHAPE: no byte moves; the memory plan gives input and output one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mcu_slm.ops.base import Arguments, Int8, NodeView, Operator


@dataclass(frozen=True, eq=False)
class Reshape(Operator):
    """Another shape for the same bytes."""

    output_shape: tuple[int, ...]

    def reference(self, inputs: Sequence[Int8]) -> list[Int8]:
        """Return the same bytes in the new shape."""
        return [inputs[0].reshape((inputs[0].shape[0], *self.output_shape))]

    def call(self, arguments: Arguments) -> str:  # noqa: ARG002 - part of the interface
        """Return nothing to do: input and output share their place."""
        return ""


def parse(view: NodeView) -> Reshape:
    """Check a RESHAPE node; the output tensor's shape decides, as in the judge."""
    view.expect_count((1, 2))
    source, output = view.input(0), view.output()
    view.require(
        source.element_count == output.element_count,
        f"shape {list(source.shape)} to {list(output.shape)}",
        "the same number of elements",
    )
    return same_bytes(view)


def same_bytes(view: NodeView) -> Reshape:
    """Return the operator for an output that has the bytes of input 0 in another shape."""
    source, output = view.input(0), view.output()
    view.require_int8(source, output)
    if source.data is not None:
        view.unsupported(
            "a constant is reshaped", "an activation", "Fold the constant when exporting."
        )
    return Reshape(output.shape)
