"""Kernels for cores with DSP instructions (Cortex-M4, M7, M33), specialised by shape.

`specialize` replaces an operator by one that gives the same bytes through other C code, where this
family has any that is exact for the layer; the others keep their portable kernels.
"""

from __future__ import annotations

from mcu_slm.dsp import (
    batch_matmul,
    convolution,
    depthwise,
    global_average,
    lstm,
    row_product,
    winograd,
)
from mcu_slm.dsp.sharing import share_kernels
from mcu_slm.dsp.tuning import SPEED, TUNINGS, Tuning, tuning_for
from mcu_slm.ops.average_pool_2d import AveragePool2D
from mcu_slm.ops.base import Operator
from mcu_slm.ops.batch_matmul import BatchMatMul
from mcu_slm.ops.conv_2d import Conv2D
from mcu_slm.ops.depthwise_conv_2d import DepthwiseConv2D
from mcu_slm.ops.fully_connected import FullyConnected
from mcu_slm.ops.unidirectional_sequence_lstm import Lstm

__all__ = ["CORES", "OPERATORS", "TUNINGS", "share_kernels", "specialize", "tuning_for"]

CORES = ("cortex-m4", "cortex-m7", "cortex-m33")
"""Cores that have the instructions, as their chips have an FPU."""

OPERATORS = (
    "AVERAGE_POOL_2D",
    "BATCH_MATMUL",
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "FULLY_CONNECTED",
    "UNIDIRECTIONAL_SEQUENCE_LSTM",
)
"""Operators that this family has kernels for."""


def specialize(operator: Operator, tuning: Tuning = SPEED) -> Operator:
    """Return the operator as this family does it, itself where it has nothing for it."""
    found: Operator | None = None
    if isinstance(operator, Conv2D):
        found = winograd.of_conv_2d(operator) or convolution.of_conv_2d(operator, tuning)
    elif isinstance(operator, DepthwiseConv2D):
        found = depthwise.of_depthwise_conv_2d(operator)
    elif isinstance(operator, AveragePool2D):
        found = global_average.of_average_pool_2d(operator)
    elif isinstance(operator, FullyConnected):
        found = convolution.of_fully_connected(operator, tuning)
    elif isinstance(operator, BatchMatMul):
        found = row_product.of_batch_matmul(operator) or batch_matmul.of_batch_matmul(operator)
    elif isinstance(operator, Lstm):
        found = lstm.of_lstm(operator)
    return operator if found is None else found
