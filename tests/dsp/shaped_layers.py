"""Layers of the shapes that some dsp kernels are for alone."""

from __future__ import annotations

import numpy as np

from mcu_slm.ir import Graph, GraphBuilder
from tests.models import merge
from tests.ops.builders import unary
from tests.ops.case import Case


def shaped() -> Graph:
    """Return a model: a 3x3 convolution of some size, whole images, a row's product."""
    b, rng = GraphBuilder(), np.random.default_rng(7)
    image = b.tensor("image", (1, 8, 8, 16), scale=0.02, zero_point=-128)
    data = rng.integers(-127, 128, (16, 3, 3, 16))
    weights = b.tensor("weights", data.shape, scale=0.004, data=data)
    wide = b.tensor("wide", (1, 8, 8, 16), scale=0.05, zero_point=-128)
    place = {"padding": "SAME", "stride_h": 1, "stride_w": 1, "fused_activation_function": "RELU"}
    b.node("CONV_2D", [image, weights], [wide], **place)
    mean = b.tensor("mean", (1, 1, 1, 16), scale=0.05, zero_point=-128)
    b.node(
        "AVERAGE_POOL_2D", [wide], [mean], **{**place, "padding": "VALID"},
        filter_height=8, filter_width=8,
    )  # fmt: skip
    filters = b.tensor(
        "filters", (1, 8, 8, 16), scale=0.004, data=rng.integers(-127, 128, (1, 8, 8, 16))
    )
    whole = b.tensor("whole", (1, 1, 1, 16), scale=0.4, zero_point=-128)
    valid = {**place, "padding": "VALID", "depth_multiplier": 1}
    b.node("DEPTHWISE_CONV_2D", [wide, filters], [whole], **valid)
    row = b.tensor("row", (1, 1, 1, 16), scale=0.05, zero_point=-128)
    matrix = b.tensor("matrix", (1, 1, 16, 8), scale=0.02, zero_point=3)
    product = b.tensor("product", (1, 1, 1, 8), scale=0.1, zero_point=4)
    b.node("RESHAPE", [mean], [row])
    b.node("BATCH_MATMUL", [row, matrix], [product], adj_x=False, adj_y=False)
    return b.build([image, matrix], [product, whole])


def with_room() -> Graph:
    """Return a model with softmaxes whose tables the arena has room for: outputs are gathered."""
    scales = (0.0611, 0.0147)
    return merge([softmax(scale).graph for scale in scales])


def softmax(scale: float) -> Case:
    """A softmax of many rows."""
    return unary("SOFTMAX", f"softmax {scale}", (1, 60, 37), (scale, 17), (1 / 256, -128), beta=1.0)
