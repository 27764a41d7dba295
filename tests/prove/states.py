"""The variables of a graph in the making: each needs an assignment or a start value."""

from __future__ import annotations

from dataclasses import dataclass

from mcu_slm.ir import GraphBuilder
from tests.prove.numbers import Numbers, Shape
from tests.streaming_layers import handle

_NAMES = ("state", "ring", "größe */ \\\n", "x", "a/b:0")


@dataclass
class Variable:
    """A variable with its handles, whether something assigns it, whether it has a start value."""

    name: str
    shape: Shape
    handles: list[int]
    assigned: bool = False
    started: bool = False


class States:
    """Whether a graph is a stream, and its variables.

    A stream has no LSTM: the judge cannot be reset in part. CALL_ONCE is the first layer or there
    is none; all containers are one.
    """

    def __init__(self, numbers: Numbers, builder: GraphBuilder) -> None:
        self.streaming = numbers.chance(0.2)
        self.calls_once = self.streaming and numbers.chance(0.6)
        self.variables: list[Variable] = []
        self._container = numbers.pick(["", None, "box"])
        self._numbers, self._builder = numbers, builder
        if self.calls_once:
            builder.node("CALL_ONCE", [], [], init_subgraph_index=1)

    def new(self, shape: Shape) -> Variable:
        """Add a variable."""
        name = f"{self._numbers.pick(_NAMES)}{len(self.variables)}"
        self.variables.append(Variable(name, shape, [handle(self._builder, name, self._container)]))
        return self.variables[-1]

    def handle(self, variable: Variable) -> int:
        """Return a handle of a variable, another one now and then."""
        if self._numbers.chance(0.2):
            variable.handles.append(handle(self._builder, variable.name, self._container))
        return self._numbers.pick(variable.handles)

    def finish(self) -> None:
        """Assign a constant to variables that nothing gives a value; CALL_ONCE must assign some."""
        for variable in self.variables:
            if not variable.assigned and not variable.started:
                data = self._numbers.int8(variable.shape)
                value = self._builder.tensor("late", variable.shape, scale=0.5, data=data)
                self._builder.node("ASSIGN_VARIABLE", [variable.handles[0], value], [])
        if self.calls_once and not any(variable.started for variable in self.variables):
            unused = self._builder.tensor("unused", (1, 2), scale=1.0)
            self._builder.start_value("unused", unused, (1, 2))
