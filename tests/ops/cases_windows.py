"""Cases of the operators whose windows slide over two spatial axes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mcu_slm.ir import GraphBuilder
from tests.models import random_bias, random_weights
from tests.ops.case import Case, rng_of

Pair = tuple[int, int]
Shape4 = tuple[int, int, int, int]

SAME, VALID = {"padding": "SAME"}, {"padding": "VALID"}


def output_size(size: Pair, kernel: Pair, padding: str, stride: Pair, dilation: Pair) -> Pair:
    """Return height and width after a window, by the definition of the two paddings."""
    found = []
    for n, k, s, d in zip(size, kernel, stride, dilation, strict=True):
        reach = (k - 1) * d + 1
        found.append(-(-n // s) if padding == "SAME" else -(-(n - reach + 1) // s))
    return found[0], found[1]


def depthwise(
    name: str,
    shape: Shape4,
    kernel: Pair,
    multiplier: int = 1,
    *,
    padding: str = "VALID",
    stride: Pair = (1, 1),
    dilation: Pair = (1, 1),
    activation: str = "NONE",
    real: float = 0.004,
    zero_points: Pair = (-5, 3),
    peak: int = 127,
    per_channel: bool = True,
    axis: int = 3,
    bias: bool = True,
) -> Case:
    """A DEPTHWISE_CONV_2D. `axis` is what the file claims as the axis of the scales."""
    rng, b = rng_of("depthwise " + name), GraphBuilder()
    x = b.tensor("x", shape, scale=0.04, zero_point=zero_points[0])
    channels = shape[3] * multiplier
    scales = rng.uniform(0.002, 0.02, channels if per_channel else 1).astype(np.float32)
    data = rng.integers(-peak, peak + 1, (1, *kernel, channels))
    weights = b.tensor("weights", (1, *kernel, channels), scale=scales, axis=axis, data=data)
    inputs = [x, weights]
    if bias:
        inputs.append(random_bias(b, rng, channels, 0.04 * scales))
    size = output_size(shape[1:3], kernel, padding, stride, dilation)
    output_scale = 0.04 * float(scales.max()) / real
    y = b.tensor("y", (shape[0], *size, channels), scale=output_scale, zero_point=zero_points[1])
    b.node(
        "DEPTHWISE_CONV_2D", inputs, [y],
        padding=padding, stride_h=stride[0], stride_w=stride[1],
        dilation_h_factor=dilation[0], dilation_w_factor=dilation[1],
        depth_multiplier=multiplier, fused_activation_function=activation,
    )  # fmt: skip
    return Case(name, b.build([x], [y]))


def depthwise_cases() -> Iterator[Case]:
    """Depth multipliers, strides, dilation, both paddings, clamps, corners of quantisation."""
    yield depthwise("three by three", (1, 5, 6, 7), (3, 3), padding="SAME")
    yield depthwise("one channel in, eight out", (1, 9, 8, 1), (4, 3), 8, stride=(2, 2), **SAME)
    yield depthwise("multiplier 3, odd", (1, 4, 5, 3), (2, 3), 3, activation="RELU")
    yield depthwise("dilated, same", (1, 9, 7, 3), (3, 3), dilation=(2, 3), **SAME)
    yield depthwise("dilated, valid", (1, 9, 8, 2), (3, 2), 2, dilation=(3, 2), stride=(1, 2))
    yield depthwise("uneven stride", (2, 7, 9, 2), (3, 2), stride=(2, 3), activation="RELU6")
    yield depthwise("window beyond input", (1, 2, 2, 2), (5, 7), **SAME)
    yield depthwise("dilated beyond input", (1, 3, 2, 2), (3, 3), dilation=(4, 5), **SAME)
    yield depthwise("per tensor", (1, 4, 4, 5), (3, 3), per_channel=False, axis=0, real=0.01)
    yield depthwise("one value", (1, 1, 1, 1), (1, 1), bias=False)
    yield depthwise("saturated", (1, 3, 3, 4), (2, 2), real=0.5, zero_points=(-128, 127))
    yield depthwise("left shift", (1, 2, 3, 3), (1, 1), 2, real=3.7, peak=1, bias=False)
    yield depthwise(
        "zero points 127, -128", (1, 4, 4, 3), (2, 2), zero_points=(127, -128), **SAME,
        activation="RELU_N1_TO_1",
    )  # fmt: skip
    yield depthwise("blocks of channels", (1, 3, 4, 64 + 64 + 3), (2, 3), **SAME)
    yield depthwise("blocks of a channel's filters", (1, 2, 3, 2), (2, 2), 64 + 16 + 3, **SAME)
    rng = rng_of("random depthwise convolutions")
    for number in range(6):
        yield _random_depthwise(f"random {number}", rng)


def _random_depthwise(name: str, rng: np.random.Generator) -> Case:
    kernel = (int(rng.integers(1, 5)), int(rng.integers(1, 5)))
    dilation = (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
    height, width = (
        (k - 1) * d + 1 + int(rng.integers(0, 5)) for k, d in zip(kernel, dilation, strict=True)
    )
    return depthwise(
        name,
        (1, height, width, int(rng.integers(1, 6))),
        kernel,
        int(rng.integers(1, 4)),
        padding=str(rng.choice(["SAME", "VALID"])),
        stride=(int(rng.integers(1, 4)), int(rng.integers(1, 4))),
        dilation=dilation,
        activation=str(rng.choice(["NONE", "RELU", "RELU6", "RELU_N1_TO_1"])),
        real=float(10 ** rng.uniform(-3.5, -1.5)),
        zero_points=(int(rng.integers(-128, 128)), int(rng.integers(-128, 128))),
        per_channel=bool(rng.integers(2)),
        bias=bool(rng.integers(2)),
    )


def pool(
    op: str,
    name: str,
    shape: Shape4,
    window: Pair,
    stride: Pair,
    *,
    padding: str = "VALID",
    activation: str = "NONE",
    quantization: tuple[float, int] = (0.05, -7),
    output_scale: float | None = None,
) -> Case:
    """A pool. The judge takes scales of input and output that differ by at most 1e-6."""
    b = GraphBuilder()
    scale, zero_point = quantization
    x = b.tensor("x", shape, scale=scale, zero_point=zero_point)
    size = output_size(shape[1:3], window, padding, stride, (1, 1))
    y = b.tensor(
        "y", (shape[0], *size, shape[3]), scale=output_scale or scale, zero_point=zero_point
    )
    b.node(
        op, [x], [y],
        padding=padding, stride_h=stride[0], stride_w=stride[1],
        filter_height=window[0], filter_width=window[1], fused_activation_function=activation,
    )  # fmt: skip
    return Case(name, b.build([x], [y]))


def pool_cases(op: str) -> Iterator[Case]:
    """Padding that is not counted, even and odd counts, overlap, gaps, clamps."""
    yield pool(op, "two by two", (1, 4, 6, 3), (2, 2), (2, 2))
    yield pool(op, "same, border windows", (1, 5, 7, 3), (3, 3), (2, 2), padding="SAME")
    yield pool(op, "same, even window", (1, 5, 5, 2), (2, 4), (1, 1), padding="SAME")
    yield pool(op, "whole image", (1, 6, 5, 9), (6, 5), (6, 5))
    yield pool(op, "gaps", (1, 9, 8, 1), (2, 1), (3, 4), activation="RELU")
    yield pool(op, "one value", (1, 3, 2, 4), (1, 1), (1, 1), activation="RELU6")
    yield pool(op, "beyond input", (1, 2, 3, 2), (7, 8), (1, 2), padding="SAME")
    yield pool(op, "two batches", (2, 3, 4, 1), (2, 3), (1, 1), activation="RELU_N1_TO_1")
    yield pool(op, "zero point 127", (1, 4, 4, 2), (3, 2), (1, 2), quantization=(0.01, 127))
    yield pool(
        op, "nearly equal scales", (1, 4, 4, 2), (2, 2), (2, 2), activation="RELU6",
        quantization=(0.05, -128), output_scale=0.0500009,
    )  # fmt: skip


def pad(
    op: str,
    name: str,
    shape: tuple[int, ...],
    widths: tuple[int, ...],
    value: int | None = None,
    zero_point: int = -7,
) -> Case:
    """A PAD or PADV2; `value` adds the third input."""
    b = GraphBuilder()
    x = b.tensor("x", shape, scale=0.05, zero_point=zero_point)
    inputs = [x, b.tensor("widths", (len(shape), 2), "int32", data=widths)]
    if value is not None:
        inputs.append(b.tensor("value", (1,), scale=0.05, zero_point=zero_point, data=value))
    output = tuple(n + widths[2 * i] + widths[2 * i + 1] for i, n in enumerate(shape))
    y = b.tensor("y", output, scale=0.05, zero_point=zero_point)
    b.node(op, inputs, [y])
    return Case(name, b.build([x], [y]))


def pad_cases(op: str) -> Iterator[Case]:
    """Ranks 1 to 5, every axis, no padding, both ends of int8."""
    value = None if op == "PAD" else 99
    yield pad(op, "image", (1, 3, 4, 2), (0, 0, 1, 2, 3, 0, 0, 0), value)
    yield pad(op, "all axes", (2, 3, 1, 2), (1, 0, 0, 2, 1, 1, 2, 1), value, zero_point=127)
    yield pad(op, "vector", (5,), (2, 3), value, zero_point=-128)
    yield pad(op, "five axes", (1, 2, 1, 3, 2), (0, 1, 1, 0, 0, 0, 2, 1, 1, 1), value)
    yield pad(op, "nothing", (1, 4), (0, 0, 0, 0), value)
    yield pad(op, "other form", (1, 4, 3), (0, 0, 1, 1, 0, 0), 5 if op == "PAD" else None)


def blocks(
    op: str,
    name: str,
    image: tuple[int, ...],
    block: tuple[int, ...],
    border: tuple[int, ...],
    zero_point: int = 0,
) -> Case:
    """A SPACE_TO_BATCH_ND of `image`, or the BATCH_TO_SPACE_ND that gives it."""
    b = GraphBuilder()
    tiled = [image[0] * int(np.prod(block))]
    for axis, size in enumerate(block):
        tiled.append((image[axis + 1] + border[2 * axis] + border[2 * axis + 1]) // size)
    shapes = [image, (*tiled, image[-1])]
    if op == "BATCH_TO_SPACE_ND":
        shapes.reverse()
    x = b.tensor("x", shapes[0], scale=0.05, zero_point=zero_point)
    sizes = b.tensor("block", (len(block),), "int32", data=block)
    widths = b.tensor("border", (len(block), 2), "int32", data=border)
    y = b.tensor("y", shapes[1], scale=0.05, zero_point=zero_point)
    b.node(op, [x, sizes, widths], [y])
    return Case(name, b.build([x], [y]))


def blocks_cases(op: str) -> Iterator[Case]:
    """Rank 3 and 4, uneven blocks, borders on each side, several batches."""
    yield blocks(op, "two by two", (1, 4, 6, 3), (2, 2), (0, 0, 0, 0))
    yield blocks(op, "borders", (1, 3, 4, 2), (2, 3), (1, 2, 0, 2))
    yield blocks(op, "several batches", (3, 2, 2, 1), (1, 4), (0, 0, 1, 1))
    yield blocks(op, "rank 3", (2, 5, 3), (3,), (1, 0))
    yield blocks(op, "single blocks", (1, 2, 3, 2), (1, 1), (0, 0, 0, 0))
    yield blocks(op, "border that is not zero", (1, 4, 3, 2), (3, 2), (2, 0, 0, 1), zero_point=-41)


def transpose_conv(
    name: str,
    shape: Shape4,
    kernel: Pair,
    channels: int,
    *,
    stride: Pair = (2, 2),
    padding: str = "SAME",
    more: Pair = (0, 0),
    activation: str = "NONE",
    real: float = 0.004,
    zero_points: Pair = (-5, 3),
    per_channel: bool = True,
    bias: bool = True,
) -> Case:
    """A TRANSPOSE_CONV. `more` is added to the output size, which strides leave open."""
    rng, b = rng_of("transposed " + name), GraphBuilder()
    size = [
        (n - 1) * s + (1 if padding == "SAME" else k) + m
        for n, s, k, m in zip(shape[1:3], stride, kernel, more, strict=True)
    ]
    output = (shape[0], *size, channels)
    x = b.tensor("x", shape, scale=0.04, zero_point=zero_points[0])
    weight_shape = (channels, *kernel, shape[3])
    weights, scales = random_weights(b, rng, weight_shape, per_channel=per_channel)
    inputs = [b.tensor("size", (4,), "int32", data=output), weights, x]
    if bias:
        inputs.append(random_bias(b, rng, channels, 0.04 * scales))
    output_scale = 0.04 * float(scales.max()) / real
    y = b.tensor("y", output, scale=output_scale, zero_point=zero_points[1])
    b.node(
        "TRANSPOSE_CONV", inputs, [y],
        padding=padding, stride_h=stride[0], stride_w=stride[1],
        fused_activation_function=activation,
    )  # fmt: skip
    return Case(name, b.build([x], [y]))


def transpose_conv_cases() -> Iterator[Case]:
    """Overlap and gaps, both paddings, every output size that a stride leaves open."""
    yield transpose_conv("same", (1, 3, 4, 3), (3, 3), 5, more=(1, 1))
    yield transpose_conv("same, smaller output", (1, 3, 4, 2), (4, 3), 3, activation="RELU")
    yield transpose_conv("valid", (1, 2, 3, 2), (3, 2), 4, padding="VALID", activation="RELU6")
    yield transpose_conv(
        "valid, larger output", (1, 2, 3, 2), (2, 4), 1, padding="VALID", more=(1, 1)
    )
    yield transpose_conv(
        "gaps", (1, 2, 2, 1), (1, 2), 2, stride=(3, 4), padding="VALID", more=(2, 3)
    )
    yield transpose_conv("large and small blocks", (1, 2, 2, 3), (3, 2), 64 + 16 + 3)
    yield transpose_conv("stride 1", (2, 4, 3, 3), (3, 3), 2, stride=(1, 1), bias=False)
    yield transpose_conv("one row", (1, 1, 7, 4), (1, 5), 3, stride=(1, 3), more=(0, 2), real=0.02)
    yield transpose_conv(
        "saturated", (1, 3, 2, 6), (3, 3), 3, real=0.3, zero_points=(127, -128), per_channel=False
    )
    yield transpose_conv(
        "clamped", (1, 2, 2, 3), (2, 2), 3, zero_points=(-128, 127), activation="RELU_N1_TO_1"
    )


def resize(
    op: str, name: str, shape: Shape4, size: Pair, corners: bool = False, half_pixel: bool = False
) -> Case:
    """A resize to `size`."""
    b = GraphBuilder()
    x = b.tensor("x", shape, scale=0.05, zero_point=-7)
    wanted = b.tensor("size", (2,), "int32", data=size)
    y = b.tensor("y", (shape[0], *size, shape[3]), scale=0.05, zero_point=-7)
    b.node(op, [x, wanted], [y], align_corners=corners, half_pixel_centers=half_pixel)
    return Case(name, b.build([x], [y]))


def resize_cases(op: str) -> Iterator[Case]:
    """Larger and smaller, by whole factors and others, in every alignment."""
    alignments = [(False, False), (True, False), (False, True)]
    if op == "RESIZE_NEAREST_NEIGHBOR":
        alignments.append((True, True))
    for corners, half_pixel in alignments:
        for shape, size in [
            ((1, 3, 4, 2), (6, 8)),
            ((1, 7, 5, 3), (3, 4)),
            ((2, 3, 2, 1), (7, 9)),
            ((1, 1, 1, 2), (3, 4)),
            ((1, 5, 6, 1), (1, 1)),
            ((1, 2, 37, 1), (2, 53)),
        ]:
            name = f"{shape} to {size}, corners {corners}, half pixel {half_pixel}"
            yield resize(op, name, shape, size, corners, half_pixel)
