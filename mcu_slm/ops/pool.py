"""What AVERAGE_POOL_2D and MAX_POOL_2D share: the window, the clamp and the C call.

No value is rescaled: input and output have one zero point and nearly one scale. Padding does not
take part, so a window at the border has fewer elements.
"""

from __future__ import annotations

from dataclasses import dataclass

from mcu_slm.ops.base import Arguments, NodeView, Operator, struct_call
from mcu_slm.ops.window import Window, require_rank_4, window_of

_SCALE_TOLERANCE = 1e-6
"""The judge accepts scales that differ by this much, absolutely, and treats them as equal."""


@dataclass(frozen=True, eq=False)
class Pool(Operator):
    """A pool over the two spatial axes of [batch, height, width, channels]."""

    window: Window
    batches: int
    channels: int
    act_min: int
    act_max: int

    @property
    def elements_per_window(self) -> int:
        """Output values of one inference."""
        return self.batches * self.window.output_pixels * self.channels

    @property
    def image_shape(self) -> tuple[int, int, int, int]:
        """The shape that joins windows and batches into one axis."""
        return (-1, self.window.height.input, self.window.width.input, self.channels)

    @property
    def output_shape(self) -> tuple[int, int, int, int, int]:
        """The shape of the result with its axis of windows."""
        height, width = self.window.height.output, self.window.width.output
        return (-1, self.batches, height, width, self.channels)

    def clearance(self, position: int) -> int:  # noqa: ARG002
        """Pixels are written in order, up to four channels at once after their window was read."""
        return self.window.clearance(self.batches, self.channels, self.channels, 1)

    def summary(self) -> str:
        """Return window and stride."""
        return self.window.summary()

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        kernel = self.kernels[0]
        fields: dict[str, object] = {
            "batches": self.batches,
            "channels": self.channels,
            **self.window.fields(),
            "act_min": self.act_min,
            "act_max": self.act_max,
        }
        return struct_call(
            f"mcu_slm_{kernel.removesuffix('_s8')}_t",
            f"mcu_slm_{kernel}",
            fields,
            [arguments.inputs[0], arguments.outputs[0]],
        )


def parse_pool(view: NodeView) -> tuple[Window, int, int, int, int]:
    """Check a pool and return window, batches, channels, act_min and act_max."""
    view.expect_count((1,))
    source, output = view.input(0), view.output()
    require_rank_4(view, {"input": source, "output": output})
    size = (view.option("filter_height"), view.option("filter_width"))
    window = window_of(view, source, size, dilated=False)
    batches, channels = source.shape[0], source.shape[3]
    expected = (batches, window.height.output, window.width.output, channels)
    view.require(output.shape == expected, f"output shape {output.shape}", str(expected))
    (scale, zero_point), (output_scale, output_zero_point) = view.int8(source), view.int8(output)
    if abs(scale - output_scale) > _SCALE_TOLERANCE or zero_point != output_zero_point:
        view.fail(
            f"{source.name} and {output.name} have different scales or zero points", "the same"
        )
    return window, batches, channels, *view.activation_range(output)
