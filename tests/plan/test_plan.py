"""Graphs: a tensor's bytes are there whenever a layer still has to read them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from mcu_slm import plan
from mcu_slm.ir import Graph, GraphBuilder
from mcu_slm.plan import Demand, MemoryPlan
from tests.models import every_operator

pytestmark = pytest.mark.unit


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


def random_demands(rng: np.random.Generator, graph: Graph) -> list[Demand]:
    """Return clearances for some inputs of some operators, from none to more than the output."""
    demands = []
    for node in graph.nodes:
        size = graph.tensor(node.outputs[0]).byte_count
        chosen = [t for t in node.inputs if node.op != "RESHAPE" and rng.integers(3)]
        clearances = {tensor: int(rng.integers(0, size + 8)) for tensor in chosen}
        level = frozenset(t for t in node.inputs if node.op != "RESHAPE" and rng.integers(4) == 0)
        demands.append(Demand(int(rng.integers(0, 3)) * 5, clearances, level))
    return demands


class TaggedArena:
    """An arena in which every byte remembers the tensor that wrote it last."""

    def __init__(self, graph: Graph, memory: MemoryPlan) -> None:
        self.graph, self.memory, self.root = graph, memory, alias_roots(graph)
        self.bytes: list[int | str | None] = [None] * memory.arena_bytes
        self.level = 0

    def span(self, tensor: int, first: int = 0) -> slice:
        start = self.memory.offsets[tensor]
        return slice(start + first, start + self.graph.tensor(tensor).byte_count)

    def holds(self, tensor: int, first: int = 0) -> bool:
        return set(self.bytes[self.span(tensor, first)]) <= {self.root[tensor]}

    def is_level(self, first: int, second: int) -> bool:
        return self.memory.offsets[first] == self.memory.offsets[second]

    def write(self, tensor: int, index: int) -> None:
        self.bytes[self.memory.offsets[tensor] + index] = self.root[tensor]

    def run_layer(self, step: int, demand: Demand) -> None:
        """Write the output byte by byte, while each input is needed as long as its clearance says.

        After w bytes, an input is still read from byte w - clearance on; one that is level with the
        output may be overwritten as the layer likes.
        """
        node = self.graph.nodes[step]
        assert all(self.holds(tensor) for tensor in node.inputs)
        if node.op == "RESHAPE":
            return
        if demand.scratch_bytes:
            start = self.memory.scratch[step]
            self.bytes[start : start + demand.scratch_bytes] = ["scratch"] * demand.scratch_bytes
        assert all(self.holds(tensor) for tensor in node.inputs)
        size = self.graph.tensor(node.outputs[0]).byte_count
        for index in range(size):
            self.write(node.outputs[0], index)
            for tensor in node.inputs:
                if tensor in demand.level and self.is_level(tensor, node.outputs[0]):
                    self.level += 1
                    continue
                clearance = demand.clearances.get(tensor, size)
                assert self.holds(tensor, max(index + 1 - clearance, 0))


def test_executing_a_planned_graph_never_reads_overwritten_bytes() -> None:
    rng = np.random.default_rng(43)
    aliases = shared = level = 0
    for _ in range(400):
        graph = random_graph(rng)
        demands = random_demands(rng, graph)
        memory = plan.plan_graph(graph, demands)
        arena = TaggedArena(graph, memory)
        for index in range(graph.tensor(graph.inputs[0]).byte_count):
            arena.write(graph.inputs[0], index)
        for step, demand in enumerate(demands):
            arena.run_layer(step, demand)
        assert arena.holds(graph.outputs[0])
        level += arena.level
        root = alias_roots(graph)
        assert all(memory.offsets[t] == memory.offsets[r] for t, r in root.items())
        aliases += sum(t != r for t, r in root.items())
        scratch = [Demand(demand.scratch_bytes) for demand in demands]
        shared += memory.arena_bytes < plan.plan_graph(graph, scratch).arena_bytes
        assert memory.arena_bytes >= memory.lower_bound_bytes
    assert aliases > 400
    assert shared > 100
    assert level > 1000


def test_an_input_that_a_later_layer_reads_is_not_written_over() -> None:
    b = GraphBuilder()
    x, y, z = (b.tensor(name, (8,), scale=1.0) for name in "xyz")
    b.node("RELU", [x], [y])
    b.node("ADD", [x, y], [z])
    memory = plan.plan_graph(b.build([x], [z]), [Demand(0, {x: 0}), Demand(0, {x: 0, y: 0})])
    assert memory.arena_bytes == 16
    assert memory.offsets[x] != memory.offsets[y]
    assert memory.offsets[z] in (memory.offsets[x], memory.offsets[y])


def test_inputs_side_by_side_are_written_over_only_when_all_are_done() -> None:
    b = GraphBuilder()
    first, second, y, z = (b.tensor(name, (8,), scale=1.0) for name in ("a", "b", "y", "z"))
    b.node("RELU", [second], [y])
    b.node("ADD", [first, y], [z])
    graph = b.build([first, second], [z])
    memory = plan.plan_graph(graph, [Demand(0, {second: 0}), Demand(0, {first: 0, y: 0})])
    # y may not lie on the second input, because the block of both is needed by the next layer.
    assert memory.offsets[y] >= 16
    assert memory.arena_bytes == 24


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


def test_an_output_lies_on_its_input_where_the_layer_allows_that() -> None:
    b = GraphBuilder()
    x, y, z = (b.tensor(name, (8,), scale=1.0) for name in "xyz")
    b.node("RELU", [x], [y])
    b.node("RELU", [y], [z])
    graph = b.build([x], [z])
    memory = plan.plan_graph(graph, [Demand(level=frozenset({x})), Demand(level=frozenset({y}))])
    assert memory.arena_bytes == 8
    # Not on an input that lies behind another one in a common block.
    c = GraphBuilder()
    first, second, y = (c.tensor(name, (8,), scale=1.0) for name in ("a", "b", "y"))
    c.node("RELU", [second], [y])
    two = plan.plan_graph(c.build([first, second], [y]), [Demand(level=frozenset({second}))])
    assert two.offsets[y] not in range(two.offsets[first], two.offsets[second] + 8)
