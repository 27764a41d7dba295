"""What the operators that multiply by constant weights share: y = clamp(requantize(acc) + zy).

An operator only forms acc = sum((x - zx) * w) + bias; weights, bias, the multiplier of each output
channel and the clamp are a `Linear`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from mcu_slm.ir import Tensor
from mcu_slm.ops.base import Constant, Int8, NodeView, Operator
from mcu_slm.quant import (
    INT8_MAX,
    INT8_MIN,
    INT32_MAX,
    Int64,
    Multiplier,
    quantize_multiplier,
    requantize,
    saturate_int8,
)

BLOCK, SMALL_BLOCK = 64, 16
"""MCU_SLM_BLOCK and MCU_SLM_SMALL_BLOCK of `kernels/sums.h`: outputs that are summed together."""


@dataclass(frozen=True, eq=False)
class Linear:
    """Weights of one layer and the way from its sums to int8.

    Shapes: bias int32 [O], one multiplier per output channel; the axes of the int8 weights are the
        operator's.
    """

    weights: npt.NDArray[np.int8]
    bias: npt.NDArray[np.int32]
    multipliers: tuple[Multiplier, ...]
    input_zero_point: int
    output_zero_point: int
    act_min: int
    act_max: int

    @property
    def outputs(self) -> int:
        """Number of output channels."""
        return len(self.bias)

    def centred(self, x: Int8) -> npt.NDArray[np.int16]:
        """Return x - zx."""
        return x.astype(np.int16) - np.int16(self.input_zero_point)

    def rescaled(self, accumulators: Int64) -> Int8:
        """Return sums [..., output channels] as output values."""
        scaled = requantize(accumulators, *self._multiplier_arrays())
        return saturate_int8(scaled + self.output_zero_point, self.act_min, self.act_max)

    def constants(self, weights: npt.NDArray[np.int8], axes: str) -> tuple[Constant, ...]:
        """Return weights, bias, multipliers and shifts as arrays of the generated code."""
        mantissas, shifts = self._multiplier_arrays()
        return (
            Constant("weights", weights, True, axes),
            Constant("bias", self.bias, True, "at scale input_scale * weight_scale"),
            Constant("multiplier", mantissas, False, "Q0.31 mantissa per output channel"),
            Constant("shift", shifts, False, "power of two per output channel, positive is left"),
        )

    def fields(self, constants: dict[str, str]) -> dict[str, object]:
        """Return the fields of the C parameter structs; `constants` names the arrays."""
        output = {
            "multiplier": constants["multiplier"],
            "shift": constants["shift"],
            "zero_point": self.output_zero_point,
            "act_min": self.act_min,
            "act_max": self.act_max,
        }
        lines = (f"        .{name} = {value}," for name, value in output.items())
        return {
            "input_zero_point": self.input_zero_point,
            "weights": constants["weights"],
            "bias": constants["bias"],
            "output": "\n".join(("{", *lines, "    }")),
        }

    def _multiplier_arrays(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int8]]:
        return (
            np.array([m.multiplier for m in self.multipliers], np.int32),
            np.array([m.shift for m in self.multipliers], np.int8),
        )


@dataclass(frozen=True, eq=False)
class LinearOperator(Operator):
    """An operator that multiplies by constant weights."""

    weight_axes: ClassVar[str]
    """The axes of the stored weights as the generated C describes them."""

    linear: Linear

    def stored_weights(self) -> npt.NDArray[np.int8]:
        """Return the weights in the order in which the kernel reads them."""
        return in_blocks(self.linear.weights)

    def constants(self) -> tuple[Constant, ...]:
        """Return weights, bias, multipliers and shifts."""
        return self.linear.constants(self.stored_weights(), self.weight_axes)

    def requantization(self) -> tuple[Multiplier, ...]:
        """Return one multiplier per output channel."""
        return self.linear.multipliers


def block_sizes(outputs: int) -> list[int]:
    """Return the sizes of blocks in `kernels/sums.h`: large ones, small ones, the rest."""
    large, others = divmod(outputs, BLOCK)
    small, rest = divmod(others, SMALL_BLOCK)
    return [BLOCK] * large + [SMALL_BLOCK] * small + [rest] * (rest > 0)


def in_blocks(weights: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Return weights in the order of `kernels/sums.h`: per block of outputs, [input][output].

    Shapes: weights: [outputs, *inputs] -> [*inputs, outputs] for one block, [blocks, *inputs,
        outputs] for blocks of one size, flat otherwise.
    """
    ends = np.cumsum(block_sizes(len(weights)))[:-1]
    blocks = [np.moveaxis(block, 0, -1) for block in np.split(weights, ends)]
    if len(blocks) == 1:
        return blocks[0]
    if len({block.shape for block in blocks}) == 1:
        return np.stack(blocks)
    return np.concatenate([block.reshape(-1) for block in blocks])


def linear(
    view: NodeView,
    source: Tensor,
    weights_tensor: Tensor,
    bias_tensor: Tensor | None,
    *,
    channel_axis: int = 0,
) -> Linear:
    """Check weights, bias and scales of a node and derive its integers.

    Args:
        view: The node; its one output gives the output scale and the clamp.
        source: The activation that the weights multiply.
        weights_tensor: The weights.
        bias_tensor: The bias, None where there is none.
        channel_axis: The axis of the weights that counts output channels.
    """
    weights, output = weights_of(view, weights_tensor), view.output()
    channels = weights.shape[channel_axis]
    act_min, act_max = view.activation_range(output)
    multipliers = channel_multipliers(view, source, weights_tensor, output, channels)
    bias = used_bias(bias_of(view, bias_tensor, channels), multipliers)
    input_zero_point = view.int8(source)[1]
    require_int32_sums(view, np.moveaxis(weights, channel_axis, 0), bias, input_zero_point)
    return Linear(
        weights,
        bias,
        multipliers,
        input_zero_point,
        view.int8(output)[1],
        act_min,
        act_max,
    )


def weights_of(view: NodeView, tensor: Tensor) -> npt.NDArray[np.int8]:
    """Return int8 weights that are symmetric (zero point 0), which the kernels rely on."""
    weights = view.constant(tensor, "int8")
    quantization = tensor.quantization
    if quantization is None:
        view.fail(f"{tensor.name} has no scale", "one, or one per channel")
    if any(quantization.zero_points):
        bad = next(z for z in quantization.zero_points if z)
        view.unsupported(
            f"{tensor.name}: zero_point is {bad}", "0", "Re-export with symmetric weights."
        )
    return weights


def bias_of(view: NodeView, tensor: Tensor | None, channels: int) -> npt.NDArray[np.int32]:
    """Return the int32 bias, zeros when it is omitted."""
    if tensor is None:
        return np.zeros(channels, np.int32)
    bias: npt.NDArray[np.int32] = view.constant(tensor, "int32").reshape(-1)
    view.require(len(bias) == channels, f"{tensor.name} has {len(bias)} entries", str(channels))
    return bias


def used_bias(
    bias: npt.NDArray[np.int32], multipliers: tuple[Multiplier, ...]
) -> npt.NDArray[np.int32]:
    """Return the bias with 0 where nothing depends on it.

    Training leaves dead channels behind: weights of almost nothing, a bias saturated at the end of
    32 bits, to which no product may be added, and a multiplier that is 0 in 32 bits. Whatever the
    sum, the output is the zero point.
    """
    dead = np.array([m.multiplier == 0 for m in multipliers])
    return np.where(dead, np.int32(0), bias)


def require_int32_sums(
    view: NodeView, weights: npt.NDArray[np.int8], bias: npt.NDArray[np.int32], zero_point: int
) -> None:
    """Check that no input can overflow an accumulator, in whatever order it is added up.

    Shapes: weights: [channels, ...]; bias: [channels].
    """
    rows = weights.reshape(len(weights), -1)
    raising = np.maximum(rows, 0).sum(axis=1, dtype=np.int64)
    lowering = np.minimum(rows, 0).sum(axis=1, dtype=np.int64)
    lowest, highest = INT8_MIN - zero_point, INT8_MAX - zero_point
    wide = bias.astype(np.int64)
    above = raising * highest + lowering * lowest + np.maximum(wide, 0)
    below = raising * lowest + lowering * highest + np.minimum(wide, 0)
    peak = int(max(above.max(), -below.min()))
    view.require(peak <= INT32_MAX, f"sums of up to {peak:,}", f"at most {INT32_MAX:,}")


def channel_multipliers(
    view: NodeView, source: Tensor, weights: Tensor, output: Tensor, channels: int
) -> tuple[Multiplier, ...]:
    """Return one multiplier per output channel.

    Float64(input scale) * float64(weight scale) / float64(output scale).
    """
    input_scale, _ = view.int8(source)
    output_scale, _ = view.int8(output)
    assert weights.quantization is not None
    scales = weights.quantization.scales
    if len(scales) not in (1, channels):
        view.fail(f"{weights.name} has {len(scales)} scales", f"1 or {channels}")
    multipliers = [
        view.multiplier(quantize_multiplier(input_scale * scale / output_scale)) for scale in scales
    ]
    return tuple(multipliers * channels if len(multipliers) == 1 else multipliers)


def exact_matmul(left: npt.NDArray[Any], right: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return an integer matrix product, computed in float64.

    Exact, because all sums stay far below 2^53.
    """
    product = left.astype(np.float64) @ right.astype(np.float64)
    return np.rint(product).astype(np.int64)
