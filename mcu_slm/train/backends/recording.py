"""A backend that remembers what passes: values inside a student, without a second forward pass."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Generic, cast

from mcu_slm.train.backends.operators import Operators, Value


def recorded(
    ops: Operators[Value], names: Collection[str], values: dict[str, Value]
) -> Operators[Value]:
    """Return operators that also put the outputs of these names into `values`."""
    return cast("Operators[Value]", _Recorder(ops, names, values))


class _Recorder(Generic[Value]):
    """Passes every operator on to a backend; the first argument of each is the output's name."""

    def __init__(
        self, ops: Operators[Value], names: Collection[str], values: dict[str, Value]
    ) -> None:
        self._ops = ops
        self._names = names
        self._values = values

    def __getattr__(self, operator: str) -> Callable[..., Any]:
        apply: Callable[..., Any] = getattr(self._ops, operator)

        def call(name: Any, *inputs: Any, **how: Any) -> Any:
            value = apply(name, *inputs, **how)
            if isinstance(name, str) and name in self._names:
                self._values[name] = value
            return value

        return call
