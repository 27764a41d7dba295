"""Reductions over any axes."""

from __future__ import annotations

import math

from tests.prove.draft import Draft


def reduced(d: Draft, op: str) -> None:
    """Axes apart and together, counted from either end, some of them named twice."""
    source = d.take(range(1, 7))
    rank = len(source.shape)
    gone = [axis for axis in range(rank) if d.chance(0.5)] or [d.between(0, rank - 1)]
    axes = [axis - rank if d.chance(0.3) else axis for axis in gone]
    if d.chance(0.1):
        axes.append(d.pick(gone))
    count = math.prod(source.shape[axis] for axis in gone)
    target = source.quantized
    if op in {"MEAN", "SUM"} and d.chance(0.85):
        usual = 100.0 if op == "MEAN" else 100.0 * math.sqrt(count)
        middle = -source.zero_point * (1 if op == "MEAN" else count)
        target = d.output_quantized(source.scale, usual, middle, 2.0**22 / count)
    keep = d.chance(0.5)
    shape = tuple(
        1 if axis in gone else n for axis, n in enumerate(source.shape) if keep or axis not in gone
    )
    positive = op not in {"MEAN", "SUM"} and source.at_least_zero
    output = d.output(op, shape, target, positive)
    named = d.number(axes[0]) if len(axes) == 1 else d.vector(axes)
    d.node(op, [source.number, named], [output], keep_dims=keep)


MAKERS = dict.fromkeys(("MEAN", "REDUCE_MAX", "REDUCE_MIN", "SUM"), reduced)
