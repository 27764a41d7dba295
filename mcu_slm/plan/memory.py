"""From a graph to the offsets of its activations in the arena.

Tensors share bytes when they are never needed at the same time, when one is the other under
another shape, and where a layer consumes an input for the last time: it may then write its output
over what it has already read (`Operator.clearance`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mcu_slm.ir import Graph, Node
from mcu_slm.plan.buffers import Buffer, arena_bytes, lower_bound
from mcu_slm.plan.placement import place_buffers
from mcu_slm.rows import row_offsets

ALIASING = frozenset({"EXPAND_DIMS", "RESHAPE", "SQUEEZE"})
"""Operators that move no byte: output and first input are one buffer."""


@dataclass(frozen=True)
class Demand:
    """What a layer asks of memory beside its tensors.

    `scratch_bytes` is working memory during the layer. `clearances` names the inputs that the
    layer may write over, with the bytes by which its output must start below each; `level` those
    that it may write over from the same byte on. `continues` names the input whose place the output
    has, because the layer adds to what is there.
    """

    scratch_bytes: int = 0
    clearances: Mapping[int, int] = field(default_factory=dict)
    level: frozenset[int] = frozenset()
    continues: int | None = None


@dataclass(frozen=True)
class MemoryPlan:
    """Offsets of the activation tensors in the arena, by tensor number.

    `owners` gives for each tensor the one whose bytes it shares, mostly itself; `lives` the first
    and last step of each owner; `scratch` the working memory of a step; `gathered` where several
    outputs are brought together, None for a single one.
    """

    offsets: dict[int, int]
    owners: dict[int, int]
    lives: dict[int, tuple[int, int]]
    scratch: dict[int, int]
    gathered: int | None
    arena_bytes: int
    lower_bound_bytes: int


def plan_graph(graph: Graph, demands: Sequence[Demand] = ()) -> MemoryPlan:
    """Place every activation of a graph, and the working memory of its layers.

    Inputs are written before step 0 and outputs read after the last step, so neither may be
    overwritten in between. Several inputs are one block in their order, so that they can be filled
    as one; several outputs are gathered in a block behind the last step.

    Args:
        graph: The graph.
        demands: What each node asks for; nothing for the nodes beyond.
    """
    owner = _owners(graph, demands)
    lifetime: dict[int, tuple[int, int]] = {}

    def use(tensor: int, step: int) -> None:
        root = owner.get(tensor)
        if root is not None:
            first, last = lifetime.get(root, (step, step))
            lifetime[root] = (min(first, step), max(last, step))

    for tensor in graph.inputs:
        use(tensor, -1)
    for step, node in enumerate(graph.nodes):
        for tensor in (*node.inputs, *node.outputs):
            use(tensor, step)
    for tensor in graph.outputs:
        use(tensor, len(graph.nodes))
    blocks = _blocks(graph, lifetime, [demand.scratch_bytes for demand in demands])
    buffers = [block.buffer for block in blocks]
    clearances, level = _shared(graph, owner, blocks, demands)
    places = place_buffers(buffers, clearances, level)
    offset_of = {
        tensor: start + inner
        for block, start in zip(blocks, places, strict=True)
        for tensor, inner in zip(block.tensors, block.offsets, strict=True)
    }
    start_of = {block.purpose: start for block, start in zip(blocks, places, strict=True)}
    return MemoryPlan(
        {tensor: offset_of[root] for tensor, root in owner.items() if root in offset_of},
        owner,
        lifetime,
        {step: start_of[step] for step in range(len(graph.nodes)) if step in start_of},
        start_of.get(_OUTPUTS),
        arena_bytes(buffers, places),
        lower_bound(buffers, clearances, level),
    )


@dataclass(frozen=True)
class _Block:
    """Bytes that are placed together: tensors at offsets inside, or working memory of a step."""

    buffer: Buffer
    tensors: tuple[int, ...] = ()
    offsets: tuple[int, ...] = ()
    purpose: int | str = ""


_OUTPUTS = "outputs"


def _blocks(
    graph: Graph, lifetime: dict[int, tuple[int, int]], scratch: Sequence[int]
) -> list[_Block]:
    """Return what has to be placed: inputs as one block, tensors, working memory, outputs."""
    blocks = []
    if len(graph.inputs) > 1:
        offsets, size = row_offsets(graph, graph.inputs)
        last = max(lifetime[tensor][1] for tensor in graph.inputs)
        blocks.append(_Block(Buffer("inputs", size, -1, last), graph.inputs, offsets))
    together = {tensor for block in blocks for tensor in block.tensors}
    for root in sorted(lifetime.keys() - together):
        tensor = graph.tensor(root)
        buffer = Buffer(tensor.name, tensor.byte_count, *lifetime[root])
        blocks.append(_Block(buffer, (root,), (0,)))
    for step, size in enumerate(scratch):
        if size:
            blocks.append(_Block(Buffer(f"scratch {step}", size, step, step), purpose=step))
    if len(graph.outputs) > 1:
        end = len(graph.nodes)
        size = row_offsets(graph, graph.outputs)[1]
        blocks.append(_Block(Buffer(_OUTPUTS, size, end, end), purpose=_OUTPUTS))
    return blocks


def _shared(
    graph: Graph, owner: Mapping[int, int], blocks: Sequence[_Block], demands: Sequence[Demand]
) -> tuple[dict[tuple[int, int], int], set[tuple[int, int]]]:
    """Return for blocks what `demands` give for tensors: clearances, and which are level."""
    home = {
        tensor: (number, inner)
        for number, block in enumerate(blocks)
        for tensor, inner in zip(block.tensors, block.offsets, strict=True)
    }
    found: dict[tuple[int, int], int] = {}
    level: set[tuple[int, int]] = set()
    for step, (node, demand) in enumerate(zip(graph.nodes, demands, strict=False)):
        outputs = graph.value_outputs(node)
        if len(outputs) != 1 or demand.continues is not None:
            continue  # what is continued was there before the inputs were read
        written, _ = home[owner[outputs[0]]]
        reads = _last_reads(node, step, owner, home, blocks)
        for read, tensors in reads.items():
            if all(tensor in demand.clearances for tensor in tensors):
                distance = max(
                    demand.clearances[tensor] - home[owner[tensor]][1] for tensor in tensors
                )
                found[written, read] = max(distance, 0)
            if all(tensor in demand.level and home[owner[tensor]][1] == 0 for tensor in tensors):
                level.add((written, read))
    return found, level


def _last_reads(
    node: Node,
    step: int,
    owner: Mapping[int, int],
    home: Mapping[int, tuple[int, int]],
    blocks: Sequence[_Block],
) -> dict[int, list[int]]:
    """Return the blocks that a node is the last to read, each with the tensors it reads there."""
    found: dict[int, list[int]] = {}
    for tensor in node.inputs:
        if tensor in owner:
            block = home[owner[tensor]][0]
            if blocks[block].buffer.last == step:
                found.setdefault(block, []).append(tensor)
    return found


def _owners(graph: Graph, demands: Sequence[Demand]) -> dict[int, int]:
    """Return for each activation the tensor whose bytes it shares: mostly itself."""
    owner = {tensor: tensor for tensor in graph.inputs}
    for step, node in enumerate(graph.nodes):
        demand = demands[step] if step < len(demands) else Demand()
        for tensor in graph.value_outputs(node):
            source = node.inputs[0] if node.op in ALIASING else demand.continues
            owner[tensor] = tensor if source is None else owner.get(source, tensor)
    return owner
