"""The first differing byte is named where it arises, in whichever output of a layer."""

from __future__ import annotations

import numpy as np
import pytest

from mcu_slm import ops
from mcu_slm.ir import GraphBuilder
from mcu_slm.manifest import Layer
from mcu_slm.ops import reference
from mcu_slm.verify.difference import first_difference

pytestmark = pytest.mark.unit


def test_a_fault_in_the_second_part_of_a_split_is_named_there() -> None:
    b = GraphBuilder()
    axis = b.tensor("axis", (), "int32", data=1)
    x = b.tensor("x", (1, 4), scale=0.5)
    parts = [b.tensor(name, (1, 2), scale=0.5) for name in ("left", "right")]
    b.node("SPLIT", [axis, x], parts, num_splits=2)
    graph = b.build([x], parts)
    operators = ops.parse_graph(graph)
    expected = reference.run(graph, operators, [np.array([[[1, 2, 3, 4]]], np.int8)])
    layer = Layer(0, "left", "SPLIT", "f", 0, tuple(parts), (0, 2), (2, 2))

    right = first_difference(
        graph, operators, expected, [(layer, np.array([1, 2, 3, 4], np.int8))], 7
    )
    assert right is None
    wrong = first_difference(
        graph, operators, expected, [(layer, np.array([1, 2, 3, 9], np.int8))], 7
    )
    assert wrong is not None
    assert (wrong.name, wrong.element, wrong.expected, wrong.found) == ("right", 1, 4, 9)
    assert wrong.sentence().startswith("layer 0 right (SPLIT), element 1, window 7: expected 4")
