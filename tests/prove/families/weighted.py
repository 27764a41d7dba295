"""Operators that multiply by constant weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from tests.prove.draft import Draft, Value
from tests.prove.families.pairs import ACTIVATIONS
from tests.prove.numbers import MOST_ELEMENTS, Shape

Pair = tuple[int, int]


class Weights:
    """Random weights with scales, and the bias beside them. `axis` counts output channels."""

    def __init__(self, d: Draft, source: Value, shape: Shape, axis: int) -> None:
        data = d.weights(shape)
        self._channels = shape[axis]
        self.scales = d.weight_scales(self._channels)
        claimed = axis if len(self.scales) > 1 else d.between(0, len(shape) - 1)
        self.number = d.constant(data, "int8", scale=self.scales, axis=claimed)
        rows = np.abs(np.moveaxis(data, axis, 0).astype(np.int64)).reshape(self._channels, -1)
        reach = max(127 - source.zero_point, source.zero_point + 128)
        self._products: npt.NDArray[np.int64] = rows.sum(axis=1) * reach
        self._input_scale = source.scale
        sums = np.moveaxis(data, axis, 0).astype(np.int64).reshape(self._channels, -1).sum(axis=1)
        self._middles = -sums * source.zero_point
        self.usual = 73.0 * max(float(np.sqrt((rows.astype(float) ** 2).sum(axis=1)).max()), 1.0)

    @property
    def middle(self) -> float:
        """Where the sums of a typical channel lie, in steps of the largest one."""
        share = self.scales.astype(np.float64) / float(self.scales.max())
        return float(np.median(self._middles * share))

    @property
    def unit(self) -> float:
        """What one step of the largest channel's sum stands for."""
        return self._input_scale * float(self.scales.max())

    def bias(self, d: Draft, *, may_differ: bool) -> int:
        """Return a bias tensor; `may_differ`: its scale may be another one."""
        scale = np.maximum(self.scales.astype(np.float64) * self._input_scale, 1e-37)
        data = d.bias(self._products)
        self._middles = self._middles + data
        if may_differ and d.chance(0.1):  # it takes no part in the arithmetic
            return d.constant(data, "int32", scale=d.pick([None, d.scale()]))
        return d.constant(data, "int32", scale=scale.astype(np.float32))


def _finish(
    d: Draft, op: str, inputs: list[int], weights: Weights, shape: Shape, **options
) -> None:
    """Add the node with an output scale that suits its sums."""
    target = d.output_quantized(weights.unit, weights.usual, weights.middle)
    activation = d.pick(ACTIVATIONS)
    positive = activation in {"RELU", "RELU6"}
    output = d.output(op, shape, target, positive)
    d.node(op, inputs, [output], fused_activation_function=activation, **options)


def _biased(
    d: Draft,
    inputs: list[int],
    weights: Weights,
    *,
    may_list: bool = True,
    may_differ: bool = True,
) -> list[int]:
    """Return the inputs with a bias, without one, or with one that is listed and left out."""
    if d.chance(0.7):
        return [*inputs, weights.bias(d, may_differ=may_differ)]
    return [*inputs, -1] if may_list and d.chance(0.5) else inputs


def _channels(d: Draft, most: int, usual: int = 17) -> int:
    """Return a few output channels, now and then enough for blocks of every size."""
    limit = usual if d.chance(0.9) else 64 + 16 + 16 + 3
    return d.between(1, max(1, min(limit, most)))


def fully_connected(d: Draft, op: str) -> None:
    source = d.take(range(1, 7))
    divisors = [n for n in range(1, source.count + 1) if source.count % n == 0]
    depth = source.shape[-1] if d.chance(0.8) else d.pick(divisors)
    rows = source.count // depth
    channels = _channels(d, MOST_ELEMENTS // rows)
    weights = Weights(d, source, (channels, depth), 0)
    kept = depth == source.shape[-1] and d.chance(0.4)
    shape = (*source.shape[:-1], channels) if kept else (rows, channels)
    inputs = _biased(d, [source.number, weights.number], weights, may_differ=False)
    _finish(d, op, inputs, weights, shape, keep_num_dims=kept)


def image(d: Draft, wanted: Callable[[Value], bool] = lambda _: True) -> Value:
    """Return an image [batch, height, width, channels]."""
    return d.take((4,), wanted)


def placed(d: Draft, size: Pair, *, dilated: bool) -> tuple[Pair, dict[str, object], Pair]:
    """Return a window, its options and the output's size, for an input of `size`."""
    padding = d.pick(["SAME", "VALID"])
    options: dict[str, object] = {"padding": padding}
    kernel, output = [], []
    for letter, n in zip("hw", size, strict=True):
        dilation = d.pick([1, 1, 1, 2, 3]) if dilated else 1
        longest = 5 if padding == "SAME" else (n - 1) // dilation + 1
        taps = d.between(1, min(longest, 5))
        stride = d.pick([1, 1, 2, 3, 4])
        reach = (taps - 1) * dilation + 1
        options[f"stride_{letter}"] = stride
        if dilated:
            options[f"dilation_{letter}_factor"] = dilation
        kernel.append(taps)
        output.append(-(-n // stride) if padding == "SAME" else -(-(n - reach + 1) // stride))
    return (kernel[0], kernel[1]), options, (output[0], output[1])


def conv_2d(d: Draft, op: str) -> None:
    source = image(d)
    batches, height, width, depth = source.shape
    kernel, options, size = placed(d, (height, width), dilated=True)
    groups = d.pick([n for n in range(1, depth + 1) if depth % n == 0]) if d.chance(0.25) else 1
    channels = groups * _channels(d, MOST_ELEMENTS // (batches * size[0] * size[1] * groups))
    weights = Weights(d, source, (channels, *kernel, depth // groups), 0)
    inputs = _biased(d, [source.number, weights.number], weights)
    _finish(d, op, inputs, weights, (batches, *size, channels), **options)


def depthwise_conv_2d(d: Draft, op: str) -> None:
    source = image(d)
    batches, height, width, depth = source.shape
    kernel, options, size = placed(d, (height, width), dilated=True)
    most = MOST_ELEMENTS // (batches * size[0] * size[1] * depth)
    multiplier = _channels(d, most, 4) if d.chance(0.5) else 1
    channels = depth * multiplier
    weights = Weights(d, source, (1, *kernel, channels), 3)
    inputs = _biased(d, [source.number, weights.number], weights, may_list=False)
    options["depth_multiplier"] = multiplier
    _finish(d, op, inputs, weights, (batches, *size, channels), **options)


def transpose_conv(d: Draft, op: str) -> None:
    """The output may have any of the sizes that a stride leaves open."""
    source = image(d, lambda v: v.count <= MOST_ELEMENTS // 4)
    batches, *size, depth = source.shape
    padding = d.pick(["SAME", "VALID"])
    kernel, stride, output = [], [], []
    for n in size:
        k, s = d.between(1, 4), d.pick([1, 2, 2, 3])
        lowest = (n - 1) * s + (1 if padding == "SAME" else k)
        kernel.append(k)
        stride.append(s)
        output.append(lowest + d.between(0, s - 1))
    channels = _channels(d, MOST_ELEMENTS // (batches * output[0] * output[1]), 9)
    weights = Weights(d, source, (channels, *kernel, depth), 0)
    shape = (batches, *output, channels)
    inputs = _biased(d, [d.vector(shape), weights.number, source.number], weights, may_list=False)
    options = {"padding": padding, "stride_h": stride[0], "stride_w": stride[1]}
    _finish(d, op, inputs, weights, shape, **options)


MAKERS = {
    "CONV_2D": conv_2d,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d,
    "FULLY_CONNECTED": fully_connected,
    "TRANSPOSE_CONV": transpose_conv,
}
