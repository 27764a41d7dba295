"""Kernels for cores with DSP instructions (Cortex-M4, M7, M33), specialised by shape.

`specialize` replaces an operator by one that gives the same bytes through other C code, where this
family has any that is exact for the layer; the others keep their portable kernels.
"""

from __future__ import annotations

from mcu_slm.dsp import (
    add,
    batch_matmul,
    convolution,
    depthwise,
    depthwise_whole,
    global_average,
    lstm,
    row_product,
    softmax,
    winograd,
    winograd4,
    winograd_strips,
)
from mcu_slm.dsp.choice import cheapest
from mcu_slm.dsp.sharing import share_kernels
from mcu_slm.dsp.tuning import RAM, SPEED, TUNINGS, Tuning
from mcu_slm.ops.add import Sum
from mcu_slm.ops.average_pool_2d import AveragePool2D
from mcu_slm.ops.base import Operator
from mcu_slm.ops.batch_matmul import BatchMatMul
from mcu_slm.ops.conv_2d import Conv2D
from mcu_slm.ops.depthwise_conv_2d import DepthwiseConv2D
from mcu_slm.ops.fully_connected import FullyConnected
from mcu_slm.ops.softmax import Softmax
from mcu_slm.ops.unidirectional_sequence_lstm import Lstm

__all__ = ["CORES", "OPERATORS", "TUNINGS", "share_kernels", "slimmer", "specialize"]

CORES = ("cortex-m4", "cortex-m7", "cortex-m33")
"""Cores that have the instructions, as their chips have an FPU."""

OPERATORS = (
    "ADD",
    "AVERAGE_POOL_2D",
    "BATCH_MATMUL",
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "FULLY_CONNECTED",
    "SOFTMAX",
    "SUB",
    "UNIDIRECTIONAL_SEQUENCE_LSTM",
)
"""Operators that this family has kernels for."""


def specialize(operator: Operator, tuning: Tuning = SPEED) -> Operator:
    """Return the operator as it costs least by what the tuning is for.

    The portable kernels count as a way of their own where speed decides. They take the least flash
    and working memory of all, so there they only do what this family has nothing for.
    """
    ways = _ways(operator, tuning)
    if not ways:
        return operator
    if tuning.goal == "speed":
        ways.append(operator)
    return cheapest(ways, tuning)


def slimmer(operator: Operator, scratch_bytes: int) -> Operator | None:
    """Return the fastest way to do a layer with less working memory than this, None without one.

    The portable kernels are among the ways: most take none at all.
    """
    ways = [*_ways(operator, SPEED), *_ways(operator, RAM)]
    if isinstance(operator, Conv2D):
        ways += _in_smaller_strips(operator, scratch_bytes)
    slim = [way for way in [*ways, operator] if way.scratch_bytes < scratch_bytes]
    return cheapest(slim, SPEED) if slim else None


def _in_smaller_strips(operator: Conv2D, scratch_bytes: int) -> list[Operator]:
    """Return the ways by tiles in three quarters and in half of some working memory."""
    found = [
        make(operator, working_bytes=scratch_bytes * quarters // 4)
        for make in (winograd.of_conv_2d, winograd4.of_conv_2d)
        for quarters in (3, 2)
    ]
    return [way for way in found if way is not None]


def _ways(operator: Operator, tuning: Tuning) -> list[Operator]:
    """Return what this family has for an operator; first what is taken if no costs are known."""
    if isinstance(operator, Conv2D):
        return _ways_of_conv_2d(operator, tuning)
    if isinstance(operator, FullyConnected):
        return convolution.ways_of_fully_connected(operator, tuning)
    found: list[Operator | None] = []
    if isinstance(operator, DepthwiseConv2D):
        whole = depthwise_whole.of_whole_image(operator)
        found = [whole, depthwise.of_depthwise_conv_2d(operator)]
    elif isinstance(operator, AveragePool2D):
        found = [global_average.of_average_pool_2d(operator)]
    elif isinstance(operator, BatchMatMul):
        found = [row_product.of_batch_matmul(operator), batch_matmul.of_batch_matmul(operator)]
    elif isinstance(operator, Sum):
        found = [add.of_sum(operator)]
    elif isinstance(operator, Softmax):
        found = [softmax.of_softmax(operator)]
    elif isinstance(operator, Lstm):
        found = [lstm.of_lstm(operator)]
    return [way for way in found if way is not None]


def _ways_of_conv_2d(operator: Conv2D, tuning: Tuning) -> list[Operator]:
    """Return direct forms and those by tiles, the shorter ones first by estimates of both."""
    direct = convolution.ways_of_conv_2d(operator, tuning)
    found = [winograd4.of_conv_2d(operator), winograd.of_conv_2d(operator)]
    tiles = sorted((way for way in found if way is not None), key=lambda way: way.estimate)
    if not tiles or tiles[0].estimate > winograd_strips.direct_instructions(operator):
        return [*direct, *tiles]
    return [*tiles, *direct]
