"""Broken layers of comparisons, logic, choice and what works along an axis."""

from __future__ import annotations

import numpy as np

from tests.ops.case import Case
from tests.ops.cases_logic import (
    RELATIONS,
    arg_extremum,
    comparison,
    logical,
    logical_not_cases,
    mirrored,
    running_sum,
    select,
    sum_of_many,
)
from tests.ops.cases_logic import gather_nd_cases as gather_nd
from tests.ops.cases_types import OUTPUTS, REAL, converted
from tests.ops.changes import Change, no_option, node, output, scale, tensor

COMPARED = {op: comparison(op, "sound", ((2, 3), (3,))) for op in RELATIONS}
BOTH = logical("LOGICAL_AND", "sound", ((2, 3), (3,)))
EITHER = logical("LOGICAL_OR", "sound", ((2, 3), (3,)))
NOT = next(logical_not_cases())
CHOSEN = select("sound", ((2, 1), (2, 3), (3,)))
LARGEST = arg_extremum("ARG_MAX", "sound", (2, 3), 1)
SMALLEST = arg_extremum("ARG_MIN", "sound", (2, 3), 1)
MIRRORED = mirrored((2, 3), [(0, 1), (2, 2)], "REFLECT")
TWICE = mirrored((2, 3), [(0, 2), (3, 3)], "SYMMETRIC")
PICKED = next(gather_nd())
SUMS = running_sum("sound", (2, 3), 1, (0.05, 0), (0.1, 0))
TOTAL = sum_of_many("sound", 3, (2, 3), (0.05, 0), (0.1, 0))
CUT = converted("CAST", "sound", (1, 5), REAL, OUTPUTS["int8"])

LOGIC_SOUND: list[Case] = [
    *COMPARED.values(), BOTH, EITHER, NOT, CHOSEN, LARGEST, SMALLEST, MIRRORED, TWICE, PICKED, SUMS,
    TOTAL, CUT,
]  # fmt: skip

LOGIC_BROKEN: dict[tuple[str, str], tuple[Case, Change, str]] = {
    **{
        (op, "output"): (case, output(dtype="int8"), "y has type int8; expected bool")
        for op, case in COMPARED.items()
    },
    ("EQUAL", "large scale"): (
        COMPARED["EQUAL"], tensor(0, quantization=scale(1.5)), "x1 has scale 1.5; .*below 1",
    ),
    ("LESS", "shapes"): (COMPARED["LESS"], tensor(1, shape=(4,)), "do not broadcast"),
    ("GREATER", "type"): (
        COMPARED["GREATER"], tensor(0, dtype="int32"), "x1 has type int32 and is computed at run",
    ),
    ("LOGICAL_AND", "type"): (BOTH, tensor(1, dtype="int8"), "x2 has type int8; expected bool"),
    ("LOGICAL_OR", "shape"): (EITHER, output(shape=(3, 2)), r"output shape \(3, 2\)"),
    ("LOGICAL_NOT", "type"): (NOT, output(dtype="int8"), "y has type int8; expected bool"),
    ("SELECT_V2", "condition"): (CHOSEN, tensor(0, dtype="int8"), "condition has type int8"),
    ("SELECT_V2", "scale"): (CHOSEN, output(quantization=scale(9.0)), "different scales"),
    ("SELECT_V2", "shape"): (CHOSEN, tensor(0, shape=(5, 1)), "do not broadcast"),
    ("ARG_MAX", "axis"): (
        LARGEST, tensor(1, data=np.array(2, np.int32)), "axis 2; expected an axis of rank 2",
    ),
    ("ARG_MAX", "run time"): (LARGEST, tensor(1, data=None), "axis is computed at run time"),
    ("ARG_MAX", "wide"): (LARGEST, output(dtype="int64"), "y has type int64; expected int32"),
    ("ARG_MAX", "real"): (LARGEST, tensor(0, dtype="float32"), "x has type float32"),
    ("ARG_MAX", "scalar"): (LARGEST, tensor(0, shape=()), "a scalar; expected one axis"),
    ("ARG_MIN", "shape"): (SMALLEST, output(shape=(3,)), r"expected \(2,\)"),
    ("MIRROR_PAD", "too wide"): (
        MIRRORED, tensor(1, data=np.array([[0, 2], [0, 0]], np.int32)), "widths 0 and 2 of 2 .*0 ",
    ),
    ("MIRROR_PAD", "negative"): (
        TWICE, tensor(1, data=np.array([[-1, 2], [0, 0]], np.int32)), "axis 0: widths -1 and 2",
    ),
    ("MIRROR_PAD", "widths"): (
        MIRRORED, tensor(1, shape=(4,), data=np.zeros(4, np.int32)), r"shape \[4\]; .* \[2, 2\]",
    ),
    ("MIRROR_PAD", "no mode"): (MIRRORED, no_option("mode"), "option mode is missing"),
    ("MIRROR_PAD", "output"): (MIRRORED, output(shape=(3, 8)), r"expected \(3, 7\)"),
    ("GATHER_ND", "beyond"): (
        PICKED, tensor(1, data=np.array([[3, 1], [0, 3], [2, 2]], np.int32)), r"below \[4, 3\]",
    ),
    ("GATHER_ND", "run time"): (PICKED, tensor(1, data=None), "numbers is computed at run time"),
    ("GATHER_ND", "tuples"): (PICKED, tensor(0, shape=(12,)), "tuples of 2 numbers; .*at most 1"),
    ("GATHER_ND", "output"): (PICKED, output(shape=(2,)), r"expected \(3,\)"),
    ("CUMSUM", "axis"): (SUMS, tensor(1, data=np.array(-3, np.int32)), "axis -3; expected an axis"),
    ("CUMSUM", "scale"): (SUMS, output(quantization=scale(1e-9)), "output scale .*a larger one"),
    ("CUMSUM", "shape"): (SUMS, output(shape=(3, 2)), r"expected \(2, 3\)"),
    ("ADD_N", "one"): (TOTAL, node(inputs=(0,)), "1 inputs; expected 2"),
    ("ADD_N", "scale"): (TOTAL, tensor(1, quantization=scale(9.0)), "different scales"),
    ("ADD_N", "shape"): (TOTAL, tensor(2, shape=(3, 2)), r"x2 has shape \(3, 2\)"),
    ("CAST", "target"): (CUT, output(dtype="int64"), "y has type int64; expected int8 or int16"),
    ("CAST", "source"): (CUT, tensor(0, dtype="uint8"), "x has type uint8; expected int8 or"),
    ("CAST", "shape"): (CUT, output(shape=(5,)), r"output shape \(5,\)"),
}  # fmt: skip
