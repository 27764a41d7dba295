"""Broken reductions: a sound case, a change, the message."""

from __future__ import annotations

from tests.ops.builders import unary
from tests.ops.case import Case
from tests.ops.cases_reducing import reduced
from tests.ops.changes import Change, ints, node, output, scale, tensor

MEAN, SUM, REDUCE_MAX, REDUCE_MIN = (
    reduced(op, "sound", (1, 3, 5), (1,), (0.1, 0), (0.1, 0))
    for op in ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN")
)
SEVEN_AXES = reduced("MEAN", "seven axes", (2,) * 7, (0, 2, 4, 6), (0.1, 0), (0.1, 0))
LOG_SOFTMAX = unary("LOG_SOFTMAX", "sound", (1, 5), (0.1, 0), (1 / 16, 127))
TOO_FINE = r"real multiplier 1e\+0\d of values up to \d+; expected a product that fits 32 bits"

REDUCING_SOUND: list[Case] = [MEAN, SUM, REDUCE_MAX, REDUCE_MIN, LOG_SOFTMAX]

REDUCING_BROKEN: dict[tuple[str, str], tuple[Case, Change, str]] = {
    ("LOG_SOFTMAX", "scale"): (
        LOG_SOFTMAX,
        output(quantization=scale(1 / 16, 126)),
        "zero point 126; expected scale 1/16, zero point 127",
    ),
    ("LOG_SOFTMAX", "fine input"): (
        LOG_SOFTMAX,
        tensor(0, quantization=scale(1e-8)),
        r"input scale 1e-08; expected more than 2\^-26",
    ),
    ("LOG_SOFTMAX", "row"): (
        LOG_SOFTMAX,
        lambda g: output(shape=(1, 4096))(tensor(0, shape=(1, 4096))(g)),
        "a row of 4096 elements; expected at most 4095",
    ),
    ("LOG_SOFTMAX", "shape"): (LOG_SOFTMAX, output(shape=(5,)), r"output shape \(5,\)"),
    ("LOG_SOFTMAX", "scalar"): (
        LOG_SOFTMAX,
        lambda g: output(shape=())(tensor(0, shape=())(g)),
        "rank 0",
    ),
    ("MEAN", "axes"): (MEAN, tensor(1, **ints(7)), r"axes \[7\]; expected axes of rank 3"),
    ("MEAN", "no axes"): (MEAN, tensor(1, **ints()), r"axes \[\]; expected axes of rank 3"),
    ("MEAN", "seven axes"): (
        SEVEN_AXES,
        lambda graph: graph,
        r"axes \[0, 2, 4, 6\] of rank 7; expected at most 3 groups of axes",
    ),
    ("MEAN", "output"): (MEAN, output(shape=(1, 4)), r"output shape \(1, 4\)"),
    ("MEAN", "fine output"): (MEAN, output(quantization=scale(1e-9)), TOO_FINE),
    ("MEAN", "run time"): (MEAN, tensor(1, data=None), "axes is computed at run time"),
    ("SUM", "axes"): (SUM, tensor(1, **ints(-4)), r"axes \[-4\]; expected axes of rank 3"),
    ("SUM", "fine output"): (SUM, output(quantization=scale(1e-8)), TOO_FINE),
    ("SUM", "count"): (SUM, node(inputs=(0,)), "1 inputs; expected 2"),
    ("REDUCE_MAX", "scale"): (
        REDUCE_MAX,
        output(quantization=scale(0.2)),
        "x and y have different scales or zero points",
    ),
    ("REDUCE_MIN", "zero point"): (
        REDUCE_MIN,
        output(quantization=scale(0.1, 1)),
        "x and y have different scales or zero points",
    ),
}
