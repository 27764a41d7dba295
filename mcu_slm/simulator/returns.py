"""Call back whenever a watched function returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mcu_slm.simulator import registers as reg
from mcu_slm.simulator.engine import Engine
from mcu_slm.simulator.trace import BlockHook


@dataclass(frozen=True)
class _Call:
    entry: int
    return_address: int
    stack_pointer: int


class ReturnWatch:
    """Breakpoints at the entries of functions and, while they run, at their return addresses."""

    def __init__(
        self, callbacks: Mapping[int, Callable[[], None]], hook: BlockHook, engine: Engine
    ) -> None:
        self._callbacks = dict(callbacks)
        self._hook = hook
        self._engine = engine
        self._calls: list[_Call] = []
        self._set_breaks()

    def at_break(self, pc: int) -> None:
        """Handle a stop: functions that return here, then one that begins here."""
        read = self._engine.registers.get
        here = (pc, read(reg.SP))
        while (
            self._calls and (self._calls[-1].return_address, self._calls[-1].stack_pointer) == here
        ):
            self._callbacks[self._calls.pop().entry]()
        if pc in self._callbacks:
            self._calls.append(_Call(pc, read(reg.LR) & ~1, here[1]))
        self._set_breaks()

    def close(self) -> None:
        """Remove the breakpoints."""
        self._hook.set_breaks(frozenset())

    def _set_breaks(self) -> None:
        returns = {call.return_address for call in self._calls}
        self._hook.set_breaks(frozenset(self._callbacks) | returns)
