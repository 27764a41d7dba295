"""The state of the generated code: where each state lies in its area, and what it starts with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mcu_slm.compile import names
from mcu_slm.ops.state import State
from mcu_slm.plan import ALIGNMENT


@dataclass(frozen=True, eq=False)
class StatePlace:
    """One state: `macro` is its place in C.

    `symbol` names the array of its start values, empty where one byte repeated will do.
    """

    name: str
    macro: str
    offset: int
    start: npt.NDArray[Any]
    symbol: str

    @property
    def byte_count(self) -> int:
        """Bytes of the state."""
        return int(self.start.nbytes)

    @property
    def fill(self) -> int:
        """The byte that every start value is made of, where there is no array."""
        return int(_start_bytes(self.start)[0])


def place_states(states: Mapping[int, State]) -> dict[int, StatePlace]:
    """Return the place of each state, one behind the other on word boundaries."""
    fragments = names.unique(names.identifier(state.name) for state in states.values())
    found: dict[int, StatePlace] = {}
    offset = 0
    for (tensor, state), fragment in zip(states.items(), fragments, strict=True):
        uniform = len(np.unique(_start_bytes(state.start))) == 1
        symbol = "" if uniform else f"mcu_slm_start_{fragment}"
        macro = f"STATE_{fragment.upper()}"
        found[tensor] = StatePlace(state.name, macro, offset, state.start, symbol)
        offset += _aligned(int(state.start.nbytes))
    return found


def state_bytes(places: Mapping[int, StatePlace]) -> int:
    """Return the bytes of the state area."""
    return sum(_aligned(place.byte_count) for place in places.values())


def _start_bytes(start: npt.NDArray[Any]) -> npt.NDArray[np.int8]:
    return np.ascontiguousarray(start).reshape(-1).view(np.int8)


def _aligned(byte_count: int) -> int:
    return -(-byte_count // ALIGNMENT) * ALIGNMENT
