"""What the hook that sees every block of the simulated core records and obeys.

Two twins do it with one behaviour: `NativeHook` runs block_hook.c (hundreds of millions of
instructions per second), `PythonHook` does the same in Python (a few million) where no C compiler
is to be had. Both keep a `state` with the same field names; the simulator reads and writes those.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Protocol

from unicorn import arm_const

from mcu_slm.errors import McuSlmError

WHOLE: Final = 0
BRANCH_ONLY: Final = 1
BODY_ONLY: Final = 2
NO_LIMIT: Final = (1 << 64) - 1
MOST_POINTS: Final = 1024  # functions to watch, addresses to stop at

REGISTERS: Final = {  # the registers that a hook looks at, by their names in the state
    "id_sp": arm_const.UC_ARM_REG_SP,
    "id_lr": arm_const.UC_ARM_REG_LR,
    "id_primask": arm_const.UC_ARM_REG_PRIMASK,
    "id_basepri": arm_const.UC_ARM_REG_BASEPRI,
    "id_faultmask": arm_const.UC_ARM_REG_FAULTMASK,
    "id_control": arm_const.UC_ARM_REG_CONTROL,
}


@dataclass(frozen=True)
class Region:
    """Simulated memory as the host holds it."""

    base: int
    size: int
    host_address: int
    writable: bool


@dataclass(frozen=True)
class Edge:
    """How often block `block` came after block `previous` inside profile node `node`.

    Blocks are (address, bytes). `part` says what of it belongs to the node: all, only the branch
    that ended `previous`, or only the block.
    """

    node: int
    part: int
    previous: tuple[int, int]
    block: tuple[int, int]
    count: int


@dataclass(frozen=True)
class Node:
    """One path of watched functions. Node 0 is the code outside all of them."""

    parent: int
    watch: int
    calls: int
    instructions: int


class BlockHook(Protocol):
    """What the simulator needs of a hook."""

    state: Any

    def attach(self, engine: Any, regions: tuple[Region, ...]) -> None:
        """Hook every block of `engine`."""

    def set_breaks(self, addresses: frozenset[int]) -> None:
        """Stop before blocks that begin at these addresses."""

    def start_profile(self, entries: tuple[int, ...]) -> None:
        """Forget the old profile and watch the functions that begin at `entries`."""

    def stop_profile(self) -> None:
        """Watch nothing any more; the tables stay readable."""

    def edges(self) -> list[Edge]:
        """Return the edges of the profile."""

    def nodes(self) -> list[Node]:
        """Return the nodes of the profile."""


def count_instructions(code: bytes) -> int:
    """Count Thumb instructions: 32 bits when the first halfword is 0xE800 or more."""
    count = at = 0
    while at + 2 <= len(code):
        at += 4 if code[at + 1] >= 0xE8 else 2
        count += 1
    return count


def check_points(addresses: frozenset[int] | tuple[int, ...]) -> None:
    """Refuse more addresses than a hook's tables hold."""
    if len(addresses) > MOST_POINTS:
        raise McuSlmError(
            "board simulator",
            f"{len(addresses):,} functions to watch",
            f"at most {MOST_POINTS:,}",
            "Watch fewer functions.",
        )
