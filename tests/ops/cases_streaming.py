"""Cases of layers that keep state: SVDF and variables. The windows of a case are one stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from mcu_slm.ir import GraphBuilder
from tests.ops.case import Case, rng_of
from tests.streaming_layers import handle, ring_layer, svdf_layer


def svdf(
    name: str, shape: tuple[int, int], units: int, *, zero_point: int = -7, **options: Any
) -> Case:
    """An SVDF over [batches, inputs]."""
    rng, b = rng_of(name), GraphBuilder()
    x = b.tensor("x", shape, scale=0.05, zero_point=zero_point)
    y = svdf_layer(b, rng, x, 0.05, units, **options)
    return Case(name, b.build([x], [y]))


def svdf_cases() -> Iterator[Case]:
    """Both types of memory, ranks, batches, one step, saturation, sums that wrap around."""
    yield svdf("odd sizes", (1, 7), 5)
    yield svdf("one by one", (1, 1), 1, steps=1)
    yield svdf("rank 3, batches", (3, 4), 5, rank=3, steps=6)
    yield svdf("int8 memory", (1, 9), 4, memory="int8", rank=2, memory_zero_point=11)
    yield svdf("int8 memory, batches", (2, 5), 3, memory="int8", steps=1, activation="NONE")
    yield svdf("memory saturates", (1, 8), 4, memory_gain=0.05, zero_point=127)
    zero = {"memory_gain": 0.05, "memory_zero_point": -100}
    yield svdf("int8 memory wraps around", (1, 8), 4, memory="int8", **zero)
    zero["memory_zero_point"] = 3000
    yield svdf("int16 memory wraps around", (2, 8), 4, **zero)
    yield svdf("sums wrap around", (1, 6), 4, rank=2, steps=30, memory_gain=0.1)
    yield svdf("output saturates", (1, 6), 4, output=(0.001, -128), activation="RELU6")
    yield svdf("left shift", (1, 2), 3, time_peak=1, output=(1e-7, 0), activation="TANH")
    yield svdf("long memory", (1, 3), 8, rank=2, steps=50)


def call_once_cases() -> Iterator[Case]:
    """Start values that are one byte repeated, and others."""
    yield ring("a ring", (1, 1, 4), 3, "ring", 9)
    yield ring("a ring of one row", (1, 2, 5), 1, "ring", range(5))
    yield ring("start at the end", (1, 1, 2), 2, "ring", 127)


def var_handle_cases() -> Iterator[Case]:
    """One handle and several, without a container, names that C does not know."""
    yield two_handles()
    yield assigned_before_it_is_read()
    yield ring("a strange name", (1, 1, 1), 1, "größe */ \\\n", None)


def read_cases() -> Iterator[Case]:
    """Without start values, without an assignment, after one."""
    yield ring("a ring at rest", (1, 2, 3), 4, "ring", None)
    yield only_read()
    yield assigned_before_it_is_read()
    yield other_scales()


def assign_cases() -> Iterator[Case]:
    """Once and twice, of what was computed, of the input, of a constant."""
    yield ring("a short ring, a long frame", (1, 5, 1), 2, "ring", -4)
    yield assigned_before_it_is_read()
    yield two_handles()


def ring(name: str, shape: tuple[int, int, int], steps: int, variable: str, start: Any) -> Case:
    """Rows of a stream, the latest and some before; `start` None leaves the zero point."""
    b = GraphBuilder()
    x = b.tensor("x", shape, scale=0.05, zero_point=-7)
    y = _called(b, lambda: ring_layer(b, x, (0.05, -7), steps, variable, start))
    return Case(name, b.build([x], [y]))


def _called(b: GraphBuilder, layers: Callable[[], int]) -> int:
    """Add CALL_ONCE and a variable with a start value of its own, then the layers."""
    b.node("CALL_ONCE", [], [], init_subgraph_index=1)
    unused = b.tensor("unused", (1, 2), scale=1.0)
    b.start_value("unused", unused, (1, 2))
    return layers()


def assigned_before_it_is_read() -> Case:
    """The variable passes the input on; what it held before matters to nobody."""
    b = GraphBuilder()
    x, y = (b.tensor(name, (1, 3), scale=0.5) for name in "xy")

    def layers() -> int:
        held = handle(b, "held", None)
        b.node("ASSIGN_VARIABLE", [held, x], [])
        b.node("READ_VARIABLE", [held], [y])
        return y

    return Case("assigned before it is read", b.build([x], [_called(b, layers)]))


def only_read() -> Case:
    """A variable that keeps its start value."""
    b = GraphBuilder()
    x, held, y = (b.tensor(name, (1, 3), scale=0.5) for name in ("x", "held", "y"))

    def layers() -> int:
        b.node("READ_VARIABLE", [handle(b, "constant")], [held])
        b.start_value("constant", held, (-100, 0, 100))
        b.node("ADD", [x, held], [y], fused_activation_function="NONE")
        return y

    return Case("only read", b.build([x], [_called(b, layers)]))


def other_scales() -> Case:
    """What is read has another zero point than what is assigned, which is what rest means."""
    b = GraphBuilder()
    x = b.tensor("x", (1, 3), scale=0.5, zero_point=-9)
    y = b.tensor("y", (1, 3), scale=0.4, zero_point=7)
    held = handle(b, "held")
    b.node("READ_VARIABLE", [held], [y])
    b.node("ASSIGN_VARIABLE", [held, x], [])
    return Case("other scales", b.build([x], [y]))


def two_handles() -> Case:
    """One variable behind two handles, assigned twice and read in between; y is x before last."""
    b = GraphBuilder()
    x, before, joined = (
        b.tensor(name, shape, scale=0.5, zero_point=3)
        for name, shape in (("x", (1, 2)), ("before", (1, 2)), ("joined", (1, 4)))
    )
    again = b.tensor("again", (1, 2), scale=0.5, zero_point=3)
    fixed = b.tensor("fixed", (1, 2), scale=0.5, zero_point=3, data=[[5, -5]])

    def layers() -> int:
        first, second = handle(b, "pair"), handle(b, "pair")
        b.node("READ_VARIABLE", [second], [before])
        b.node("ASSIGN_VARIABLE", [first, fixed], [])
        b.node("READ_VARIABLE", [second], [again])
        b.node("ASSIGN_VARIABLE", [second, x], [])
        options = {"axis": 1, "fused_activation_function": "NONE"}
        b.node("CONCATENATION", [before, again], [joined], **options)
        return joined

    return Case("two handles", b.build([x], [_called(b, layers)]))


STREAMING_CASES: dict[str, Callable[[], Iterator[Case]]] = {
    "ASSIGN_VARIABLE": assign_cases,
    "CALL_ONCE": call_once_cases,
    "READ_VARIABLE": read_cases,
    "SVDF": svdf_cases,
    "VAR_HANDLE": var_handle_cases,
}
