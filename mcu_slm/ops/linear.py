"""What the operators that multiply by constant weights share.

Per-channel multipliers and the checks on weights and bias.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mcu_slm.ir import Tensor
from mcu_slm.ops.base import Constant, NodeView
from mcu_slm.quant import INT8_MAX, INT8_MIN, INT32_MAX, Multiplier, quantize_multiplier


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


def require_int32_sums(
    view: NodeView, weights: npt.NDArray[np.int8], bias: npt.NDArray[np.int32], zero_point: int
) -> None:
    """Check that no input can overflow an accumulator.

    Shapes: weights: [channels, ...]; bias: [channels].
    """
    reach = max(INT8_MAX - zero_point, zero_point - INT8_MIN)
    products = np.abs(weights.astype(np.int64)).reshape(len(weights), -1).sum(axis=1) * reach
    peak = int((products + np.abs(bias.astype(np.int64))).max())
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


def multiplier_arrays(
    multipliers: tuple[Multiplier, ...],
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int8]]:
    """Return mantissas and shifts as arrays."""
    return (
        np.array([m.multiplier for m in multipliers], np.int32),
        np.array([m.shift for m in multipliers], np.int8),
    )


def linear_constants(
    weights: npt.NDArray[Any],
    weights_comment: str,
    bias: npt.NDArray[np.int32],
    multipliers: tuple[Multiplier, ...],
) -> tuple[Constant, ...]:
    """Return weights, bias, multipliers and shifts as arrays of the generated code."""
    mantissas, shifts = multiplier_arrays(multipliers)
    return (
        Constant("weights", weights, True, weights_comment),
        Constant("bias", bias, True, "at scale input_scale * weight_scale"),
        Constant("multiplier", mantissas, False, "Q0.31 mantissa per output channel"),
        Constant("shift", shifts, False, "power of two per output channel, positive is left"),
    )


def exact_matmul(left: npt.NDArray[Any], right: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return an integer matrix product, computed in float64.

    Exact, because all sums stay far below 2^53.
    """
    product = left.astype(np.float64) @ right.astype(np.float64)
    return np.rint(product).astype(np.int64)
