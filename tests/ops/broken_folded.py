"""Broken layers of the operators that are folded: a case, a change, the message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mcu_slm.ir import Graph
from tests.ops.case import Case
from tests.ops.cases_folded import Given, Result, folded, ints
from tests.ops.changes import Change, node, options, output, tensor


def shown(graph: Graph) -> Graph:
    """Make the first result an output of the model."""
    return replace(graph, outputs=graph.nodes[0].outputs)


def real(op: str, *operands: Sequence[float]) -> Case:
    """An operator on real numbers."""
    inputs = [Given(operand, "float32") for operand in operands]
    return folded(op, f"sound {op}", inputs, [Result((len(operands[0]),), "float32")])


def run_time(position: int = 0) -> Change:
    """Make a constant an input of the model."""

    def change(graph: Graph) -> Graph:
        number = graph.nodes[0].inputs[position]
        return tensor(position, data=None)(replace(graph, inputs=(*graph.inputs, number)))

    return change


WHOLE = {op: real(op, (1.5, -2.5)) for op in ("CEIL", "FLOOR", "ROUND", "SQUARE", "ZEROS_LIKE")}
ROOT = real("SQRT", (4.0, 9.0))
QUOTIENT = real("FLOOR_DIV", (7.0, -7.0), (2.0, 2.0))
REST = real("FLOOR_MOD", (7.0, -7.0), (2.0, 2.0))
PARTS = folded(
    "DIV", "sound", [ints(7, -7), ints(2, 2)], [Result((2,), "int32")],
    fused_activation_function="NONE",
)  # fmt: skip
FULL = folded("FILL", "sound", [ints(2, 3), Given(7, "int32")], [Result((2, 3), "int32")])
COMMON = folded("BROADCAST_ARGS", "sound", [ints(2, 1), ints(3)], [Result((2,), "int32")])
LONG = [Given((2, 1), "int64"), Given((3,), "int64")]
COMMON_64 = folded("BROADCAST_ARGS", "sound, 64 bits", LONG, [Result((2,), "int64")])
LENGTHS = folded("SHAPE", "sound", [ints(2, 1)], [Result((1,), "int32")], out_type=2)

FOLDED_SOUND: list[Case] = [
    *WHOLE.values(),
    ROOT,
    QUOTIENT,
    REST,
    PARTS,
    FULL,
    COMMON,
    COMMON_64,
    LENGTHS,
]

RUN_TIME = r"c0 has type float32 and is computed at run time; expected int8, or .*constants"
DEPENDS = "an output of the model would be a constant; expected a value that depends"

FOLDED_BROKEN: dict[tuple[str, str], tuple[Case, Change, str]] = {
    **{(op, "run time"): (WHOLE[op], run_time(), RUN_TIME) for op in ("CEIL", "FLOOR", "ROUND")},
    ("SQUARE", "type"): (
        WHOLE["SQUARE"], tensor(0, dtype="int8", data=np.zeros(2, np.int8)),
        "c0 has type int8; expected constants of type float32: SQUARE has no kernel",
    ),
    ("ZEROS_LIKE", "output"): (WHOLE["ZEROS_LIKE"], shown, DEPENDS),
    ("SQRT", "shape"): (ROOT, output(shape=(3,)), r"output shape \(3,\)"),
    ("FLOOR_DIV", "by 0"): (QUOTIENT, tensor(1, data=np.zeros(2, np.float32)), "a division by 0"),
    ("FLOOR_MOD", "by 0"): (REST, tensor(1, data=np.zeros(2, np.float32)), "a division by 0"),
    ("DIV", "by 0"): (PARTS, tensor(1, data=np.zeros(2, np.int32)), "a division by 0"),
    ("DIV", "overflow"): (
        PARTS,
        lambda g: tensor(0, data=np.full(2, -(2**31), np.int32))(
            tensor(1, data=np.full(2, -1, np.int32))(g)
        ),
        r"a quotient of 2\^31",
    ),
    ("DIV", "types"): (
        PARTS, tensor(1, dtype="float32", data=np.ones(2, np.float32)), "operands of types",
    ),
    ("DIV", "activation"): (
        PARTS, options(fused_activation_function="TANH"), "fused activation TANH; expected one of",
    ),
    ("DIV", "int8"): (
        PARTS, tensor(0, dtype="int8", data=np.ones(2, np.int8)), "DIV has no kernel here",
    ),
    ("FILL", "shape"): (FULL, tensor(0, data=np.array([3, 2], np.int32)), r"shape \[3, 2\]; exp"),
    ("FILL", "vector"): (
        FULL, tensor(1, shape=(1,), data=np.ones(1, np.int32)), r"shape \[1\]; expected a single",
    ),
    ("BROADCAST_ARGS", "unequal"): (
        COMMON, tensor(0, data=np.array([2, 4], np.int32)), r"\[2, 4\] and \[1, 3\] do not",
    ),
    ("BROADCAST_ARGS", "too long"): (
        COMMON_64, tensor(1, data=np.array([2**32 + 5])), "expected lengths of at most 32 bits",
    ),
    ("BROADCAST_ARGS", "run time"): (COMMON, run_time(1), "int32 and is computed at run time"),
    ("SHAPE", "output"): (LENGTHS, shown, DEPENDS),
    ("SHAPE", "type"): (
        LENGTHS, output(dtype="int64"), r"the result is int32 \[1\]; expected int64 \[1\], as r0",
    ),
    ("SHAPE", "inputs"): (LENGTHS, node(inputs=(0, 0)), "2 inputs; expected 1"),
    ("SHAPE", "outputs"): (LENGTHS, node(outputs=(2, 3)), "2 outputs; expected 1"),
    ("ADD", "shapes"): (
        folded("ADD", "sound", [ints(1, 2), ints(3, 4)], [Result((2,), "int32")]),
        tensor(1, shape=(3,), data=np.zeros(3, np.int32)),
        r"shapes \[\(2,\), \(3,\)\], output shape \(2,\); expected one that they broadcast to",
    ),
}  # fmt: skip
