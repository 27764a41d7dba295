"""Broken reductions: a sound case, a change, the message."""

from __future__ import annotations

from tests.ops.case import Case
from tests.ops.cases_reducing import reduced
from tests.ops.changes import Change, ints, node, output, scale, tensor

MEAN, SUM, REDUCE_MAX, REDUCE_MIN = (
    reduced(op, "sound", (1, 3, 5), (1,), (0.1, 0), (0.1, 0))
    for op in ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN")
)
SEVEN_AXES = reduced("MEAN", "seven axes", (2,) * 7, (0, 2, 4, 6), (0.1, 0), (0.1, 0))
TOO_FINE = r"real multiplier 1e\+0\d of values up to \d+; expected a product that fits 32 bits"

REDUCING_SOUND: list[Case] = [MEAN, SUM, REDUCE_MAX, REDUCE_MIN]

REDUCING_BROKEN: dict[tuple[str, str], tuple[Case, Change, str]] = {
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
