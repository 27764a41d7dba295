"""ABS: y = requantize(|x - zx|) + zy, as a table; equal scales are not requantised at all.

Real multiplier: input scale / output scale, divided in float64.
"""

from __future__ import annotations

import numpy as np

from mcu_slm.ops.base import NodeView
from mcu_slm.ops.folding import Fold, element_wise
from mcu_slm.ops.lookup import INPUTS, Lookup, lookup, unary_tensors
from mcu_slm.ops.rescale import LARGEST_DIFFERENCE, bounded_multiplier
from mcu_slm.quant import requantize


def parse(view: NodeView) -> Lookup:
    """Check an ABS node and make its table."""
    source, output = unary_tensors(view)
    scale, zero_point = view.int8(source)
    output_scale, output_zero_point = view.int8(output)
    magnitude = np.abs(INPUTS - zero_point)
    if scale == output_scale:
        return lookup(source, magnitude + output_zero_point)
    multiplier = bounded_multiplier(view, scale / output_scale, LARGEST_DIFFERENCE)
    values = requantize(magnitude, multiplier.multiplier, multiplier.shift)
    return lookup(source, values + output_zero_point, multiplier)


FOLD = Fold(("float32",), element_wise(np.abs, 1))
