"""`ir.verify` finds what a pass may break."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from mcu_slm.ir import Graph, verify
from tests.models import every_operator, tiny

pytestmark = pytest.mark.unit


def _with_node(graph: Graph, place: int, **changes: tuple[int, ...]) -> Graph:
    nodes = list(graph.nodes)
    nodes[place] = replace(nodes[place], **changes)
    return replace(graph, nodes=tuple(nodes))


def _reads_too_early(graph: Graph) -> Graph:
    return replace(graph, nodes=graph.nodes[::-1])


def _names_nothing(graph: Graph) -> Graph:
    return _with_node(graph, 0, inputs=(len(graph.tensors),))


def _writes_twice(graph: Graph) -> Graph:
    return replace(graph, nodes=(*graph.nodes, graph.nodes[-1]))


def _writes_a_constant(graph: Graph) -> Graph:
    constant = next(i for i, tensor in enumerate(graph.tensors) if tensor.data is not None)
    return _with_node(graph, -1, outputs=(constant,))


def _has_no_output(graph: Graph) -> Graph:
    return replace(graph, nodes=graph.nodes[:-1])


def _another_shape(graph: Graph) -> Graph:
    tensors = [
        tensor if tensor.data is None else replace(tensor, data=np.zeros(3, np.int8))
        for tensor in graph.tensors
    ]
    return replace(graph, tensors=tuple(tensors))


@pytest.mark.parametrize(
    ("breaks", "said"),
    [
        (_reads_too_early, "which is not there yet"),
        (_names_nothing, "names tensor"),
        (_writes_twice, "which is there already"),
        (_writes_a_constant, "which is there already"),
        (_has_no_output, "is never written"),
        (_another_shape, "has shape (3,) and type int8, said to be"),
    ],
)
def test_what_is_broken_is_named(breaks: Callable[[Graph], Graph], said: str) -> None:
    assert any(said in line for line in verify(breaks(two_layers())))


def two_layers() -> Graph:
    """A model of more than one layer."""
    return next(graph for graph in (tiny(), every_operator()) if len(graph.nodes) > 1)


def test_sound_graphs_have_nothing_wrong() -> None:
    assert verify(tiny()) == verify(every_operator()) == []
