"""CONV_2D: y = clamp(requantize(sum((x - zx) * w) + bias) + zy).

Input [batch, height, width, channels], weights [output, height, width, channels per group]: with
fewer weight channels than input channels the layer falls into groups, each of which sees its own
input channels. Padding has the value zx.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcu_slm.ops.base import Arguments, Int8, NodeView, struct_call
from mcu_slm.ops.features import Features, block_outputs, block_products, joined, taps_inside
from mcu_slm.ops.linear import LinearOperator, block_sizes, exact_matmul, in_blocks, linear
from mcu_slm.ops.window import (
    Window,
    in_chunks,
    require_channel_axis,
    require_rank_4,
    window_of,
)


@dataclass(frozen=True, eq=False)
class Conv2D(LinearOperator):
    """A convolution reduced to integers. Shapes: weights int8 [O, KH, KW, C/G], bias int32 [O]."""

    kernels = ("conv_2d_s8",)
    weight_axes = "[block of outputs][row][column][input channel][output]"

    window: Window
    groups: int
    batches: int

    @property
    def macs(self) -> int:
        """Products with padding counted, as is usual."""
        return self.batches * self.window.output_pixels * int(self.linear.weights.size)

    def reference(self, inputs: Sequence[Int8]) -> list[Int8]:
        """Convolve and requantise."""
        patch = self.linear.weights[0].size * self.groups
        per_window = self.batches * self.window.output_pixels * patch
        return [in_chunks(inputs[0], per_window, self._requantize)]

    def _requantize(self, x: Int8) -> Int8:
        y = self.linear.rescaled(self.accumulators([x]))
        height, width = self.window.height, self.window.width
        return y.reshape((-1, self.batches, height.output, width.output, self.linear.outputs))

    def accumulators(self, inputs: Sequence[Int8]) -> npt.NDArray[np.int64]:
        """Gather patches and multiply by the weights of each group: [pixels, output channels]."""
        height, width = self.window.height, self.window.width
        depth = self.linear.weights.shape[3]
        shape = (-1, height.input, width.input, depth * self.groups)
        centred = self.linear.centred(inputs[0].reshape(shape))
        patches = np.stack([values for _, _, values in self.window.taps(centred, 0)], axis=3)
        # Axes: pixels, taps, groups, channels of a group.
        patches = patches.reshape(-1, height.kernel * width.kernel, self.groups, depth)
        filters = self.linear.weights.reshape(self.groups, -1, self.linear.weights[0].size)
        sums = [
            exact_matmul(patches[:, :, g].reshape(len(patches), -1), filters[g].T)
            for g in range(self.groups)
        ]
        joined: npt.NDArray[np.int64] = np.concatenate(sums, axis=1) + self.linear.bias
        return joined

    def clearance(self, position: int) -> int:  # noqa: ARG002
        """Pixels are written in order, by blocks of channels."""
        outputs, last = self.linear.outputs, block_sizes(self.linear.outputs // self.groups)[-1]
        channels = self.linear.weights.shape[3] * self.groups
        return self.window.clearance(self.batches, channels, outputs, last)

    def stored_weights(self) -> npt.NDArray[np.int8]:
        """Return blocks of filters, group by group."""
        if self.groups == 1:
            return in_blocks(self.linear.weights)
        groups = np.split(self.linear.weights, self.groups)
        return np.concatenate([in_blocks(group).reshape(-1) for group in groups])

    def summary(self) -> str:
        """Return window, stride and groups."""
        return self.window.summary() + (f", {self.groups} groups" if self.groups > 1 else "")

    def features(self) -> Features:
        """Return pixels, blocks of filters, and runs of inputs for each row of taps."""
        rows, columns = taps_inside(self.window)
        height, width = self.window.height, self.window.width
        depth, per_group = self.linear.weights.shape[3], self.linear.outputs // self.groups
        joins = self.groups == 1 and width.dilation == 1
        runs: Counter[int] = Counter()
        for taps in columns:
            runs[taps * depth if joins else depth] += min(taps, 1) if joins else taps
        outside = (height.kernel * height.output - sum(rows)) * width.output
        outside += (width.kernel * width.output - sum(columns)) * height.output
        pixels = self.batches * self.window.output_pixels
        groups = self.batches * self.groups
        return joined(
            {"pixels": pixels, "taps_outside": self.batches * outside},
            block_outputs(per_group, pixels * self.groups),
            *(
                block_products(
                    per_group, groups * height.output * n, groups * sum(rows) * n, length
                )
                for length, n in runs.items()
            ),
        )

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        fields: dict[str, object] = {
            "batches": self.batches,
            "input_channels": self.linear.weights.shape[3] * self.groups,
            "groups": self.groups,
            "filters_per_group": self.linear.outputs // self.groups,
            "kernel_channels": self.linear.weights.shape[3],
            **self.window.fields(),
            **self.window.dilations(),
            **self.linear.fields(arguments.constants),
        }
        return struct_call(
            "mcu_slm_conv_2d_t",
            "mcu_slm_conv_2d_s8",
            fields,
            [arguments.inputs[0], arguments.outputs[0]],
        )


def parse(view: NodeView) -> Conv2D:
    """Check a CONV_2D node and derive its integers."""
    view.expect_count((2, 3))
    source, weights_tensor, output = view.input(0), view.input(1), view.output()
    require_rank_4(view, {"input": source, "weights": weights_tensor, "output": output})
    require_channel_axis(view, weights_tensor)
    channels, *kernel, depth = weights_tensor.shape
    groups = _groups(view, source.shape[3], depth, channels)
    window = window_of(view, source, (kernel[0], kernel[1]))
    expected = (source.shape[0], window.height.output, window.width.output, channels)
    view.require(output.shape == expected, f"output shape {output.shape}", str(expected))
    found = linear(view, source, weights_tensor, view.optional_input(2))
    return Conv2D(found, window, groups, source.shape[0])


def _groups(view: NodeView, inputs: int, depth: int, outputs: int) -> int:
    """Return the number of groups; the judge would read past an uneven one."""
    even = depth >= 1 and inputs % depth == 0 and outputs % (inputs // depth) == 0
    view.require(
        even,
        f"{inputs} input channels, {outputs} filters over {depth} channels each",
        "filters in equal groups that cover the input channels",
    )
    return inputs // depth
