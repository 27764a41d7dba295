"""No two activations that live together share bytes, except where a RESHAPE makes them one."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from mcu_slm import plan
from mcu_slm.ir import Graph, GraphBuilder
from mcu_slm.plan import ALIGNMENT, Buffer
from tests.models import every_operator

pytestmark = pytest.mark.unit

Span = tuple[int, int]


def random_buffers(rng: np.random.Generator) -> list[Buffer]:
    steps = int(rng.integers(1, 12))
    buffers = []
    for number in range(rng.integers(1, 16)):
        first = int(rng.integers(-1, steps))
        last = int(rng.integers(first, steps + 1))
        buffers.append(Buffer(f"b{number}", int(rng.integers(1, 200)), first, last))
    return buffers


def apart(a: Span, b: Span) -> bool:
    return a[1] <= b[0] or b[1] <= a[0]


def test_random_lifetimes_never_overlap() -> None:
    rng = np.random.default_rng(42)
    optimal = 0
    for _ in range(2000):
        buffers = random_buffers(rng)
        places = plan.place_buffers(buffers)
        arena = plan.arena_bytes(buffers, places)
        bound = plan.lower_bound(buffers)
        assert all(place >= 0 and place % ALIGNMENT == 0 for place in places)
        spans = [(p, p + b.byte_count) for b, p in zip(buffers, places, strict=True)]
        assert max(end for _, end in spans) <= arena < sum(b.byte_count + 4 for b in buffers)
        for i, first in enumerate(buffers):
            for j in range(i):
                together = first.first <= buffers[j].last and buffers[j].first <= first.last
                assert not together or apart(spans[i], spans[j])
        assert arena >= bound
        optimal += arena == bound
    assert optimal >= 1800


def test_the_lower_bound_is_the_fullest_step() -> None:
    buffers = [Buffer("a", 5, 0, 2), Buffer("b", 8, 2, 3), Buffer("c", 100, 5, 5)]
    assert plan.lower_bound(buffers[:2]) == 16
    assert plan.lower_bound(buffers) == 100


def test_no_buffers_still_make_a_legal_arena() -> None:
    assert plan.place_buffers([]) == ()
    assert plan.arena_bytes([], ()) == ALIGNMENT == plan.lower_bound([])


def random_graph(rng: np.random.Generator) -> Graph:
    """Return operators that each read one or two earlier tensors; every third is a RESHAPE."""
    b = GraphBuilder()
    x = b.tensor("x", (int(rng.integers(1, 60)),), scale=1.0)
    known = [x]
    for number in range(rng.integers(1, 14)):
        sources = [int(s) for s in rng.choice(known, rng.integers(1, 3))]
        reshape = rng.integers(3) == 0
        shape = b.shape(sources[0]) if reshape else (int(rng.integers(1, 60)),)
        y = b.tensor(f"y{number}", shape, scale=1.0)
        b.node("RESHAPE" if reshape else "ADD", sources[:1] if reshape else sources, [y])
        known.append(y)
    return b.build([x], [int(rng.choice(known))])


def alias_roots(graph: Graph) -> dict[int, int]:
    root = {graph.inputs[0]: graph.inputs[0]}
    for node in graph.nodes:
        root[node.outputs[0]] = root[node.inputs[0]] if node.op == "RESHAPE" else node.outputs[0]
    return root


def check_by_execution(graph: Graph, offsets: dict[int, int], arena_bytes: int) -> None:
    """Run the graph with every byte of the arena tagged by the buffer that wrote it last."""
    root = alias_roots(graph)
    arena: list[int | None] = [None] * arena_bytes

    def span(tensor: int) -> slice:
        return slice(offsets[tensor], offsets[tensor] + graph.tensor(tensor).byte_count)

    def write(tensor: int) -> None:
        arena[span(tensor)] = [root[tensor]] * graph.tensor(tensor).byte_count

    def holds(tensor: int) -> bool:
        return set(arena[span(tensor)]) == {root[tensor]}

    write(graph.inputs[0])
    for node in graph.nodes:
        assert all(holds(tensor) for tensor in node.inputs)
        if node.op != "RESHAPE":
            write(node.outputs[0])
            # No operator works in place: what it reads is intact after it has written.
            assert all(holds(tensor) for tensor in node.inputs)
    assert holds(graph.outputs[0])


def test_executing_a_planned_graph_never_reads_overwritten_bytes() -> None:
    rng = np.random.default_rng(43)
    aliases = 0
    for _ in range(400):
        graph = random_graph(rng)
        memory = plan.plan_graph(graph)
        check_by_execution(graph, memory.offsets, memory.arena_bytes)
        root = alias_roots(graph)
        assert all(memory.offsets[t] == memory.offsets[r] for t, r in root.items())
        aliases += sum(t != r for t, r in root.items())
        assert memory.arena_bytes >= memory.lower_bound_bytes
    assert aliases > 400


def test_a_reshape_of_a_reshape_shares_the_place_of_its_source() -> None:
    b = GraphBuilder()
    names = [b.tensor(name, (8,), scale=1.0) for name in ("x", "a", "b", "y")]
    b.node("RESHAPE", [names[0]], [names[1]])
    b.node("RESHAPE", [names[1]], [names[2]])
    b.node("ADD", [names[2], names[2]], [names[3]])
    memory = plan.plan_graph(b.build([names[0]], [names[3]]))
    assert memory.offsets[0] == memory.offsets[1] == memory.offsets[2] != memory.offsets[3]
    assert memory.arena_bytes == 16


def test_a_chain_needs_only_its_two_largest_neighbours() -> None:
    b = GraphBuilder()
    sizes = [100, 40, 80, 20]
    tensors = [b.tensor(f"t{n}", (n,), scale=1.0) for n in sizes]
    for source, target in pairwise(tensors):
        b.node("MEAN", [source], [target])
    memory = plan.plan_graph(b.build(tensors[:1], tensors[-1:]))
    assert memory.arena_bytes == memory.lower_bound_bytes == 140


def test_a_whole_model_is_placed_at_the_lower_bound() -> None:
    memory = plan.plan_graph(every_operator())
    assert memory.arena_bytes == memory.lower_bound_bytes
