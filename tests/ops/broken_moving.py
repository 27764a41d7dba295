"""Broken layers of the operators that move bytes: a sound case, a change, the message."""

from __future__ import annotations

import numpy as np

from mcu_slm.ir import Graph
from tests.ops.case import Case
from tests.ops.cases import concatenation
from tests.ops.cases_moving import dealt, gather, move, pack, strided_slice, updated
from tests.ops.changes import Change, ints, no_option, node, options, output, tensor

SLICE = move("SLICE", "sound", (3, 5), (2, 3), [(1, 2), (2, 3)])
STEPS = strided_slice("sound", (3, 5), (2, 3), ((1, 0), (3, 5), (1, 2)))
SHRUNK = strided_slice("shrunk", (3, 5), (5,), ((1, 0), (2, 5), (1, 1)), (0, 0, 1))
REVERSED = move("REVERSE_V2", "sound", (2, 3, 4), (2, 3, 4), [(1, 2)])
REPEATED = move("BROADCAST_TO", "sound", (3, 1), (2, 3, 4), [(2, 3, 4)])
SQUARES = move("SPACE_TO_DEPTH", "sound", (1, 4, 6, 3), (1, 2, 3, 12), block_size=2)
PIXELS = move("DEPTH_TO_SPACE", "sound", (1, 2, 3, 12), (1, 4, 6, 3), block_size=2)
UPDATED = updated("sound", (4, 6), (2, 3), (1, 2))
PICKED = gather("sound", (2, 4, 3), (2, 2, 3), [[3, 1], [0, 2]], 1, 1)
PACKED = pack("sound", (3, 2), (3, 2, 2), 1, constants=1)
UNPACKED = dealt("UNPACK", "sound", (3, 2), [(2,)] * 3, num=3, axis=0)
PARTS = dealt("SPLIT_V", "sound", (1, 7), [(1, 2), (1, 5)], [(2, -1), 1], num_splits=2)
WIDER = move("EXPAND_DIMS", "sound", (3, 4), (3, 1, 4), [1])
DROPPED = move("SQUEEZE", "sound", (1, 3, 1), (1, 3), squeeze_dims=(2,))
ELEVEN = concatenation("eleven", [(1, 2)] * 11, 1)


def _embedding() -> Case:
    """Rows 2 and 0 of a table: the numbers of `gather`, with the inputs exchanged."""
    graph = gather("sound", (3, 4), (2, 4), (2, 0)).graph
    first = graph.nodes[0]
    exchanged = node(op="EMBEDDING_LOOKUP", inputs=first.inputs[::-1], options={})
    return Case("sound", exchanged(graph))


LOOKED_UP = _embedding()

MOVING_SOUND: list[Case] = [
    SLICE, STEPS, SHRUNK, REVERSED, REPEATED, SQUARES, PIXELS, PICKED, PACKED, UNPACKED, PARTS,
    WIDER, DROPPED, LOOKED_UP, UPDATED,
]  # fmt: skip


def same(graph: Graph) -> Graph:
    """Change nothing: the case itself is broken."""
    return graph


MOVING_BROKEN: dict[tuple[str, str], tuple[Case, Change, str]] = {
    ("CONCATENATION", "eleven"): (ELEVEN, same, "11 inputs; expected at most 10. .*several steps"),
    ("CONCATENATION", "outputs"): (ELEVEN, node(outputs=()), "0 outputs; expected 1"),
    ("SLICE", "beyond"): (SLICE, tensor(2, **ints(3, 3)), "axis 0: begin 1, size 3; .*of 3"),
    ("SLICE", "before"): (SLICE, tensor(1, **ints(-1, 2)), "axis 0: begin -1, size 2"),
    ("SLICE", "empty"): (SLICE, tensor(2, **ints(0, 3)), "begin 1, size 0"),
    ("SLICE", "negative size"): (SLICE, tensor(2, **ints(-2, 3)), "begin 1, size -2"),
    ("SLICE", "count"): (SLICE, tensor(1, **ints(1)), "1 begins, 2 sizes; expected 2"),
    ("SLICE", "output"): (SLICE, output(shape=(3, 2)), r"shape \(3, 2\); expected \(2, 3\)"),
    ("SLICE", "run time"): (SLICE, tensor(1, data=None), "constant0 is computed at run time"),
    ("SLICE", "two types"): (
        SLICE,
        tensor(2, dtype="int64", data=np.array([2, 3])),
        "begin of int32, size of int64; expected one type",
    ),
    ("SLICE", "type"): (SLICE, tensor(2, dtype="int16"), "constant1 has type int16"),
    ("SLICE", "rank"): (
        move("SLICE", "six axes", (1,) * 6, (1,) * 6, [(0,) * 6, (1,) * 6]),
        same,
        "x has rank 6; expected at most 5",
    ),
    ("STRIDED_SLICE", "rank"): (
        strided_slice("five", (1,) * 5, (1,) * 5, ((0,) * 5, (1,) * 5, (1,) * 5)),
        same,
        "x has rank 5; expected at most 4",
    ),
    ("STRIDED_SLICE", "stride"): (STEPS, tensor(3, **ints(0, 2)), "axis 0: stride 0"),
    ("STRIDED_SLICE", "empty"): (STEPS, tensor(2, **ints(1, 5)), "axis 0: 1 to 1 is empty"),
    ("STRIDED_SLICE", "new axis"): (STEPS, options(new_axis_mask=1), "new_axis_mask is 1; .*ignor"),
    ("STRIDED_SLICE", "ellipsis"): (STEPS, options(ellipsis_mask=2), "ellipsis_mask is 2"),
    ("STRIDED_SLICE", "offset"): (STEPS, options(offset=True), "offset is 1; expected 0"),
    ("STRIDED_SLICE", "count"): (STEPS, tensor(3, **ints(1)), "2 begins, 2 ends, 1 strides"),
    ("STRIDED_SLICE", "output"): (STEPS, output(shape=(2, 4)), r"expected \(2, 3\)"),
    ("STRIDED_SLICE", "shrunk beyond"): (SHRUNK, tensor(1, **ints(3, 0)), "axis 0: index 3; .* 3"),
    ("STRIDED_SLICE", "shrunk back"): (SHRUNK, tensor(3, **ints(-1, 1)), "axis 0: index 1"),
    ("REVERSE_V2", "axis"): (REVERSED, tensor(1, **ints(3)), r"axes \[3\]; expected axes of rank"),
    ("REVERSE_V2", "twice"): (REVERSED, tensor(1, **ints(1, -2)), "expected each axis once"),
    ("REVERSE_V2", "apart"): (REVERSED, tensor(1, **ints(0, 2)), r"axes \[0, 2\]; .*neighbouring"),
    ("REVERSE_V2", "scalar"): (
        REVERSED,
        tensor(1, shape=(), data=np.array(1, np.int32)),
        r"constant0 has shape \(\); expected a vector",
    ),
    ("REVERSE_V2", "output"): (REVERSED, output(shape=(2, 4, 3)), r"expected \(2, 3, 4\)"),
    ("BROADCAST_TO", "output"): (REPEATED, output(shape=(2, 3, 5)), r"expected \(2, 3, 4\)"),
    ("BROADCAST_TO", "shape"): (REPEATED, tensor(0, shape=(2, 1)), r"\[2, 1\] does not broadcast"),
    ("BROADCAST_TO", "rank"): (REPEATED, tensor(0, shape=(1,) * 4), "does not broadcast"),
    ("SPACE_TO_DEPTH", "block"): (SQUARES, options(block_size=4), "4 x 6 in blocks of 4"),
    ("SPACE_TO_DEPTH", "no block"): (SQUARES, options(block_size=0), "in blocks of 0"),
    ("SPACE_TO_DEPTH", "rank"): (SQUARES, tensor(0, shape=(4, 18)), "input has rank 2; expected 4"),
    ("SPACE_TO_DEPTH", "output"): (SQUARES, output(shape=(1, 3, 2, 12)), r"\(1, 2, 3, 12\)"),
    ("DEPTH_TO_SPACE", "block"): (PIXELS, options(block_size=5), "12 channels in blocks of 5"),
    ("DEPTH_TO_SPACE", "no block"): (PIXELS, options(block_size=-1), "in blocks of -1"),
    ("DEPTH_TO_SPACE", "rank"): (PIXELS, tensor(0, shape=(72,)), "input has rank 1; expected 4"),
    ("DEPTH_TO_SPACE", "missing"): (PIXELS, no_option("block_size"), "block_size is missing"),
    ("GATHER", "beyond"): (
        PICKED,
        tensor(1, data=np.array([[0, 4], [-1, 0]], np.int32)),
        "indices from -1 to 4; expected 0 to 3",
    ),
    ("GATHER", "axis"): (PICKED, options(axis=3), "axis 3; expected an axis of rank 3"),
    ("GATHER", "batch"): (PICKED, options(batch_dims=2), "batch_dims 2 of .* at most 1 axes"),
    ("GATHER", "batches"): (
        PICKED,
        tensor(1, shape=(1, 2), data=np.zeros((1, 2), np.int32)),
        "batch_dims 1 of shapes",
    ),
    ("GATHER", "wide numbers"): (PICKED, tensor(1, dtype="int64"), "type int64; expected int32"),
    ("GATHER", "output"): (PICKED, output(shape=(2, 3, 2)), r"expected \(2, 2, 3\)"),
    ("EMBEDDING_LOOKUP", "beyond"): (LOOKED_UP, tensor(0, **ints(3, 0)), "from 0 to 3; .*0 to 2"),
    ("EMBEDDING_LOOKUP", "ids"): (LOOKED_UP, tensor(0, shape=(1, 2)), "has rank 2; expected 1"),
    ("EMBEDDING_LOOKUP", "table"): (LOOKED_UP, tensor(1, shape=(12,)), "x has rank 1; .*2 or more"),
    ("DYNAMIC_UPDATE_SLICE", "box"): (UPDATED, tensor(1, shape=(2, 7)), r"\(2, 7\); .*\(4, 6\)"),
    ("DYNAMIC_UPDATE_SLICE", "rank"): (UPDATED, tensor(1, shape=(6,)), r"a box of shape \(6,\)"),
    ("DYNAMIC_UPDATE_SLICE", "starts"): (UPDATED, tensor(2, **ints(1)), r"shape \(1,\); .*\(2,\)"),
    ("DYNAMIC_UPDATE_SLICE", "wide"): (
        UPDATED,
        tensor(2, dtype="int64", data=None),
        "starts has type int64; expected int32",
    ),
    ("DYNAMIC_UPDATE_SLICE", "output"): (UPDATED, output(shape=(6, 4)), r"expected \(4, 6\)"),
    ("PACK", "count"): (PACKED, options(values_count=3), "2 inputs; expected 3"),
    ("PACK", "none"): (PACKED, options(values_count=-1), "2 inputs; expected 1"),
    ("PACK", "axis"): (PACKED, options(axis=3), "axis 3; expected an axis of rank 3"),
    ("PACK", "shape"): (PACKED, tensor(1, shape=(2, 3)), r"x has shape \(2, 3\); .*\(3, 2\)"),
    ("PACK", "output"): (PACKED, output(shape=(3, 3, 2)), "expected axis of 2"),
    ("UNPACK", "count"): (UNPACKED, options(num=2), "3 outputs; expected 2"),
    ("UNPACK", "length"): (UNPACKED, tensor(0, shape=(4, 2)), "3 outputs of 4 elements"),
    ("UNPACK", "axis"): (UNPACKED, options(axis=-3), "axis -3; expected an axis of rank 2"),
    ("UNPACK", "shape"): (UNPACKED, output(shape=(1, 2)), r"part0 has shape \(1, 2\)"),
    ("SPLIT_V", "sum"): (PARTS, tensor(1, **ints(2, 4)), r"\[2, 4\] for 2 .* add up to 7"),
    ("SPLIT_V", "two open"): (PARTS, tensor(1, **ints(-1, -1)), r"lengths \[-1, -1\]"),
    ("SPLIT_V", "too long"): (PARTS, tensor(1, **ints(8, -1)), r"lengths \[8, -1\]"),
    ("SPLIT_V", "count"): (PARTS, tensor(1, **ints(2, 3, 2)), "for 2 outputs"),
    ("SPLIT_V", "axes"): (PARTS, tensor(2, **ints(0, 1)), r"shape \(2,\); expected one number"),
    ("SPLIT_V", "shape"): (PARTS, output(shape=(1, 3)), r"part0 has shape \(1, 3\)"),
    ("EXPAND_DIMS", "axis"): (WIDER, tensor(1, **ints(-4)), "axis -4; expected an axis of rank 3"),
    ("EXPAND_DIMS", "axes"): (WIDER, tensor(1, **ints(0, 1)), r"shape \(2,\); expected one number"),
    ("EXPAND_DIMS", "output"): (WIDER, output(shape=(1, 3, 4)), r"expected \(3, 1, 4\)"),
    ("EXPAND_DIMS", "run time"): (WIDER, tensor(1, data=None), "computed at run time"),
    ("EXPAND_DIMS", "constant"): (
        WIDER,
        tensor(0, data=np.zeros((3, 4), np.int8)),
        "a constant is reshaped",
    ),
    ("SQUEEZE", "axis"): (DROPPED, options(squeeze_dims=(3,)), "axis 3; expected an axis of rank"),
    ("SQUEEZE", "length"): (DROPPED, options(squeeze_dims=(1,)), "axis 1 has length 3; expected 1"),
    ("SQUEEZE", "output"): (DROPPED, output(shape=(3, 1)), r"shape \(3, 1\); expected \(1, 3\)"),
}
