"""Instructions and cycles that functions took, callees included, interrupt handlers left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mcu_slm.errors import McuSlmError
from mcu_slm.simulator.cycles import CycleModel
from mcu_slm.simulator.engine import Engine
from mcu_slm.simulator.trace import BlockHook, Node
from mcu_slm.simulator.wait_states import most_lines_read

CYCLE_MODEL_CORE = "cortex-m4"


@dataclass(frozen=True)
class FunctionProfile:
    """What one function took, from entry to return, over all its calls.

    `cycles` is None on cores that the cycle model was not validated for.
    """

    name: str
    calls: int
    instructions: int
    cycles: float | None


class Profile:
    """Watches functions while it is open; `functions` is there once it is closed.

    An interrupt handler that runs meanwhile is left out, exactly: the interrupted code is measured
    as if it had not run. Programs whose handlers switch tasks (an RTOS) are not supported.
    """

    def __init__(
        self,
        names: Sequence[str],
        entries: Sequence[int],
        hook: BlockHook,
        engine: Engine,
        core: str,
    ) -> None:
        self._names = tuple(names)
        self._hook = hook
        self._engine = engine
        self._has_cycles = core == CYCLE_MODEL_CORE
        self.functions: tuple[FunctionProfile, ...] = ()
        hook.start_profile(tuple(entries))

    def __getitem__(self, name: str) -> FunctionProfile:
        """Return the profile of one function."""
        return next(function for function in self.functions if function.name == name)

    def most_lines_read(self, line_bytes: int, cache_lines: int) -> int:
        """Return how many lines of code the flash delivers at most; the profile is closed."""
        return most_lines_read(self._hook.edges(), line_bytes, cache_lines)

    def stop(self) -> tuple[FunctionProfile, ...]:
        """Close the profile and return it, in the order of the names.

        Raises:
            McuSlmError: more different branches than the table holds.
        """
        self._hook.stop_profile()
        if self._hook.state.overflow:
            raise McuSlmError(
                "board simulator's profile",
                "the watched code has more branches or deeper calls than the tables hold",
                remedy="Watch fewer functions at a time.",
            )
        nodes = self._hook.nodes()
        cycles: dict[int, float] = {}
        if self._has_cycles:
            cycles = CycleModel(self._engine.read).cycles_by_node(self._hook.edges())
        self.functions = tuple(
            self._function(number + 1, name, nodes, cycles)
            for number, name in enumerate(self._names)
        )
        return self.functions

    def _function(
        self, watch: int, name: str, nodes: list[Node], cycles: dict[int, float]
    ) -> FunctionProfile:
        below = [n for n in range(1, len(nodes)) if watch in _path(nodes, n)]
        return FunctionProfile(
            name,
            calls=sum(node.calls for node in nodes if node.watch == watch),
            instructions=sum(nodes[n].instructions for n in below),
            cycles=sum(cycles.get(n, 0.0) for n in below) if self._has_cycles else None,
        )


def _path(nodes: list[Node], number: int) -> set[int]:
    """Return the watched functions that are active in a node."""
    watches = set()
    while number:
        watches.add(nodes[number].watch)
        number = nodes[number].parent
    return watches
