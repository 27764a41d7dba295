"""Cases of operators on constants: what is folded reaches an int8 output by way of CAST and ADD."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from mcu_slm.ir import GraphBuilder
from tests.ops.case import Case, rng_of

Shape = tuple[int, ...]


class Given(NamedTuple):
    """A constant input."""

    data: Any
    dtype: str


class Result(NamedTuple):
    """An output; every one of them becomes an output of the graph."""

    shape: Shape
    dtype: str


def ints(*values: int) -> Given:
    """Return a vector of int32."""
    return Given(values, "int32")


def folded(
    op: str, name: str, inputs: Sequence[Given], outputs: Sequence[Result], **options: Any
) -> Case:
    """An operator whose inputs are constants; x is added to each of its results."""
    b = GraphBuilder()
    sources = []
    for number, (data, dtype) in enumerate(inputs):
        scale = 0.05 if dtype == "int8" else None
        shape = np.shape(data)
        sources.append(b.tensor(f"c{number}", shape, dtype, scale=scale, data=data))
    x = b.tensor("x", (1,), scale=0.05, zero_point=-3)
    results, ends = [], []
    for number, (shape, dtype) in enumerate(outputs):
        scale = 0.05 if dtype == "int8" else None
        results.append(b.tensor(f"r{number}", shape, dtype, scale=scale))
    b.node(op, sources, results, **options)
    for number, result in enumerate(results):
        ends.append(added(b, x, result, outputs[number]))
    return Case(name, b.build([x], ends))


def added(b: GraphBuilder, x: int, result: int, kind: Result) -> int:
    """Return x + result, of int8 and at least one axis."""
    shape = kind.shape or (1,)
    if kind.dtype == "int64":
        truth = b.tensor("truth", kind.shape, "bool")
        limit = b.tensor("limit", (), "int64", data=2)
        b.node("LESS", [result, limit], [truth])
        result = truth
    if kind.dtype != "int8":
        narrow = b.tensor("narrow", kind.shape, scale=0.05)
        b.node("CAST", [result], [narrow], in_data_type=0, out_data_type=0)
        result = narrow
    y = b.tensor("y", shape, scale=0.1, zero_point=2)
    b.node("ADD", [x, result], [y], fused_activation_function="NONE")
    return y


def numbers(dtype: str, shape: Shape, seed: str) -> Given:
    """Return small numbers of a type: halves among the real ones, none of them 0."""
    values = rng_of(seed).integers(-20, 20, shape)
    values = values + (values == 0)
    if dtype == "bool":
        return Given(values % 2 == 0, dtype)
    return Given(values / 2.0 if dtype == "float32" else values, dtype)


def pairs(
    op: str, types: Sequence[str], target: str | None = None, **options: Any
) -> Iterator[Case]:
    """Two operands of each type: of one shape, broadcast, and a scalar."""
    for dtype in types:
        kind = target or dtype
        for shape in ((2, 3), (3,), ()):
            inputs = [numbers(dtype, (2, 3), op + dtype), numbers(dtype, shape, f"{op}{shape}")]
            yield folded(op, f"{dtype} by {shape}", inputs, [Result((2, 3), kind)], **options)


def clamped_pairs(op: str) -> Iterator[Case]:
    """Arithmetic with a fused activation."""
    for activation in ("NONE", "RELU", "RELU6", "RELU_N1_TO_1"):
        for case in pairs(op, ("int32", "float32"), fused_activation_function=activation):
            yield Case(f"folded {case.name}, {activation}", case.graph)


def single(op: str, types: Sequence[str], **options: Any) -> Iterator[Case]:
    """One operand of each type."""
    for dtype in types:
        for shape in ((2, 3), (5,), ()):
            given = numbers(dtype, shape, f"{op}{dtype}{shape}")
            yield folded(op, f"folded {dtype} {shape}", [given], [Result(shape, dtype)], **options)


def roots() -> Iterator[Case]:
    """Roots that are whole, and others; CAST shows their integer part."""
    for name, values in (
        ("whole", [4.0, 9.0, 10000.0]),
        ("others", [2.0, 3.5, 99.0]),
        ("0", [0.0]),
    ):
        yield folded("SQRT", name, [Given(values, "float32")], [Result((len(values),), "float32")])


def floor_div_cases() -> Iterator[Case]:
    """Halves; quotients that are whole in float32 only, or 0 there: below all of its numbers."""
    yield from pairs("FLOOR_DIV", ("float32",))
    given = [
        Given([1.0, 5.0, -5.0, -1.0], "float32"),
        Given([0.1, 0.1, -0.1, -0.025], "float32"),
    ]
    yield folded("FLOOR_DIV", "nearly whole", given, [Result((4,), "float32")])
    # The least number of float32 over others: -1 and 0; a quotient in float32 is 0 twice.
    given = [Given([1e-45, 1e-45], "float32"), Given([-2.5, 2.5], "float32")]
    yield folded("FLOOR_DIV", "subnormal", given, [Result((2,), "float32")])


def moved(
    op: str,
    types: Sequence[str],
    shape: Shape,
    extra: Sequence[Given],
    outputs: Sequence[Shape],
    *,
    first: bool = True,
    **options: Any,
) -> Iterator[Case]:
    """An operator that moves elements of each type; `first`: before its other inputs."""
    for dtype in types:
        given = [numbers(dtype, shape, op + dtype)]
        inputs = [*given, *extra] if first else [*extra, *given]
        results = [Result(size, dtype) for size in outputs]
        yield folded(op, f"folded {dtype} {shape}", inputs, results, **options)


def joined(op: str, types: Sequence[str], output: Shape, **options: Any) -> Iterator[Case]:
    """Two tensors of each type, joined."""
    for dtype in types:
        inputs = [numbers(dtype, (2, 3), f"{op}{dtype}{side}") for side in (0, 1)]
        yield folded(op, f"folded {dtype}", inputs, [Result(output, dtype)], **options)


def shape_cases() -> Iterator[Case]:
    """The shape of tensors of every type, and what exporters compute from it."""
    for dtype in ("int8", "uint8", "int16", "int32", "int64", "float32", "bool"):
        yield _shape_of(dtype)
    yield reshaped_by_its_shape()
    yield halved_by_its_shape()


def _shape_of(dtype: str) -> Case:
    b = GraphBuilder()
    scale = 0.05 if dtype in ("int8", "uint8", "int16") else None
    other = b.tensor("other", (2, 5, 1), dtype, scale=scale)
    x = b.tensor("x", (1,), scale=0.05, zero_point=-3)
    lengths = b.tensor("lengths", (3,), "int32")
    b.node("SHAPE", [other], [lengths], out_type=2)
    y = added(b, x, lengths, Result((3,), "int32"))
    return Case(f"of {dtype}", b.build([x, other], [y]))


def reshaped_by_its_shape() -> Case:
    """SHAPE -> STRIDED_SLICE -> PACK -> RESHAPE: Keras' Reshape and Flatten."""
    b = GraphBuilder()
    x = b.tensor("x", (1, 6, 4), scale=0.3, zero_point=2)
    lengths = b.tensor("lengths", (3,), "int32")
    b.node("SHAPE", [x], [lengths], out_type=2)
    bounds = [b.tensor(f"bound{i}", (1,), "int32", data=[v]) for i, v in enumerate((0, 1, 1))]
    batch = b.tensor("batch", (), "int32")
    masks = {"begin_mask": 0, "end_mask": 0, "shrink_axis_mask": 1}
    b.node("STRIDED_SLICE", [lengths, *bounds], [batch], **masks)
    rest = b.tensor("rest", (), "int32", data=-1)
    wanted = b.tensor("wanted", (2,), "int32")
    b.node("PACK", [batch, rest], [wanted], values_count=2, axis=0)
    y = b.tensor("y", (1, 24), scale=0.3, zero_point=2)
    b.node("RESHAPE", [x, wanted], [y], new_shape=())
    return Case("a shape from its shape", b.build([x], [y]))


def halved_by_its_shape() -> Case:
    """Integer arithmetic on a length, compared and chosen by; CAST brings it to the output."""
    b = GraphBuilder()
    x = b.tensor("x", (1, 7), scale=0.3, zero_point=2)
    lengths = b.tensor("lengths", (2,), "int32")
    b.node("SHAPE", [x], [lengths], out_type=2)
    two = b.tensor("two", (), "int32", data=2)
    half = b.tensor("half", (2,), "int32")
    b.node("DIV", [lengths, two], [half], fused_activation_function="NONE")
    odd = b.tensor("odd", (2,), "int32")
    doubled = b.tensor("doubled", (2,), "int32")
    b.node("MUL", [half, two], [doubled], fused_activation_function="NONE")
    b.node("SUB", [lengths, doubled], [odd], fused_activation_function="NONE")
    small = b.tensor("small", (2,), "bool")
    b.node("LESS", [half, two], [small])
    choice = b.tensor("choice", (2,))
    parts = []
    for name, source in (("first", half), ("second", odd)):
        parts.append(b.tensor(name, (2,), scale=0.3))
        b.node("CAST", [source], [parts[-1]], in_data_type=0, out_data_type=0)
    choice = b.tensor("choice", (2,), scale=0.3)
    b.node("SELECT_V2", [small, *parts], [choice])
    vector = b.tensor("vector", (2, 1), scale=0.3)
    b.node("RESHAPE", [choice], [vector], new_shape=(2, 1))
    y = b.tensor("y", (2, 7), scale=0.4, zero_point=1)
    b.node("ADD", [x, vector], [y], fused_activation_function="NONE")
    return Case("half a length", b.build([x], [y]))


def fill_cases() -> Iterator[Case]:
    """One number of each type, as often as a shape says."""
    for dtype in ("int8", "int32", "float32"):
        given = [ints(2, 3), Given(7, dtype)]
        yield folded("FILL", dtype, given, [Result((2, 3), dtype)])


def broadcast_args_cases() -> Iterator[Case]:
    """Shapes of equal and of unequal length."""
    for dtype in ("int32", "int64"):
        for first, second in (((2, 1), (1, 3)), ((5,), (2, 1, 1)), ((4, 3), (3,))):
            size = Result((max(len(first), len(second)),), dtype)
            given = [Given(first, dtype), Given(second, dtype)]
            yield folded("BROADCAST_ARGS", f"{dtype} {first} {second}", given, [size])


def select_cases() -> Iterator[Case]:
    """Real numbers chosen by a condition, with broadcasting."""
    real = [numbers("float32", shape, f"select {shape}") for shape in ((2, 3), (3,))]
    given = [numbers("bool", (2, 1), "condition"), *real]
    yield folded("SELECT_V2", "folded", given, [Result((2, 3), "float32")])


def cast_cases() -> Iterator[Case]:
    """Every pair of types; integers that wrap."""
    for source in ("int8", "int16", "int32", "float32", "bool"):
        for target in ("int8", "int16", "int32", "float32"):
            given = [numbers(source, (2, 3), source + target)]
            yield folded("CAST", f"folded {source} to {target}", given, [Result((2, 3), target)])
    wide = ints(300, -129, 2**31 - 1, -(2**31), 128)
    yield folded("CAST", "folded, wraps", [wide], [Result((5,), "int8")])


PLAIN = ("bool", "int32", "int64", "float32")
NUMBERS = ("int32", "int64", "float32")

FOLDED_CASES: dict[str, Callable[[], Iterator[Case]]] = {
    "ABS": lambda: single("ABS", ("float32",)),
    "BROADCAST_ARGS": broadcast_args_cases,
    "BROADCAST_TO": lambda: moved("BROADCAST_TO", PLAIN, (3,), [ints(2, 3)], [(2, 3)]),
    "CAST": cast_cases,
    "CEIL": lambda: single("CEIL", ("float32",)),
    "CONCATENATION": lambda: joined(
        "CONCATENATION", PLAIN, (4, 3), axis=0, fused_activation_function="NONE"
    ),
    "EXPAND_DIMS": lambda: moved(
        "EXPAND_DIMS", ("int8", "float32"), (2, 3), [Given(1, "int32")], [(2, 1, 3)]
    ),
    "FILL": fill_cases,
    "FLOOR": lambda: single("FLOOR", ("float32",)),
    "FLOOR_DIV": floor_div_cases,
    "FLOOR_MOD": lambda: pairs("FLOOR_MOD", ("float32",)),
    "GATHER": lambda: moved(
        "GATHER", ("float32",), (4, 2), [ints(3, 1, 1)], [(3, 2)], axis=0, batch_dims=0
    ),
    "MAXIMUM": lambda: pairs("MAXIMUM", NUMBERS),
    "MINIMUM": lambda: pairs("MINIMUM", NUMBERS),
    "PACK": lambda: joined("PACK", NUMBERS, (2, 2, 3), axis=1, values_count=2),
    "RESHAPE": lambda: moved("RESHAPE", ("int8", *PLAIN), (2, 3), [ints(3, -1)], [(3, 2)]),
    "REVERSE_V2": lambda: moved("REVERSE_V2", PLAIN, (2, 3), [ints(1)], [(2, 3)]),
    "ROUND": lambda: single("ROUND", ("float32",)),
    "SELECT_V2": select_cases,
    "SHAPE": shape_cases,
    "SLICE": lambda: moved(
        "SLICE", ("bool", "int32", "float32"), (3, 4), [ints(1, 0), ints(2, -1)], [(2, 4)]
    ),
    "SPLIT": lambda: moved(
        "SPLIT", ("int32", "float32"), (2, 4), [Given(1, "int32")], [(2, 2)] * 2,
        first=False, num_splits=2,
    ),
    "SPLIT_V": lambda: moved(
        "SPLIT_V", ("int32", "float32"), (5,), [ints(2, -1), Given(0, "int32")], [(2,), (3,)],
        num_splits=2,
    ),
    "SQRT": roots,
    "SQUARE": lambda: single("SQUARE", ("float32",)),
    "SQUARED_DIFFERENCE": lambda: pairs("SQUARED_DIFFERENCE", ("int32", "float32")),
    "SQUEEZE": lambda: moved(
        "SQUEEZE", ("int8", *PLAIN), (1, 3, 1), [], [(3,)], squeeze_dims=(0, 2)
    ),
    "STRIDED_SLICE": lambda: moved(
        "STRIDED_SLICE", ("bool", "int32", "float32"), (6,), [ints(5), ints(0), ints(-2)], [(3,)],
        begin_mask=0, end_mask=0, shrink_axis_mask=0,
    ),
    "TRANSPOSE": lambda: moved("TRANSPOSE", ("float32",), (2, 3), [ints(1, 0)], [(3, 2)]),
    "UNPACK": lambda: moved(
        "UNPACK", ("int32", "float32"), (3, 2), [], [(2,)] * 3, num=3, axis=0
    ),
    "ZEROS_LIKE": lambda: single("ZEROS_LIKE", ("int8", "int32", "int64", "float32")),
    **{op: (lambda op=op: clamped_pairs(op)) for op in ("ADD", "SUB", "MUL", "DIV")},
    **{
        op: (lambda op=op: pairs(op, PLAIN, "bool")) for op in ("EQUAL", "NOT_EQUAL")
    },
    **{
        op: (lambda op=op: pairs(op, NUMBERS, "bool"))
        for op in ("GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL")
    },
    **{op: (lambda op=op: pairs(op, ("bool",))) for op in ("LOGICAL_AND", "LOGICAL_OR")},
    "LOGICAL_NOT": lambda: single("LOGICAL_NOT", ("bool",)),
}  # fmt: skip
