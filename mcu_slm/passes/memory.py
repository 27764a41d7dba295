"""The memory plan of a draft: what each layer asks for, and where that is."""

from __future__ import annotations

from mcu_slm import plan
from mcu_slm.ir import Graph, Node
from mcu_slm.ops import Operator
from mcu_slm.passes.draft import Draft


def plan_draft(draft: Draft) -> plan.MemoryPlan:
    """Return the places of all tensors and working memory."""
    return plan.plan_graph(draft.graph, _demands(draft.graph, draft.operators))


def _demands(graph: Graph, operators: tuple[Operator, ...]) -> list[plan.Demand]:
    """Return what each layer asks of memory; an input read twice keeps the larger clearance."""
    demands = []
    for node, operator in zip(graph.nodes, operators, strict=True):
        found: dict[int, int | None] = {}
        for number, place in enumerate(operator.activations):
            tensor, distance = node.inputs[place], operator.clearance(number)
            known = found.get(tensor, 0)
            found[tensor] = None if known is None or distance is None else max(known, distance)
        clearances = {
            tensor: distance for tensor, distance in found.items() if distance is not None
        }
        level, position = _level(node, operator), operator.continues
        continued = None if position is None else node.inputs[operator.activations[position]]
        demands.append(plan.Demand(operator.scratch_bytes, clearances, level, continued))
    return demands


def _level(node: Node, operator: Operator) -> frozenset[int]:
    """Return the inputs that the output may overwrite from the same byte on."""
    found: dict[int, bool] = {}
    for position, place in enumerate(operator.activations):
        tensor = node.inputs[place]
        found[tensor] = found.get(tensor, True) and operator.is_level(position)
    return frozenset(tensor for tensor, is_level in found.items() if is_level)
