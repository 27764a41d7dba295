"""Comparisons, choices, running sums and folded shapes as a stretch of a larger network."""

from __future__ import annotations

from typing import Any

from mcu_slm.ir import GraphBuilder

Shape = tuple[int, ...]
KEPT: dict[str, Any] = {"scale": 0.06, "zero_point": -9}
_PLAIN = {"fused_activation_function": "NONE"}


def logic_layers(b: GraphBuilder, tokens: int) -> int:
    """Return layers over [1, 8, 8] at scale 0.06, zero point -9 that keep both."""
    padded = b.tensor("mirrored", (1, 10, 8), **KEPT)
    widths = b.tensor("widths", (3, 2), "int32", data=[(0, 0), (1, 1), (0, 0)])
    b.node("MIRROR_PAD", [tokens, widths], [padded], mode="REFLECT")
    picked = b.tensor("picked", (8, 8), **KEPT)
    rows = b.tensor("rows", (8, 2), "int32", data=[(0, i) for i in (9, 1, 2, 3, 4, 6, 5, 0)])
    b.node("GATHER_ND", [padded, rows], [picked])
    x = b.tensor("again", (1, 8, 8), **KEPT)
    b.node("RESHAPE", [picked, _shape_of(b, tokens)], [x], new_shape=())
    running = b.tensor("running", (1, 8, 8), scale=0.2, zero_point=5)
    axis = b.tensor("time_axis", (), "int32", data=1)
    b.node("CUMSUM", [x, axis], [running], exclusive=False, reverse=True)
    total = b.tensor("total", (1, 8, 8), **KEPT)
    b.node("ADD_N", [x, tokens, tokens], [total])
    chosen = b.tensor("chosen", (1, 8, 8), **KEPT)
    b.node("SELECT_V2", [_condition(b, x, running), total, x], [chosen])
    return _places(b, chosen)


def _condition(b: GraphBuilder, x: int, other: int) -> int:
    """Return a truth value for each element, by every relation and connective."""
    shape = b.shape(x)

    def truth(op: str, *operands: int) -> int:
        y = b.tensor(op.lower(), shape, "bool")
        b.node(op, list(operands), [y])
        return y

    level = b.tensor("level", (8,), scale=0.05, data=range(-40, 40, 10))
    above = truth("LOGICAL_AND", truth("GREATER", x, level), truth("LESS", other, x))
    beyond = truth(
        "LOGICAL_AND", truth("GREATER_EQUAL", other, level), truth("NOT_EQUAL", x, other)
    )
    equal = truth("LOGICAL_OR", truth("EQUAL", x, level), truth("LESS_EQUAL", x, level))
    return truth("LOGICAL_OR", above, truth("LOGICAL_AND", truth("LOGICAL_NOT", equal), beyond))


def _places(b: GraphBuilder, x: int) -> int:
    """Return x plus where its rows have their largest and smallest element."""
    axis = b.tensor("place_axis", (), "int32", data=-1)
    parts = []
    for op in ("ARG_MAX", "ARG_MIN"):
        place = b.tensor(op.lower(), (1, 8), "int32")
        b.node(op, [x, axis], [place], output_type=2)
        narrow = b.tensor(f"{op.lower()}_narrow", (1, 8), scale=0.05, zero_point=3)
        b.node("CAST", [place], [narrow], in_data_type=2, out_data_type=9)
        parts.append(narrow)
    both = b.tensor("both", (1, 8), scale=0.1)
    b.node("ADD_N", parts, [both])
    column = b.tensor("column", (1, 8, 1), scale=0.1)
    b.node("RESHAPE", [both], [column], new_shape=(1, 8, 1))
    y = b.tensor("placed", (1, 8, 8), **KEPT)
    b.node("ADD", [x, column], [y], **_PLAIN)
    return y


def _shape_of(b: GraphBuilder, tokens: int) -> int:
    """Return the shape of the tokens, the long way round: by every operator that is only folded."""

    def then(op: str, shape: Shape, dtype: str, *operands: int, **options: Any) -> int:
        y = b.tensor(f"folded_{op.lower()}", shape, dtype)
        b.node(op, list(operands), [y], **options)
        return y

    lengths = then("SHAPE", (3,), "int32", tokens, out_type=2)
    two = b.tensor("two", (), "int32", data=2)
    half = then("DIV", (3,), "int32", lengths, two, **_PLAIN)
    real = then("CAST", (3,), "float32", half, in_data_type=2, out_data_type=0)
    for op in ("SQUARE", "SQRT", "ROUND", "FLOOR", "CEIL"):
        real = then(op, (3,), "float32", real)
    size = b.tensor("three", (1,), "int32", data=[3])
    half_of_one = b.tensor("half_of_one", (), "float32", data=0.5)
    halves = then("FILL", (3,), "float32", size, half_of_one)
    whole = then("FLOOR_DIV", (3,), "float32", real, halves)
    rest = then("FLOOR_MOD", (3,), "float32", whole, halves)
    nothing = then("ZEROS_LIKE", (3,), "float32", rest)
    whole = then("MAXIMUM", (3,), "float32", whole, nothing)
    again = then("CAST", (3,), "int32", whole, in_data_type=0, out_data_type=2)
    return then("BROADCAST_ARGS", (3,), "int32", again, lengths)
