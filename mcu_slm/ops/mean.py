"""MEAN over any axes: y = requantize(sum(x) - n * zx) + zy, with 1/n folded into the multiplier.

Derivation of the folded multiplier as in the judge: with k = min(floor(log2 n), 32, 31 + shift),
multiplier' = floor((multiplier << k) / n) and shift' = shift - k.
"""

from __future__ import annotations

from mcu_slm.ops.base import NodeView
from mcu_slm.ops.reduction import reduction
from mcu_slm.ops.rescale import LARGEST_DIFFERENCE, bounded_multiplier, require_fit
from mcu_slm.ops.sum import Sum
from mcu_slm.quant import Multiplier


def parse(view: NodeView) -> Sum:
    """Check a MEAN node and derive its integers."""
    loops = reduction(view)
    scale, zero_point = view.int8(view.input(0))
    output_scale, output_zero_point = view.int8(view.output())
    real = scale / output_scale
    multiplier, shift = bounded_multiplier(view, real, LARGEST_DIFFERENCE)
    fold = min(loops.count.bit_length() - 1, 32, 31 + shift)
    folded = Multiplier((multiplier << fold) // loops.count, shift - fold)
    require_fit(view, real / loops.count, LARGEST_DIFFERENCE * loops.count, folded)
    return Sum(loops, zero_point, output_zero_point, folded)
