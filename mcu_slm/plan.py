"""Arena layout: which bytes of RAM hold which activation, and when.

Two tensors may share bytes when their lifetimes do not overlap. A RESHAPE moves nothing, so its
input and output are one buffer. Offsets come from the best of several greedy orders.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mcu_slm.ir import Graph
from mcu_slm.rows import row_offsets

ALIASING = frozenset({"EXPAND_DIMS", "RESHAPE", "SQUEEZE"})
"""Operators that move no byte: output and first input are one buffer."""

ALIGNMENT = 4
"""Buffers start on word boundaries, so that kernels may read words."""


@dataclass(frozen=True)
class Buffer:
    """Bytes that are needed from step `first` to step `last`, both included."""

    name: str
    byte_count: int
    first: int
    last: int

    def overlaps(self, other: Buffer) -> bool:
        """Return whether both are needed at some step."""
        return self.first <= other.last and other.first <= self.last


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


def plan_graph(graph: Graph, scratch: Sequence[int] = ()) -> MemoryPlan:
    """Place every activation of a graph, and the working memory of its layers.

    Inputs are written before step 0 and outputs read after the last step, so neither may be
    overwritten in between. Several inputs are one block in their order, so that they can be filled
    as one; several outputs are gathered in a block behind the last step.

    Args:
        graph: The graph.
        scratch: Bytes of working memory per node; none for the nodes beyond.
    """
    owner = _owners(graph)
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
    blocks = _blocks(graph, lifetime, scratch)
    places = place_buffers([block.buffer for block in blocks])
    offset_of = {
        tensor: start + inner
        for block, start in zip(blocks, places, strict=True)
        for tensor, inner in zip(block.tensors, block.offsets, strict=True)
    }
    start_of = {block.purpose: start for block, start in zip(blocks, places, strict=True)}
    buffers = [block.buffer for block in blocks]
    return MemoryPlan(
        {tensor: offset_of[root] for tensor, root in owner.items() if root in offset_of},
        owner,
        lifetime,
        {step: start_of[step] for step in range(len(graph.nodes)) if step in start_of},
        start_of.get(_OUTPUTS),
        arena_bytes(buffers, places),
        lower_bound(buffers),
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


def _owners(graph: Graph) -> dict[int, int]:
    """Return for each activation the tensor whose bytes it shares: mostly itself."""
    owner = {tensor: tensor for tensor in graph.inputs}
    for node in graph.nodes:
        for tensor in node.outputs:
            source = node.inputs[0] if node.op in ALIASING else tensor
            owner[tensor] = owner.get(source, tensor)
    return owner


def place_buffers(buffers: Sequence[Buffer]) -> tuple[int, ...]:
    """Return an offset for each buffer such that no two that live together overlap."""
    orders: tuple[Callable[[int], tuple[int, ...]], ...] = (
        lambda i: (-buffers[i].byte_count, buffers[i].first),
        lambda i: (-(buffers[i].last - buffers[i].first), -buffers[i].byte_count),
        lambda i: (-buffers[i].byte_count * (buffers[i].last - buffers[i].first + 1), i),
        lambda i: (buffers[i].first, -buffers[i].byte_count),
        lambda i: (-buffers[i].last, -buffers[i].byte_count),
    )
    candidates = [_place_in_order(buffers, sorted(range(len(buffers)), key=k)) for k in orders]
    return min(candidates, key=lambda places: arena_bytes(buffers, places))


def _place_in_order(buffers: Sequence[Buffer], order: Sequence[int]) -> tuple[int, ...]:
    """Give each buffer in turn the lowest gap among those already placed that live with it."""
    placed: dict[int, int] = {}
    for index in order:
        neighbours = sorted(
            (offset, offset + _aligned(buffers[other].byte_count))
            for other, offset in placed.items()
            if buffers[other].overlaps(buffers[index])
        )
        offset = 0
        for start, end in neighbours:
            if start - offset >= buffers[index].byte_count:
                break
            offset = max(offset, end)
        placed[index] = offset
    return tuple(placed[i] for i in range(len(buffers)))


def _aligned(byte_count: int) -> int:
    return -(-byte_count // ALIGNMENT) * ALIGNMENT


def arena_bytes(buffers: Sequence[Buffer], places: Sequence[int]) -> int:
    """Return the bytes that the placed buffers span."""
    return max(
        (o + _aligned(b.byte_count) for b, o in zip(buffers, places, strict=True)),
        default=ALIGNMENT,
    )


def lower_bound(buffers: Sequence[Buffer]) -> int:
    """Return the largest sum of bytes that live at one step: no layout can be smaller."""
    steps = {buffer.first for buffer in buffers}
    return max(
        (sum(_aligned(b.byte_count) for b in buffers if b.first <= s <= b.last) for s in steps),
        default=ALIGNMENT,
    )
