"""ELU: y = x where x >= 0, else exp(x) - 1, as a table made in float32 as the judge makes its own.

The exponential is rounded to float32 once. C libraries may be one unit in the last place off, which
shows only where a value lies that close to the middle between two bytes.
"""

from __future__ import annotations

import numpy as np

from mcu_slm.ops.base import NodeView
from mcu_slm.ops.lookup import INPUTS, Lookup, lookup, unary_tensors
from mcu_slm.quant import INT32_MAX


def parse(view: NodeView) -> Lookup:
    """Check an ELU node and make its table."""
    source, output = unary_tensors(view)
    scale, zero_point = view.int8(source)
    output_scale, output_zero_point = view.int8(output)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        inverse_scale = np.float32(1.0) / np.float32(output_scale)
        x = np.float32(scale) * (INPUTS - zero_point).astype(np.float32)
        exponential = np.exp(np.minimum(x, 0.0).astype(np.float64)).astype(np.float32)
        y = np.where(x < 0.0, exponential - np.float32(1.0), x) * inverse_scale
        rounded = np.copysign(np.floor(np.abs(y.astype(np.float64)) + 0.5), y)
        quantized = rounded.astype(np.float32) + np.float32(output_zero_point)
    view.require(
        bool(np.all(np.abs(quantized) < INT32_MAX)),
        f"output scale {output_scale!r} for input scale {scale!r}",
        "a larger one",
    )
    return lookup(source, quantized.astype(np.int64))
