"""Element-wise operators of two operands equal the judge on all 65,536 pairs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mcu_slm import judge, ops, tflite
from mcu_slm.ir import Graph
from tests.models import merge, needs_judge
from tests.ops.builders import pair

ALL_INT8 = np.arange(-128, 128, dtype=np.int8)
ANYWHERE = [(4, -9, 2), (-128, 127, -128), (127, -128, 127), (0, 0, 0)]
SCALES: dict[str, list[tuple[float, float, float]]] = {
    "MAXIMUM": [(0.1, 0.1, 0.1)],
    "MINIMUM": [(0.1, 0.1, 0.1)],
    # Quotients of 1.25, 2.5 and 0.75: ties, if the multiplier is formed in float64.
    "PRELU": [(0.05, 0.01, 0.04), (0.05, 0.25, 0.02), (0.03, 0.5, 0.04), (0.0004, 0.01, 0.7)],
    "SQUARED_DIFFERENCE": [
        (0.05, 0.05, 0.2),
        (0.3, 0.0009, 0.11),
        (0.04, 0.03, 0.0004),
        (1.7, 0.85, 0.012),
    ],
}


def all_pairs(
    op: str, scales: tuple[float, float, float], zero_points: tuple[int, int, int]
) -> Graph:
    """Return a graph in which 256 input values meet 256 constant values in every pair."""
    quantization = {"scales": scales, "zero_points": zero_points, "activation": None}
    graph = pair(op, "pairs", (256, 1), (1, 256), constant=2, **quantization).graph
    tensors = list(graph.tensors)
    tensors[1] = replace(tensors[1], data=ALL_INT8.reshape(1, 256))
    return replace(graph, tensors=tuple(tensors))


@needs_judge
@pytest.mark.unit
@pytest.mark.parametrize("op", sorted(SCALES))
def test_all_pairs_equal_the_judge(op: str) -> None:
    points = [(3, 3, 3)] if op in {"MAXIMUM", "MINIMUM"} else ANYWHERE
    graphs = [all_pairs(op, scales, point) for scales in SCALES[op] for point in points]
    first, second = ALL_INT8.reshape(1, 256, 1), ALL_INT8.reshape(1, 1, 256)
    outputs = judge.run(tflite.write_model(merge(graphs)), [first] * len(graphs))
    for graph, judged in zip(graphs, outputs, strict=True):
        assert judged.size == 65_536
        (found,) = ops.parse_graph(graph)[0].reference([first, second])
        quantization = [tensor.quantization for tensor in graph.tensors]
        np.testing.assert_array_equal(found, judged, err_msg=str(quantization))
