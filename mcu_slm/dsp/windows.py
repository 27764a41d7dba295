"""Whether a model needs code for windows with padding at all.

A convolution whose image is copied with padding around it may be one over rows of bytes, for which
the code is there anyway where there are other matrix products.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mcu_slm.costs import predict
from mcu_slm.dsp.convolution import Convolution, paddings
from mcu_slm.dsp.price import cycles_per_byte
from mcu_slm.ops.base import Operator

WINDOWS_BYTES = 1400
"""Code of what `dsp_quads` has for windows, about."""


def without_windows(operators: Sequence[Operator]) -> list[Operator]:
    """Return the layers over rows alone, if all can be and that costs less than the code."""
    found, more = list(operators), 0.0
    for number, layer in enumerate(operators):
        if not isinstance(layer, Convolution) or layer.row_step:
            continue
        way = replace(layer, is_padded=True)
        before, after = predict(layer), predict(way)
        if not way.row_step or True not in paddings(layer.plain, layer.tuning):
            return list(operators)
        if before is None or after is None:
            return list(operators)
        found[number] = way
        more += after.cycles - before.cycles
    return found if more < WINDOWS_BYTES * cycles_per_byte(operators) else list(operators)
