"""Operators over images without weights: pools, padding, blocks, resizing."""

from __future__ import annotations

import math

import numpy as np

from tests.prove.draft import Draft, Value
from tests.prove.families.pairs import ACTIVATIONS
from tests.prove.families.weighted import image, placed
from tests.prove.numbers import FINEST, MOST_ELEMENTS

_SCALE_TOLERANCE = 1e-6
_ONE = 1 << 10
"""The judge's positions when it resizes have 10 bits behind the point."""


def pool(d: Draft, op: str) -> None:
    """Scales of input and output may differ by 1e-6, which is nothing or a lot."""
    source = image(d, lambda v: v.scale > FINEST)
    batches, height, width, channels = source.shape
    kernel, options, size = placed(d, (height, width), dilated=False)
    scale = source.scale
    if d.chance(0.15):
        scale = float(np.float32(max(scale + d.rng.uniform(-0.9, 0.9) * _SCALE_TOLERANCE, FINEST)))
    activation = d.pick(ACTIVATIONS)
    output = d.output(
        op, (batches, *size, channels), (scale, source.zero_point), activation in {"RELU", "RELU6"}
    )
    d.node(
        op, [source.number], [output], filter_height=kernel[0], filter_width=kernel[1],
        fused_activation_function=activation, **options,
    )  # fmt: skip


def pad(d: Draft, op: str) -> None:
    """PAD and PADV2 run alike; either may bring a value."""
    source = d.take(range(1, 6))
    widths: list[int] = []
    size = source.count
    for n in source.shape:
        before, after = (d.between(0, 3) if d.chance(0.4) else 0 for _ in range(2))
        if size // n * (n + before + after) > MOST_ELEMENTS:
            before = after = 0
        size = size // n * (n + before + after)
        widths += [before, after]
    padded = zip(source.shape, widths[::2], widths[1::2], strict=True)
    shape = tuple(n + before + after for n, before, after in padded)
    inputs = [source.number, d.constant(np.reshape(widths, (-1, 2)))]
    valued = op == "PADV2" or d.chance(0.1)
    if valued:
        value = d.pick([-128, 127, source.zero_point, d.between(-128, 127)])
        scale, zero_point = source.quantized
        one = d.pick([(), (1,)])
        inputs.append(d.constant(np.full(one, value), "int8", scale=scale, zero_point=zero_point))
    positive = source.at_least_zero and not valued
    d.node(op, inputs, [d.output(op, shape, source.quantized, positive)])


def space_to_batch_nd(d: Draft, op: str) -> None:
    """A border that completes whole blocks; it gets the byte 0, whatever the zero point."""
    source = d.take((3, 4), lambda v: v.count <= MOST_ELEMENTS // 4)
    block, border, tile = [], [], []
    for n in source.shape[1:-1]:
        size = d.between(1, 3)
        before = d.between(0, 2)
        after = -(n + before) % size + (size if d.chance(0.2) else 0)
        if before + after > n + 2:
            before, after = 0, -n % size
        block.append(size)
        border += [before, after]
        tile.append((n + before + after) // size)
    shape = (source.shape[0] * math.prod(block), *tile, source.shape[-1])
    inputs = [source.number, d.vector(block), d.constant(np.reshape(border, (-1, 2)))]
    d.node(op, inputs, [d.output(op, shape, source.quantized)])


def batch_to_space_nd(d: Draft, op: str) -> None:
    """The batches in blocks of some divisors of theirs, the plane cropped to one pixel or more."""
    source = d.take((3, 4))
    left = source.shape[0]
    block, border, size = [], [], []
    for n in source.shape[1:-1]:
        chosen = d.pick([b for b in range(1, left + 1) if left % b == 0 and b <= 4])
        left //= chosen
        before = d.between(0, min(2, n * chosen - 1))
        after = d.between(0, min(2, n * chosen - 1 - before))
        block.append(chosen)
        border += [before, after]
        size.append(n * chosen - before - after)
    inputs = [source.number, d.vector(block), d.constant(np.reshape(border, (-1, 2)))]
    shape = (left, *size, source.shape[-1])
    d.node(op, inputs, [d.output(op, shape, source.quantized, source.at_least_zero)])


def resize(d: Draft, op: str) -> None:
    bilinear = op == "RESIZE_BILINEAR"
    source = image(d)
    batches, *size, channels = source.shape
    corners, half_pixel = d.pick(
        [
            (False, False),
            (True, False),
            (False, True),
            (bilinear, not bilinear),
            (True, not bilinear),
        ]
    )
    most = max(1, MOST_ELEMENTS // (batches * channels))
    target: list[int] = []
    for n in size:
        longest = max(1, min(20, most // (target[0] if target else 1)))
        wanted = d.between(1, longest)
        while bilinear and not _inside(n, wanted, corners, half_pixel):
            wanted = d.between(1, longest)
        target.append(wanted)
    inputs = [source.number, d.vector(target)]
    shape = (batches, *target, channels)
    output = d.output(op, shape, source.quantized, source.at_least_zero)
    d.node(op, inputs, [output], align_corners=corners, half_pixel_centers=half_pixel)


def _inside(size: int, output: int, corners: bool, half_pixel: bool) -> bool:
    """Return whether the judge's rounded steps end inside the input."""
    whole, steps = (size - 1, output - 1) if corners and output > 1 else (size, output)
    step = (_ONE * whole + steps // 2) // steps
    last = (output - 1) * step + (step // 2 - _ONE // 2 if half_pixel else 0)
    return max(last, 0) // _ONE < size


def space_to_depth(d: Draft, op: str) -> None:
    def blocks(value: Value) -> list[int]:
        return [b for b in (2, 3, 4, 1) if not value.shape[1] % b and not value.shape[2] % b]

    source = image(d, lambda v: blocks(v) != [1] or d.chance(0.1))
    size = d.pick(blocks(source))
    batches, rows, columns, channels = source.shape
    shape = (batches, rows // size, columns // size, channels * size * size)
    output = d.output(op, shape, source.quantized, source.at_least_zero)
    d.node(op, [source.number], [output], block_size=size)


def depth_to_space(d: Draft, op: str) -> None:
    def blocks(value: Value) -> list[int]:
        return [b for b in (2, 3, 1) if value.shape[3] % (b * b) == 0]

    source = image(d, lambda v: blocks(v) != [1] or d.chance(0.1))
    size = d.pick(blocks(source))
    batches, rows, columns, channels = source.shape
    shape = (batches, rows * size, columns * size, channels // size // size)
    output = d.output(op, shape, source.quantized, source.at_least_zero)
    d.node(op, [source.number], [output], block_size=size)


MAKERS = {
    "AVERAGE_POOL_2D": pool,
    "BATCH_TO_SPACE_ND": batch_to_space_nd,
    "DEPTH_TO_SPACE": depth_to_space,
    "MAX_POOL_2D": pool,
    "PAD": pad,
    "PADV2": pad,
    "RESIZE_BILINEAR": resize,
    "RESIZE_NEAREST_NEIGHBOR": resize,
    "SPACE_TO_BATCH_ND": space_to_batch_nd,
    "SPACE_TO_DEPTH": space_to_depth,
}
