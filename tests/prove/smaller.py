"""Makes a failing graph smaller for as long as it fails in the same way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mcu_slm import ops
from mcu_slm.ir import Graph, Node, Quantization, Tensor
from mcu_slm.ops import reference
from mcu_slm.rows import pack, unpack
from tests.prove.proving import Failure, Leg, Subject, examine

_ROUNDS = 60

Values = dict[int, npt.NDArray[Any]]


@dataclass(frozen=True, eq=False)
class _Case:
    """A graph with the values of its inputs, by tensor number."""

    graph: Graph
    values: Values


def shrink(subject: Subject, legs: Sequence[Leg], failure: Failure) -> tuple[Subject, Failure]:
    """Return a graph as small as was found that fails in the same way, and its failure."""
    for _ in range(_ROUNDS):
        found = _smaller(subject, legs, failure)
        if found is None:
            break
        subject, failure = found
    return subject, failure


def _smaller(
    subject: Subject, legs: Sequence[Leg], failure: Failure
) -> tuple[Subject, Failure] | None:
    """Return the smallest of the next candidates that still fails, None where none does."""
    for step in (_one_output, _fewer_operators, _one_window, _fewer_outputs, _shorter_axes):
        candidates = []
        for case in step(_case_of(subject)):
            candidate = _subject_of(case, subject.number)
            if candidate is not None and _size(candidate) < _size(subject):
                candidates.append(candidate)
        outcomes = examine(candidates, legs)
        failing = [
            (candidate, outcome.failure)
            for candidate, outcome in zip(candidates, outcomes, strict=True)
            if outcome.failure is not None and outcome.failure.way == failure.way
        ]
        if failing:
            return min(failing, key=lambda pair: _size(pair[0]))
    return None


def _size(subject: Subject) -> tuple[int, ...]:
    graph = subject.graph
    elements = sum(tensor.element_count for tensor in graph.tensors)
    return len(graph.nodes), len(graph.outputs), len(subject.rows), len(graph.inputs), elements


def _case_of(subject: Subject) -> _Case:
    graph = subject.graph
    arrays = unpack(graph, graph.inputs, subject.rows)
    return _Case(graph, dict(zip(graph.inputs, arrays, strict=True)))


def _subject_of(case: _Case, number: int) -> Subject | None:
    """Return the case without what nobody needs, None where nothing is left."""
    graph, kept = without_unused(case.graph)
    if not graph.inputs or not graph.outputs or not graph.nodes:
        return None
    arrays = [case.values[kept[i]] for i in graph.inputs]
    return Subject(number, graph, pack(graph, graph.inputs, arrays))


def without_unused(graph: Graph) -> tuple[Graph, list[int]]:
    """Return the graph without unread inputs and tensors, and the old numbers of what stays.

    Where nothing is read, the smallest input stays: a model has one.
    """
    read = {i for node in graph.nodes for i in (*node.inputs, *node.outputs)} | set(graph.outputs)
    if graph.inputs and not read & set(graph.inputs):
        read.add(min(graph.inputs, key=lambda i: graph.tensor(i).element_count))
    kept = [i for i in range(len(graph.tensors)) if i in read]
    place = {old: new for new, old in enumerate(kept)} | {-1: -1}
    nodes = tuple(
        replace(
            node,
            inputs=tuple(place[i] for i in node.inputs),
            outputs=tuple(place[i] for i in node.outputs),
        )
        for node in graph.nodes
    )
    starts = graph.start_values if any(node.op == "CALL_ONCE" for node in nodes) else {}
    smaller = replace(
        graph,
        start_values=starts,
        tensors=tuple(graph.tensors[i] for i in kept),
        nodes=nodes,
        inputs=tuple(place[i] for i in graph.inputs if i in read),
        outputs=tuple(place[i] for i in graph.outputs),
    )
    return smaller, kept


def without_dead(graph: Graph) -> Graph:
    """Return the graph without nodes that no output needs.

    An output that needs a variable needs whatever is assigned to it, and its start value.
    """
    needed, kept = set(graph.outputs), set[int]()
    before = -1
    while len(kept) > before:  # an assignment is needed by reads in front of it, too
        before = len(kept)
        held = {graph.handles[i] for i in needed if i in graph.handles}
        for number, node in reversed(list(enumerate(graph.nodes))):
            assigns = node.op == "ASSIGN_VARIABLE" and graph.handles[node.inputs[0]] in held
            starts = node.op == "CALL_ONCE" and held
            if needed.intersection(node.outputs) or assigns or starts:
                kept.add(number)
                needed.update(node.inputs)
    return replace(graph, nodes=tuple(graph.nodes[number] for number in sorted(kept)))


# --- Steps, the most effective ones first


def _one_output(case: _Case) -> Iterator[_Case]:
    """One result as the only output, with what it needs."""
    for node in case.graph.nodes:
        for tensor in node.outputs:
            yield replace(case, graph=without_dead(replace(case.graph, outputs=(tensor,))))


def _fewer_operators(case: _Case) -> Iterator[_Case]:
    """Results become inputs: those of the first nodes together, then those of one node."""
    graph = case.graph
    folded = ops.fold_graph(graph)
    operators = ops.parse_graph(folded)
    values = reference.run(folded, operators, [case.values[i] for i in graph.inputs])
    yield replace(case, graph=without_dead(graph))
    for count in range(len(graph.nodes) - 1, 0, -1):
        yield _replaced(case, graph.nodes[:count], values)
    for node in graph.nodes:
        yield _replaced(case, (node,), values)


def _replaced(case: _Case, gone: Sequence[Node], values: Values) -> _Case:
    """Return the case with the results of some nodes as inputs, no longer as outputs.

    Handles and what is folded are no activations: their nodes stay, as do those without results.
    """
    graph = case.graph
    gone = [
        node
        for node in gone
        if node.outputs and all(t in values and t not in graph.handles for t in node.outputs)
    ]
    written = [tensor for node in gone for tensor in node.outputs]
    windows = len(next(iter(case.values.values())))
    given = {t: np.broadcast_to(values[t], (windows, *values[t].shape[1:])).copy() for t in written}
    return _Case(
        replace(
            graph,
            nodes=tuple(node for node in graph.nodes if node not in gone),
            inputs=(*graph.inputs, *written),
            outputs=tuple(t for t in graph.outputs if t not in written),
        ),
        {**case.values, **given},
    )


def _one_window(case: _Case) -> Iterator[_Case]:
    """One window; of a stream also its beginning."""
    windows = range(len(next(iter(case.values.values()))))
    parts = [slice(window, window + 1) for window in windows]
    if case.graph.keeps_state:
        parts += [slice(window) for window in windows[1:]]
    for part in parts:
        yield replace(case, values={i: a[part] for i, a in case.values.items()})


def _fewer_outputs(case: _Case) -> Iterator[_Case]:
    outputs = case.graph.outputs
    for place in range(len(outputs)):
        rest = outputs[:place] + outputs[place + 1 :]
        yield replace(case, graph=replace(case.graph, outputs=rest))


def _shorter_axes(case: _Case) -> Iterator[_Case]:
    """All axes of one length get another one: what this makes illegal is refused like any graph."""
    lengths = sorted({n for t in case.graph.tensors for n in t.shape if n > 1}, reverse=True)
    for length in lengths:
        for shorter in sorted({1, length // 2, length - 1}):
            yield _shortened(case, length, shorter)


def _shortened(case: _Case, length: int, shorter: int) -> _Case:
    def cut(shape: tuple[int, ...]) -> tuple[slice, ...]:
        return tuple(slice(shorter if n == length else n) for n in shape)

    tensors = tuple(_cut_tensor(t, length, shorter, cut(t.shape)) for t in case.graph.tensors)
    values = {
        i: array[(slice(None), *cut(case.graph.tensor(i).shape))]
        for i, array in case.values.items()
    }
    return _Case(replace(case.graph, tensors=tensors), values)


def _cut_tensor(tensor: Tensor, length: int, shorter: int, box: tuple[slice, ...]) -> Tensor:
    """Return the first part of a tensor along all axes of a length, scales per channel included."""
    q = tensor.quantization
    if q is not None and len(q.scales) == length:
        q = Quantization(q.scales[:shorter], q.zero_points[:shorter], q.axis)
    shape = tuple(shorter if n == length else n for n in tensor.shape)
    data = None if tensor.data is None else tensor.data[box]
    if data is not None and tensor.dtype == "int32" and q is None:  # shapes and sizes
        data = np.where(data == length, shorter, data).astype(np.int32)
    return replace(tensor, shape=shape, quantization=q, data=data)
