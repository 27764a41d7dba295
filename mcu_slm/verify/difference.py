"""Names the first byte that differs.

Layer, element, both values, accumulator, multiplier, shift.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mcu_slm.ir import Graph
from mcu_slm.manifest import Layer
from mcu_slm.ops import Operator
from mcu_slm.ops.reference import Activations
from mcu_slm.ops.state import holder
from mcu_slm.verify.result import Difference

LayerBytes = Iterable[tuple[Layer, npt.NDArray[np.int8]]]
"""Each layer in order with the bytes of its outputs, one behind the other."""


def as_bytes(array: npt.NDArray[Any]) -> npt.NDArray[np.int8]:
    """Return an array's memory."""
    return np.ascontiguousarray(array).reshape(-1).view(np.int8)


def first_difference(
    graph: Graph,
    operators: tuple[Operator, ...],
    expected: Activations,
    found: LayerBytes,
    window: int,
) -> Difference | None:
    """Return where the layers of one window first leave the expected values, if they do.

    Shapes: expected: int8 [1, *shape] per tensor, of this window, states with the values before it;
        found: each layer's bytes, in order.
    """
    for layer, array in found:
        start = 0
        for tensor in layer.tensors:
            size = expected[tensor].nbytes
            right = expected[tensor].reshape(-1)
            # Compared as bytes: two NaN are equal here, 0.0 and -0.0 are not.
            raw = array[start : start + size]
            start += size
            unequal = (raw != as_bytes(right)).reshape(right.size, -1).any(axis=1)
            wrong = np.ascontiguousarray(raw).view(right.dtype)
            places = np.flatnonzero(unequal)
            if len(places) == 0:
                continue
            element = int(places[0])
            difference = Difference(
                window,
                layer.index,
                graph.tensor(tensor).name,
                layer.op,
                element,
                right[element].item(),
                wrong[element].item(),
            )
            return _explain(difference, graph, operators[layer.index], expected)
    return None


def _explain(
    difference: Difference, graph: Graph, operator: Operator, expected: Activations
) -> Difference:
    """Add accumulator, multiplier and shift of the expected value, where the layer has them."""
    node = graph.nodes[difference.layer]
    sources = []
    for position in operator.activations:
        tensor = node.inputs[position]
        data = graph.tensor(tensor).data
        sources.append(data[None] if data is not None else expected[tensor])
    sources += [expected[holder(graph, node.inputs[position])] for position in operator.states]
    accumulators = operator.accumulators(sources)
    multipliers = operator.requantization()
    if accumulators is None or not multipliers:
        return difference
    multiplier = multipliers[difference.element % len(multipliers)]
    return replace(
        difference,
        accumulator=int(accumulators.reshape(-1)[difference.element]),
        multiplier=multiplier.multiplier,
        shift=multiplier.shift,
    )
