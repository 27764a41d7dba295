"""Layers that differ in their last shift only get one shift, so that they share a kernel.

A smaller shift keeps fewer bits of the multipliers, so every change is proved anew; layers whose
proof fails keep a kernel of their own.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from mcu_slm.dsp.convolution import MatrixProduct
from mcu_slm.dsp.matrix import Matrix
from mcu_slm.dsp.rows import RowProducts
from mcu_slm.ops.base import Operator

_SHIFT = re.compile(r"_(short|signed|extra)_\d+")


def share_kernels(operators: Sequence[Operator]) -> tuple[Operator, ...]:
    """Return the layers with as few different kernels as the proofs allow."""
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for number, operator in enumerate(operators):
        if isinstance(operator, MatrixProduct | RowProducts):
            groups[_SHIFT.sub(r"_\1", operator.generated[0].name)].append(number)
    found = list(operators)
    for numbers in groups.values():
        least = min(_matrix(found[number]).shift for number in numbers)
        for number in numbers:
            operator = found[number]
            assert isinstance(operator, MatrixProduct | RowProducts)
            matrix = operator.matrix.with_shift(least)
            if matrix is not None and matrix.scale_step == operator.matrix.scale_step:
                found[number] = replace(operator, matrix=matrix)
    return tuple(found)


def _matrix(operator: Operator) -> Matrix:
    assert isinstance(operator, MatrixProduct | RowProducts)
    return operator.matrix
