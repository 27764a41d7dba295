"""DEPTHWISE_CONV_2D whose window is the whole image: `kernels/dsp/dsp_depthwise_whole.c`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mcu_slm.dsp.depthwise_numbers import numbers_of
from mcu_slm.dsp.packing import PackedRescaling
from mcu_slm.dsp.specialized import Specialized
from mcu_slm.ops.base import Arguments, Constant, struct_call
from mcu_slm.ops.depthwise_conv_2d import DepthwiseConv2D
from mcu_slm.ops.features import Features

_AT_A_TIME = 4


@dataclass(frozen=True, eq=False)
class WholeDepthwise(Specialized):
    """One output per channel."""

    kernels = ("dsp_depthwise_whole",)

    form: str
    rescaling: PackedRescaling

    @property
    def _weights(self) -> np.ndarray[tuple[int, ...], np.dtype[np.int8]]:
        """Weights, 0 for channels that never change. Shape: [taps, channels]."""
        weights = self.plain.linear.weights * (~self.rescaling.is_constant).astype(np.int8)
        return np.ascontiguousarray(weights.reshape(-1, weights.shape[-1]))

    def constants(self) -> tuple[Constant, ...]:
        """Return weights, biases and the numbers of the rescaling."""
        linear, weights = self.plain.linear, self._weights
        bias = self.rescaling.biases(linear.bias.astype(np.int64))
        bias = bias - linear.input_zero_point * weights.sum(axis=0, dtype=np.int64)
        what = "a word per channel (dsp_rescale.h), then the numbers of those without"
        return (
            Constant("weights", weights, True, "[tap][channel]"),
            Constant("bias", bias.astype(np.int32), True, "bias"),
            Constant("scale", self.rescaling.table(), False, what),
        )

    def clearance(self, position: int) -> int:  # noqa: ARG002
        """Four outputs are written when all inputs of their channels were read: upon the first."""
        return 0

    def features(self) -> Features:
        """Return the channels, four at a time, their taps, and how they become int8."""
        taps, channels = self._weights.shape
        return {
            "fours": channels // _AT_A_TIME,
            "four_taps": channels // _AT_A_TIME * taps,
            f"channels_{self.form}": channels,
        }

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        linear, constants = self.plain.linear, arguments.constants
        taps, channels = self._weights.shape
        fields: dict[str, object] = {
            "weights": constants["weights"],
            "bias": constants["bias"],
            "scale": constants["scale"],
            "middle": self.rescaling.middle,
            "scale_step": int(not self.rescaling.is_uniform),
            "taps": taps,
            "channels": channels,
            "act_min": linear.act_min,
            "act_max": linear.act_max,
            "shift": self.rescaling.shift,
            "is_signed": "true" if self.form == "signed" else "false",
        }
        return struct_call(
            "mcu_slm_dsp_depthwise_whole_t",
            "mcu_slm_dsp_depthwise_whole",
            fields,
            [arguments.inputs[0], arguments.outputs[0]],
        )


def of_whole_image(plain: DepthwiseConv2D) -> WholeDepthwise | None:
    """Return the layer for this kernel, None where its window is less than the image."""
    linear, axes = plain.linear, (plain.window.height, plain.window.width)
    is_whole = all(
        (axis.kernel, axis.pad, axis.dilation, axis.output) == (axis.input, 0, 1, 1)
        for axis in axes
    )
    fits = plain.batches == 1 and plain.depth_multiplier == 1 and linear.outputs % _AT_A_TIME == 0
    numbers = numbers_of(linear) if is_whole and fits else None
    return None if numbers is None else WholeDepthwise(plain, *numbers)
