"""A model between the flatbuffer and C: the graph, and for each layer its operator.

Passes rewrite drafts. Tensors keep the numbers of the file; new ones stand behind them, so that a
difference report can compare whatever is still there with the file's own values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from mcu_slm.ir import STATEFUL_OPERATORS, Graph, Node, Tensor
from mcu_slm.ops import Operator


@dataclass(frozen=True, eq=False)
class Step:
    """A layer. `source` is the number of the file's layer that makes its outputs.

    `merged` names the layers of the file that it does beside that one.
    """

    node: Node
    operator: Operator
    source: int
    merged: tuple[str, ...] = ()

    @property
    def reads(self) -> tuple[int, ...]:
        """The tensors that it reads at run time."""
        return tuple(self.node.inputs[position] for position in self.operator.activations)

    @property
    def keeps_state(self) -> bool:
        """Whether it does more than to write its outputs."""
        return bool(self.operator.states) or self.node.op in STATEFUL_OPERATORS


@dataclass(frozen=True, eq=False)
class Draft:
    """Tensors, inputs and outputs of `graph`, and the layers as they are by now."""

    graph: Graph
    steps: tuple[Step, ...]
    file_tensors: int

    @classmethod
    def of(cls, graph: Graph, operators: Sequence[Operator]) -> Draft:
        """Return the model as the file has it."""
        steps = [
            Step(node, operator, number)
            for number, (node, operator) in enumerate(zip(graph.nodes, operators, strict=True))
        ]
        return cls(graph, tuple(steps), len(graph.tensors))

    @property
    def operators(self) -> tuple[Operator, ...]:
        """The operators in order."""
        return tuple(step.operator for step in self.steps)

    @cached_property
    def writers(self) -> Mapping[int, int]:
        """The position of the step that writes each tensor."""
        return {t: place for place, step in enumerate(self.steps) for t in step.node.outputs}

    @cached_property
    def readers(self) -> Mapping[int, tuple[int, ...]]:
        """The positions of the steps that read each tensor, each once."""
        found: dict[int, tuple[int, ...]] = {}
        for place, step in enumerate(self.steps):
            for tensor in dict.fromkeys(step.node.inputs):
                found[tensor] = (*found.get(tensor, ()), place)
        return found

    def only_reader(self, tensor: int) -> int | None:
        """Return the position of the one step that reads a tensor, None if anything else does."""
        places = self.readers.get(tensor, ())
        is_output = tensor in self.graph.outputs
        return places[0] if len(places) == 1 and not is_output else None

    def layer_name(self, step: Step) -> str:
        """Return what a step is called in messages: its name and its operator."""
        return f"{self.graph.layer_name(step.node)} ({step.node.op})"

    def with_steps(self, steps: Sequence[Step]) -> Draft:
        """Return the draft with other layers."""
        graph = replace(self.graph, nodes=tuple(step.node for step in steps))
        return replace(self, graph=graph, steps=tuple(steps))

    def with_tensor(self, tensor: Tensor) -> tuple[Draft, int]:
        """Return the draft with one more tensor, and the number of that."""
        graph = replace(self.graph, tensors=(*self.graph.tensors, tensor))
        return replace(self, graph=graph), len(self.graph.tensors)
