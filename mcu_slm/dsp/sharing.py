"""Layers that differ in their last shift only get one shift, so that they share a kernel.

A smaller shift keeps fewer bits of the multipliers, so every change is proved anew; layers whose
proof fails keep a kernel of their own.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import TypeAlias

from mcu_slm.dsp.convolution import MatrixProduct
from mcu_slm.dsp.depthwise import Depthwise
from mcu_slm.dsp.rows import RowProducts
from mcu_slm.ops.base import Operator

Shifted: TypeAlias = MatrixProduct | RowProducts | Depthwise
"""Layers whose kernels are made for a last shift."""

_SHIFT = re.compile(r"_(short|signed|extra)_\d+")


def share_kernels(operators: Sequence[Operator]) -> tuple[Operator, ...]:
    """Return the layers with as few different kernels as the proofs allow."""
    groups: defaultdict[str, list[int]] = defaultdict(list)
    found = list(operators)
    for number, operator in enumerate(operators):
        if isinstance(operator, Shifted) and operator.generated:
            groups[_SHIFT.sub(r"_\1", operator.generated[0].name)].append(number)
    for numbers in groups.values():
        layers = [layer for number in numbers if isinstance(layer := found[number], Shifted)]
        least = min(layer.shift for layer in layers)
        for number, layer in zip(numbers, layers, strict=True):
            if layer.shift != least:
                found[number] = layer.with_shift(least) or layer
    return tuple(found)
