"""One network, several kinds of arithmetic: the operators and the backends that offer them.

`GraphOps`, which writes an int8 graph, is in `mcu_slm.convert`.
"""

from mcu_slm.train.backends.exact import ExactOps
from mcu_slm.train.backends.fake_quant import FakeQuantized, FakeQuantOps
from mcu_slm.train.backends.float_ops import FloatOps
from mcu_slm.train.backends.normalization import FoldedBatchNorm, fold
from mcu_slm.train.backends.operators import Operators, Value
from mcu_slm.train.backends.ranges import QuantState
from mcu_slm.train.backends.recording import recorded

__all__ = [
    "ExactOps",
    "FakeQuantOps",
    "FakeQuantized",
    "FloatOps",
    "FoldedBatchNorm",
    "Operators",
    "QuantState",
    "Value",
    "fold",
    "recorded",
]
