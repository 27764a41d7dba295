"""The operators that move bytes as a stretch of a larger network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mcu_slm.ir import GraphBuilder

Shape = tuple[int, ...]


def moving_layers(b: GraphBuilder, tokens: int) -> int:
    """Return layers over [1, 8, 8] at scale 0.06, zero point -9 that keep both."""

    def layer(
        op: str,
        source: int,
        shape: Shape,
        constants: Sequence[Sequence[int] | int] = (),
        **options: object,
    ) -> int:
        numbers = [_numbers(b, f"{op.lower()}_{i}", v) for i, v in enumerate(constants)]
        output = b.tensor(op.lower(), shape, scale=0.06, zero_point=-9)
        b.node(op, [source, *numbers], [output], **options)
        return output

    x = layer("EXPAND_DIMS", tokens, (1, 8, 8, 1), [-1])
    x = layer("SPACE_TO_DEPTH", x, (1, 4, 4, 4), block_size=2)
    x = layer("REVERSE_V2", x, (1, 4, 4, 4), [(1, 2)])
    x = layer("DEPTH_TO_SPACE", x, (1, 8, 8, 1), block_size=2)
    x = layer("SQUEEZE", x, (1, 8, 8), squeeze_dims=(3,))
    x = layer("GATHER", x, (1, 8, 8), [(3, 1, 0, 2, 7, 6, 5, 4)], axis=2, batch_dims=0)
    last = layer("SLICE", x, (1, 1, 8), [(0, 7, 0), (1, 1, 8)])
    x = _updated(b, x, last)
    x = layer("UNPACK", x, (8, 8), num=1, axis=0)
    x = _looked_up(b, x)
    x = layer("BROADCAST_TO", x, (2, 8, 8), [(2, 8, 8)])
    x = layer("SLICE", x, (1, 8, 8), [(1, 0, 0), (1, -1, -1)])
    backwards = [(0, 7, 0), (1, -9, 8), (1, -1, 1)]
    x = layer("STRIDED_SLICE", x, (1, 8, 8), backwards, begin_mask=1, end_mask=1)
    return _packed(b, x)


def _numbers(b: GraphBuilder, name: str, values: Sequence[int] | int) -> int:
    data = np.asarray(values)
    return b.tensor(name, data.shape, "int32", data=data)


def _updated(b: GraphBuilder, x: int, row: int) -> int:
    """Return [1, 8, 8] with a row of it replaced."""
    output = b.tensor("updated", (1, 8, 8), scale=0.06, zero_point=-9)
    b.node("DYNAMIC_UPDATE_SLICE", [x, row, _numbers(b, "row_start", (0, 2, 0))], [output])
    return output


def _looked_up(b: GraphBuilder, table: int) -> int:
    """Return the rows of [8, 8] in another order."""
    output = b.tensor("looked_up", (8, 8), scale=0.06, zero_point=-9)
    b.node("EMBEDDING_LOOKUP", [_numbers(b, "ids", (1, 0, 3, 2, 5, 4, 7, 6)), table], [output])
    return output


def _packed(b: GraphBuilder, x: int) -> int:
    """Return the halves of [1, 8, 8] one above the other, in that shape again."""
    halves = [b.tensor(name, (1, 8, 4), scale=0.06, zero_point=-9) for name in ("left", "right")]
    numbers = [_numbers(b, "lengths", (4, -1)), _numbers(b, "split_axis", 2)]
    b.node("SPLIT_V", [x, *numbers], halves, num_splits=2)
    packed = b.tensor("packed", (1, 2, 8, 4), scale=0.06, zero_point=-9)
    b.node("PACK", halves, [packed], values_count=2, axis=1)
    output = b.tensor("moved", (1, 8, 8), scale=0.06, zero_point=-9)
    b.node("RESHAPE", [packed], [output], new_shape=(1, 8, 8))
    return output
