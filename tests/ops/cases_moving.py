"""Cases of the operators that move bytes and compute nothing.

Every output shape is written down, not derived, so that an error in a derivation is seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from mcu_slm.ir import GraphBuilder
from tests.models import indices
from tests.ops.case import Case, rng_of

Shape = tuple[int, ...]
QUANTIZED = {"scale": 0.1, "zero_point": -3}


def move(
    op: str,
    name: str,
    shape: Shape,
    output: Shape,
    constants: Sequence[Sequence[int] | int] = (),
    *,
    wide: bool = False,
    **options: object,
) -> Case:
    """An operator of one activation, followed by constant vectors (int64 when `wide`)."""
    b = GraphBuilder()
    x = b.tensor("x", shape, **QUANTIZED)
    inputs = [x]
    for number, values in enumerate(constants):
        data = np.asarray(values)
        dtype = "int64" if wide else "int32"
        inputs.append(b.tensor(f"constant{number}", data.shape, dtype, data=data))
    y = b.tensor("y", output, **QUANTIZED)
    b.node(op, inputs, [y], **options)
    return Case(name, b.build([x], [y]))


# --- Another shape


def expand_dims_cases() -> Iterator[Case]:
    """Each place that an axis can have; a scalar; the axis as scalar and as vector."""
    yield move("EXPAND_DIMS", "first", (3, 4), (1, 3, 4), [0])
    yield move("EXPAND_DIMS", "middle", (3, 4), (3, 1, 4), [(1,)])
    yield move("EXPAND_DIMS", "last", (3, 4), (3, 4, 1), [-1])
    yield move("EXPAND_DIMS", "behind all", (3, 4), (3, 4, 1), [2])
    yield move("EXPAND_DIMS", "scalar", (), (1,), [0])


def squeeze_cases() -> Iterator[Case]:
    """Named axes, all axes, down to a scalar, nothing to drop."""
    yield move("SQUEEZE", "one", (1, 3, 1, 4), (1, 3, 4), squeeze_dims=(2,))
    yield move("SQUEEZE", "negative", (1, 3, 1, 4, 1), (3, 1, 4), squeeze_dims=(-1, 0))
    yield move("SQUEEZE", "all", (1, 3, 1, 4), (3, 4), squeeze_dims=())
    yield move("SQUEEZE", "to a scalar", (1, 1), (), squeeze_dims=(0, 1))
    yield move("SQUEEZE", "nothing", (2, 3), (2, 3), squeeze_dims=())


# --- Parts of a tensor


def slice_cases() -> Iterator[Case]:
    """Whole axes, single elements, -1 for the rest, five axes, int64 numbers."""
    yield move("SLICE", "middle", (1, 6, 4), (1, 3, 4), [(0, 2, 0), (1, 3, 4)])
    yield move("SLICE", "box", (3, 5, 7), (2, 3, 4), [(1, 2, 3), (2, 3, 4)])
    yield move("SLICE", "rest", (2, 5, 3), (1, 4, 3), [(1, 1, 0), (-1, -1, -1)])
    yield move("SLICE", "one element", (4, 4), (1, 1), [(3, 3), (1, 1)])
    yield move("SLICE", "vector", (9,), (5,), [(4,), (5,)])
    yield move("SLICE", "everything", (2, 3), (2, 3), [(0, 0), (2, 3)])
    boxes = [(1, 0, 1, 1, 0), (1, 2, 1, 2, 3)]
    yield move("SLICE", "five axes", (2, 3, 3, 4, 5), (1, 2, 1, 2, 3), boxes)
    yield move("SLICE", "int64", (4, 6), (2, 5), [(1, 1), (2, -1)], wide=True)


def strided_slice(
    name: str,
    shape: Shape,
    output: Shape,
    bounds: tuple[Sequence[int], Sequence[int], Sequence[int]],
    masks: tuple[int, int, int] = (0, 0, 0),
) -> Case:
    """A STRIDED_SLICE; `masks` of begin, end and shrunk axes."""
    return move(
        "STRIDED_SLICE", name, shape, output, bounds,
        begin_mask=masks[0], end_mask=masks[1], ellipsis_mask=0, new_axis_mask=0,
        shrink_axis_mask=masks[2], offset=False,
    )  # fmt: skip


def strided_slice_cases() -> Iterator[Case]:
    """Both directions, every mask, negative and clamped bounds, and all pairs of short bounds."""
    case = strided_slice
    yield case("every second", (1, 8, 3), (1, 4, 3), ((0, 0, 0), (1, 8, 3), (1, 2, 1)))
    yield case("every third of the last", (2, 7), (2, 3), ((0, 0), (2, 7), (1, 3)))
    yield case("backwards", (5, 3), (5, 3), ((-1, -1), (-6, -4), (-1, -1)))
    yield case("backwards by two", (1, 8), (1, 3), ((0, 6), (1, 1), (1, -2)))
    yield case("backwards, masks", (2, 7), (2, 4), ((9, 9), (1, 1), (-1, -2)), (3, 3, 0))
    yield case("masks", (3, 4, 5), (2, 3, 5), ((9, 1, 2), (2, 9, 3), (1, 1, 1)), (5, 6, 0))
    yield case("last step", (1, 6, 4), (1, 4), ((0, -1, 0), (0, 0, 0), (1, 1, 1)), (5, 5, 2))
    yield case("shrunk outside", (4, 3), (3,), ((2, 0), (-9, 3), (1, 1)), (0, 0, 1))
    yield case("one value", (4, 3), (), ((2, 1), (3, 2), (1, 1)), (0, 0, 3))
    yield case("clamped", (4, 6), (3, 6), ((1, -100), (100, 100), (1, 1)))
    yield case("negative bounds", (1, 9), (1, 3), ((0, -5), (1, -2), (1, 1)))
    yield case(
        "four axes", (2, 4, 5, 3), (1, 2, 2, 3),
        ((1, 0, 4, 2), (2, 4, 0, -4), (1, 2, -2, -1)),
    )  # fmt: skip
    yield case("long step", (1, 10), (1, 1), ((0, 3), (1, 10), (1, 50)))
    for begin, end, stride in [(-3, 4, 2), (3, -4, -1), (2, 5, 1), (4, 0, -3), (-1, -5, -2)]:
        length = len(range(5)[begin:end:stride])
        bounds = ((0, begin), (2, end), (1, stride))
        yield case(f"{begin}:{end}:{stride} of 5", (2, 5), (2, length), bounds)
    rng = rng_of("random slices")
    for number in range(6):
        yield _random_strided_slice(f"random {number}", rng)


def _random_strided_slice(name: str, rng: np.random.Generator) -> Case:
    """Bounds on both sides of both ends, half of them masked; NumPy says what is left."""
    while True:
        shape = tuple(int(n) for n in rng.integers(2, 6, rng.integers(1, 5)))
        begins, ends = ([int(rng.integers(-n - 2, n + 3)) for n in shape] for _ in range(2))
        strides = [int(rng.choice([1, 2, 3, -1, -2])) for _ in shape]
        masks = [int(rng.integers(2 ** len(shape))) for _ in range(2)]
        box = tuple(
            slice(None if masks[0] >> i & 1 else b, None if masks[1] >> i & 1 else e, s)
            for i, (b, e, s) in enumerate(zip(begins, ends, strides, strict=True))
        )
        output = np.empty(shape, np.int8)[box].shape
        if 0 not in output:
            return strided_slice(
                name, shape, output, (begins, ends, strides), (masks[0], masks[1], 0)
            )


def gather(
    name: str,
    shape: Shape,
    output: Shape,
    picks: Sequence[object] | int,
    axis: int = 0,
    batch_dims: int = 0,
) -> Case:
    """A GATHER with constant numbers of any shape."""
    return move("GATHER", name, shape, output, [picks], axis=axis, batch_dims=batch_dims)


def gather_cases() -> Iterator[Case]:
    """First, middle and last axis, repeated rows, a scalar, a matrix, common leading axes."""
    yield gather("rows", (5, 3), (4, 3), (4, 0, 2, 2))
    yield gather("channels", (1, 4, 6), (1, 4, 3), (5, 0, 3), -1)
    yield gather("middle", (2, 5, 3), (2, 2, 3), (4, 1), 1)
    yield gather("one row", (4, 3), (3,), 2)
    yield gather("one element", (4,), (1,), (3,))
    yield gather("matrix of rows", (4, 2), (2, 3, 2), [[0, 1, 2], [3, 3, 0]])
    yield gather("own picks per batch", (2, 4, 3), (2, 2, 3), [[3, 1], [0, 2]], 1, 1)
    yield gather("negative batch_dims", (2, 3, 4), (2, 3, 2), [[0, 1], [2, 3]], 2, -1)
    yield gather("two batch axes", (2, 2, 3), (2, 2, 1), [[[2], [1]], [[0], [2]]], 2, 2)

    yield chosen("GATHER", "numbers at run time", (7, 3), (4,))
    yield chosen("GATHER", "last axis at run time", (1, 2, 9), (5,), axis=2)
    yield chosen("GATHER", "own picks at run time", (2, 6, 3), (2, 4), axis=1, batch_dims=1)


def chosen(
    op: str, name: str, shape: Shape, picks: Shape, axis: int = 0, batch_dims: int = 0
) -> Case:
    """Rows of a constant table that an input chooses."""
    b, data = GraphBuilder(), rng_of(name).integers(-128, 128, shape)
    ids = b.tensor("ids", picks, "int32")
    table = b.tensor("table", shape, data=data, **QUANTIZED)
    output = shape[:axis] + picks[batch_dims:] + shape[axis + 1 :]
    y = b.tensor("y", output, **QUANTIZED)
    if op == "GATHER":
        b.node(op, [table, ids], [y], axis=axis, batch_dims=batch_dims)
    else:
        b.node(op, [ids, table], [y])
    return Case(name, b.build([ids], [y]))


def embedding_lookup_cases() -> Iterator[Case]:
    """Rows of an activation; input 0 is the numbers, input 1 the table."""
    for name, shape, picks in [
        ("rows", (6, 4), (5, 0, 0, 3)),
        ("one row", (3, 5), (2,)),
        ("three axes", (3, 2, 4), (2, 1)),
    ]:
        b = GraphBuilder()
        table = b.tensor("table", shape, **QUANTIZED)
        y = b.tensor("y", (len(picks), *shape[1:]), **QUANTIZED)
        b.node("EMBEDDING_LOOKUP", [indices(b, "ids", picks), table], [y])
        yield Case(name, b.build([table], [y]))
    yield _learned_position()
    yield chosen("EMBEDDING_LOOKUP", "numbers at run time", (11, 5), (6,))


def _learned_position() -> Case:
    """Rows of a constant table beside the input."""
    b = GraphBuilder()
    x = b.tensor("x", (2, 4), **QUANTIZED)
    data = rng_of("positions").integers(-128, 128, (5, 4))
    table = b.tensor("table", (5, 4), **QUANTIZED, data=data)
    rows = b.tensor("rows", (2, 4), **QUANTIZED)
    b.node("EMBEDDING_LOOKUP", [indices(b, "ids", (3, 1)), table], [rows])
    y = b.tensor("y", (2, 2, 4), **QUANTIZED)
    b.node("PACK", [x, rows], [y], values_count=2, axis=0)
    return Case("constant table", b.build([x], [y]))


# --- Another order, and repetition


def reverse_v2_cases() -> Iterator[Case]:
    """Each place an axis can have, neighbours in any order, all axes, rank 6."""
    for shape, axes in [
        ((1, 7), (1,)),
        ((3, 4, 2), (0,)),
        ((3, 4, 2), (1,)),
        ((3, 4, 2), (-1,)),
        ((2, 3, 4, 2), (2, 1)),
        ((2, 3, 4), (0, 1, 2)),
        ((5,), (0,)),
        ((2, 1, 3, 2, 2, 2), (2, 3)),
    ]:
        yield move("REVERSE_V2", f"{shape} along {axes}", shape, shape, [axes])


def broadcast_to_cases() -> Iterator[Case]:
    """Leading, middle and last axis, new axes, nothing to repeat, five axes, int64 shapes."""
    for shape, target in [
        ((1, 4), (3, 4)),
        ((3, 1), (3, 5)),
        ((2, 1, 3), (2, 4, 3)),
        ((3,), (2, 3)),
        ((1, 2, 1), (4, 3, 2, 5)),
        ((2, 3), (2, 3)),
        ((2, 1, 2, 1, 2), (2, 3, 2, 3, 2)),
        ((1,), (7,)),
    ]:
        yield move("BROADCAST_TO", f"{shape} to {target}", shape, target, [target])
    yield move("BROADCAST_TO", "int64", (1, 2), (3, 2), [(3, 2)], wide=True)


def space_to_depth_cases() -> Iterator[Case]:
    """Blocks of 1 to 3, several batches, odd channels."""
    yield move("SPACE_TO_DEPTH", "two", (1, 4, 6, 3), (1, 2, 3, 12), block_size=2)
    yield move("SPACE_TO_DEPTH", "three", (1, 3, 6, 2), (1, 1, 2, 18), block_size=3)
    yield move("SPACE_TO_DEPTH", "two batches", (2, 4, 4, 1), (2, 2, 2, 4), block_size=2)
    yield move("SPACE_TO_DEPTH", "one", (1, 2, 3, 2), (1, 2, 3, 2), block_size=1)


def depth_to_space_cases() -> Iterator[Case]:
    """Blocks of 1 to 3, several batches, odd channels."""
    yield move("DEPTH_TO_SPACE", "two", (1, 2, 3, 12), (1, 4, 6, 3), block_size=2)
    yield move("DEPTH_TO_SPACE", "three", (1, 1, 2, 18), (1, 3, 6, 2), block_size=3)
    yield move("DEPTH_TO_SPACE", "two batches", (2, 2, 2, 4), (2, 4, 4, 1), block_size=2)
    yield move("DEPTH_TO_SPACE", "one", (1, 2, 3, 2), (1, 2, 3, 2), block_size=1)


# --- Joined and dealt out


def pack(name: str, shape: Shape, output: Shape, axis: int, constants: int = 0) -> Case:
    """A PACK of one activation (several times) and of constants."""
    rng, b = rng_of(name), GraphBuilder()
    x = b.tensor("x", shape, **QUANTIZED)
    sources = [x] * (output[axis] - constants)
    for number in range(constants):
        data = rng.integers(-128, 128, shape)
        sources.insert(0, b.tensor(f"constant{number}", shape, **QUANTIZED, data=data))
    y = b.tensor("y", output, **QUANTIZED)
    b.node("PACK", sources, [y], values_count=len(sources), axis=axis)
    return Case(name, b.build([x], [y]))


def pack_cases() -> Iterator[Case]:
    """The new axis first, in between and last; constants; scalars; one input."""
    yield pack("first", (3, 2), (2, 3, 2), 0, constants=1)
    yield pack("middle", (3, 2), (3, 4, 2), 1, constants=3)
    yield pack("last", (3, 2), (3, 2, 3), -1, constants=2)
    yield pack("one", (4,), (4, 1), 1)
    yield pack("scalars", (), (3,), 0, constants=2)


def dealt(
    op: str,
    name: str,
    shape: Shape,
    parts: Sequence[Shape],
    constants: Sequence[Sequence[int] | int] = (),
    **options: object,
) -> Case:
    """An operator with several outputs, joined again in reverse as vectors."""
    b = GraphBuilder()
    x = b.tensor("x", shape, **QUANTIZED)
    numbers = [indices(b, f"constant{i}", values) for i, values in enumerate(constants)]
    outputs = [b.tensor(f"part{i}", part, **QUANTIZED) for i, part in enumerate(parts)]
    b.node(op, [x, *numbers], outputs, **options)
    flat = []
    for i, part in enumerate(parts):
        count = int(np.prod(part))
        flat.append(b.tensor(f"flat{i}", (count,), **QUANTIZED))
        b.node("RESHAPE", [outputs[i]], [flat[i]], new_shape=(count,))
    y = b.tensor("y", (int(np.prod(shape)),), **QUANTIZED)
    b.node("CONCATENATION", flat[::-1], [y], axis=0, fused_activation_function="NONE")
    return Case(name, b.build([x], [y]))


def unpack_cases() -> Iterator[Case]:
    """Each place an axis can have; scalars; one output."""
    yield dealt("UNPACK", "first", (3, 2, 4), [(2, 4)] * 3, num=3, axis=0)
    yield dealt("UNPACK", "middle", (3, 2, 4), [(3, 4)] * 2, num=2, axis=1)
    yield dealt("UNPACK", "last", (3, 2, 4), [(3, 2)] * 4, num=4, axis=-1)
    yield dealt("UNPACK", "scalars", (3,), [()] * 3, num=3, axis=0)
    yield dealt("UNPACK", "one", (1, 5), [(5,)], num=1, axis=0)


def split_v_cases() -> Iterator[Case]:
    """Unequal parts along each axis, one length left to derive, one part."""
    parts = [(1, 2, 3), (1, 1, 3), (1, 4, 3)]
    yield dealt("SPLIT_V", "middle", (1, 7, 3), parts, [(2, 1, 4), 1], num_splits=3)
    parts = [(2, 5), (2, 1)]
    yield dealt("SPLIT_V", "negative axis", (2, 6), parts, [(5, 1), -1], num_splits=2)
    parts = [(1, 3), (3, 3)]
    yield dealt("SPLIT_V", "rest", (4, 3), parts, [(1, -1), (0,)], num_splits=2)
    yield dealt("SPLIT_V", "one part", (2, 3), [(2, 3)], [(3,), 1], num_splits=1)


def updated(
    name: str, shape: Shape, box: Shape, starts: Sequence[int] | None, dtype: str = "int32"
) -> Case:
    """DYNAMIC_UPDATE_SLICE; without `starts` they are an input of the model."""
    b = GraphBuilder()
    kept = {"scale": 0.05, "zero_point": -7}
    x, part = b.tensor("x", shape, **kept), b.tensor("box", box, **kept)
    named = b.tensor("starts", (len(shape),), dtype, data=starts)
    y = b.tensor("y", shape, **kept)
    b.node("DYNAMIC_UPDATE_SLICE", [x, part, named], [y])
    return Case(name, b.build([x, part] if starts is not None else [x, part, named], [y]))


def updated_cases() -> Iterator[Case]:
    """Constant starts and starts of run time, within and beyond; one axis to five; the whole."""
    yield updated("a row", (4, 6), (1, 6), (2, 0))
    yield updated("a box", (2, 5, 6), (1, 2, 3), (1, 2, 3), "int64")
    yield updated("beyond both ends", (5, 6), (2, 3), (-4, 99))
    yield updated("at run time", (9, 8), (3, 2), None)
    yield updated("five axes", (2, 2, 3, 2, 4), (1, 2, 1, 1, 3), (1, 0, 2, 1, 1))
    yield updated("all of it", (3, 4), (3, 4), (1, 1))
    yield updated("a vector", (7,), (3,), (2,))


MOVING_CASES: dict[str, Callable[[], Iterator[Case]]] = {
    "DYNAMIC_UPDATE_SLICE": updated_cases,
    "BROADCAST_TO": broadcast_to_cases,
    "DEPTH_TO_SPACE": depth_to_space_cases,
    "EMBEDDING_LOOKUP": embedding_lookup_cases,
    "EXPAND_DIMS": expand_dims_cases,
    "GATHER": gather_cases,
    "PACK": pack_cases,
    "REVERSE_V2": reverse_v2_cases,
    "SLICE": slice_cases,
    "SPACE_TO_DEPTH": space_to_depth_cases,
    "SPLIT_V": split_v_cases,
    "SQUEEZE": squeeze_cases,
    "STRIDED_SLICE": strided_slice_cases,
    "UNPACK": unpack_cases,
}
