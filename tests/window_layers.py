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
    return deep
