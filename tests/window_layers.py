"""The operators with windows as a stretch of a larger network."""

from __future__ import annotations

import numpy as np

from mcu_slm.ir import GraphBuilder


def window_layers(b: GraphBuilder, rng: np.random.Generator, image: int) -> int:
    """Return layers over [1, 1, 8, 8] that keep shape and quantisation."""
    keep = {"shape": (1, 1, 8, 8), "scale": 0.06, "zero_point": -9}
    place = {"padding": "SAME", "stride_w": 1, "stride_h": 1, "fused_activation_function": "NONE"}
    scale = rng.uniform(0.004, 0.008, 8).astype(np.float32)
    data = rng.integers(-127, 128, (1, 1, 3, 8))
    weights = b.tensor("depthwise_weights", (1, 1, 3, 8), scale=scale, axis=3, data=data)
    deep = b.tensor("depthwise", **keep)
    dilated = {"depth_multiplier": 1, "dilation_w_factor": 2, "dilation_h_factor": 1}
    b.node("DEPTHWISE_CONV_2D", [image, weights], [deep], **place, **dilated)
    for op in ("MAX_POOL_2D", "AVERAGE_POOL_2D"):
        pooled = b.tensor(op.lower(), **keep)
        b.node(op, [deep], [pooled], **place, filter_width=2, filter_height=1)
        deep = pooled
    return _up_and_down(b, rng, _there_and_back(b, deep))


def _there_and_back(b: GraphBuilder, image: int) -> int:
    """Return the image padded, dealt out to batches, put together and cropped."""
    like = {"scale": 0.06, "zero_point": -9}
    wider = b.tensor("padded", (1, 1, 10, 8), **like)
    widths = b.tensor("widths", (4, 2), "int32", data=[0, 0, 0, 0, 1, 1, 0, 0])
    b.node("PAD", [image, widths], [wider])
    widest = b.tensor("padded_again", (1, 1, 12, 8), **like)
    value = b.tensor("value", (1,), **like, data=3)
    b.node("PADV2", [wider, widths, value], [widest])
    block = b.tensor("block", (2,), "int32", data=[1, 2])
    borders = [b.tensor(f"border{n}", (2, 2), "int32", data=[0, 0, n, n]) for n in (0, 2)]
    tiles = b.tensor("tiles", (2, 1, 6, 8), **like)
    b.node("SPACE_TO_BATCH_ND", [widest, block, borders[0]], [tiles])
    whole = b.tensor("whole", (1, 1, 8, 8), **like)
    b.node("BATCH_TO_SPACE_ND", [tiles, block, borders[1]], [whole])
    return whole


def _up_and_down(b: GraphBuilder, rng: np.random.Generator, image: int) -> int:
    """Return the image stretched by each resize and brought back, then convolved backwards."""
    like = {"scale": 0.06, "zero_point": -9}
    for op, width in (("RESIZE_BILINEAR", 12), ("RESIZE_NEAREST_NEIGHBOR", 8)):
        size = b.tensor(f"size{width}", (2,), "int32", data=[1, width])
        resized = b.tensor(op.lower(), (1, 1, width, 8), **like)
        b.node(op, [image, size], [resized], align_corners=False, half_pixel_centers=True)
        image = resized
    shape = b.tensor("shape", (4,), "int32", data=[1, 1, 8, 8])
    scale = rng.uniform(0.002, 0.004, 8).astype(np.float32)
    weights = b.tensor(
        "backward_weights", (8, 1, 3, 8), scale=scale, data=rng.integers(-127, 128, (8, 1, 3, 8))
    )
    y = b.tensor("backward", (1, 1, 8, 8), **like)
    options = {"padding": "SAME", "stride_w": 1, "stride_h": 1}
    b.node("TRANSPOSE_CONV", [shape, weights, image], [y], **options)
    return y
