"""The hook that sees every block of the simulated core: counts, exact stops, profile.

Two twins with one behaviour: `NativeHook` runs block_hook.c (hundreds of millions of instructions
per second), `PythonHook` does the same in Python (a few million) where no C compiler is to be had.
Both keep a `state` whose fields have the same names; the simulator reads and writes those.
"""

from __future__ import annotations

import ctypes
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from unicorn import arm_const
from unicorn.unicorn_const import UC_ERR_OK, UC_HOOK_BLOCK
from unicorn.unicorn_py3 import unicorn as binding

from mcu_slm.errors import McuSlmError
from mcu_slm.simulator.native import build_block_hook

WHOLE: Final = 0
BRANCH_ONLY: Final = 1
BODY_ONLY: Final = 2
NO_LIMIT: Final = (1 << 64) - 1

_BLOCK_SLOTS: Final = 16384
_EDGE_SLOTS: Final = 131072
_MAX_NODES: Final = 1024
_MAX_FRAMES: Final = 64
_MAX_POINTS: Final = 1024
_MAX_REGIONS: Final = 8


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


def open_hook(native: bool | None = None) -> BlockHook:
    """Return the compiled hook, or the Python one where it cannot be built.

    Args:
        native: True insists on the compiled hook, False on the Python one.
    """
    if native is False:
        return PythonHook()
    library = build_block_hook(required=native is True)
    return PythonHook() if library is None else NativeHook(library)


def _check_points(addresses: frozenset[int] | tuple[int, ...]) -> None:
    if len(addresses) > _MAX_POINTS:
        raise McuSlmError(
            "board simulator",
            f"{len(addresses):,} functions to watch",
            f"at most {_MAX_POINTS:,}",
            "Watch fewer functions.",
        )


# --- The compiled hook; the structures mirror block_hook.c ----------------------------------------


class _Block(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_uint32)
        for name in ("address", "bytes", "instructions", "watch", "is_break")
    ]


class _Edge(ctypes.Structure):
    _fields_ = [
        ("key", ctypes.c_uint64),
        ("count", ctypes.c_uint64),
        ("sizes", ctypes.c_uint32),
        ("tag", ctypes.c_uint32),
    ]


class _Node(ctypes.Structure):
    _fields_ = [
        ("instructions", ctypes.c_uint64),
        ("calls", ctypes.c_uint64),
        ("parent", ctypes.c_uint32),
        ("watch", ctypes.c_uint32),
    ]


class _Frame(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_uint32) for name in ("return_address", "stack_pointer", "caller_node")
    ]


class _Region(ctypes.Structure):
    _fields_ = [
        ("bytes", ctypes.c_void_p),
        ("base", ctypes.c_uint32),
        ("size", ctypes.c_uint32),
        ("writable", ctypes.c_uint32),
    ]


_FLAGS = (
    *("stop_requested", "stopped", "stopped_at_break", "pass_break"),
    *("watch_masks", "primask", "basepri", "faultmask", "watch_fpu"),
    *("last_address", "last_bytes", "profiling", "suspended", "overflow"),
    *("node", "node_count", "frame_count", "edge_count"),
    *("break_count", "watch_count", "region_count"),
)
_REGISTERS = {
    "id_sp": arm_const.UC_ARM_REG_SP,
    "id_lr": arm_const.UC_ARM_REG_LR,
    "id_primask": arm_const.UC_ARM_REG_PRIMASK,
    "id_basepri": arm_const.UC_ARM_REG_BASEPRI,
    "id_faultmask": arm_const.UC_ARM_REG_FAULTMASK,
    "id_control": arm_const.UC_ARM_REG_CONTROL,
}


class _State(ctypes.Structure):
    _fields_ = [
        ("instructions", ctypes.c_uint64),
        ("stop_at", ctypes.c_uint64),
        ("emu_stop", ctypes.c_void_p),
        ("reg_read", ctypes.c_void_p),
        *((name, ctypes.c_int32) for name in _REGISTERS),
        *((name, ctypes.c_uint32) for name in _FLAGS),
        ("breaks", ctypes.c_uint32 * _MAX_POINTS),
        ("watches", ctypes.c_uint32 * _MAX_POINTS),
        ("regions", _Region * _MAX_REGIONS),
        ("frames", _Frame * _MAX_FRAMES),
        ("nodes", _Node * _MAX_NODES),
        ("blocks", _Block * _BLOCK_SLOTS),
        ("edges", _Edge * _EDGE_SLOTS),
    ]


class NativeHook:
    """The compiled hook."""

    def __init__(self, library: Path) -> None:
        self._function = ctypes.CDLL(str(library)).mcu_slm_on_block
        self.state = _State(stop_at=NO_LIMIT, node_count=1, **_REGISTERS)

    def attach(self, engine: Any, regions: tuple[Region, ...]) -> None:
        """Hook every block, past the Python binding, which can register Python functions only."""
        state = self.state
        library: Any = binding.uclib
        state.emu_stop = ctypes.cast(library.uc_emu_stop, ctypes.c_void_p).value
        state.reg_read = ctypes.cast(library.uc_reg_read, ctypes.c_void_p).value
        for number, region in enumerate(regions[:_MAX_REGIONS]):
            state.regions[number] = _Region(
                region.host_address, region.base, region.size, region.writable
            )
        state.region_count = min(len(regions), _MAX_REGIONS)
        handle = ctypes.c_size_t()
        status = library.uc_hook_add(
            engine._uch,
            ctypes.byref(handle),
            ctypes.c_int(UC_HOOK_BLOCK),
            ctypes.cast(self._function, ctypes.c_void_p),
            ctypes.byref(state),
            ctypes.c_uint64(1),
            ctypes.c_uint64(0),  # begin after end: every address
        )
        if status != UC_ERR_OK:
            raise RuntimeError(f"Unicorn refused the block hook: status {status}")

    def set_breaks(self, addresses: frozenset[int]) -> None:
        """Stop before blocks that begin at these addresses."""
        _check_points(addresses)
        for number, address in enumerate(sorted(addresses)):
            self.state.breaks[number] = address
        self.state.break_count = len(addresses)
        self._forget(self.state.blocks)

    def start_profile(self, entries: tuple[int, ...]) -> None:
        """Forget the old profile and watch the functions that begin at `entries`."""
        _check_points(entries)
        state = self.state
        for number, address in enumerate(entries):
            state.watches[number] = address
        state.watch_count = len(entries)
        for table in (state.blocks, state.edges, state.nodes):
            self._forget(table)
        state.node = state.frame_count = state.edge_count = state.overflow = 0
        state.node_count = state.profiling = 1

    def stop_profile(self) -> None:
        """Watch nothing any more; the tables stay readable."""
        self.state.profiling = self.state.watch_count = 0
        self._forget(self.state.blocks)

    def edges(self) -> list[Edge]:
        """Return the edges of the profile."""
        return [
            Edge(
                edge.tag >> 2,
                edge.tag & 3,
                (edge.key >> 32, edge.sizes >> 16),
                (edge.key & 0xFFFFFFFF, edge.sizes & 0xFFFF),
                edge.count,
            )
            for edge in self.state.edges
            if edge.count
        ]

    def nodes(self) -> list[Node]:
        """Return the nodes of the profile."""
        return [
            Node(node.parent, node.watch, node.calls, node.instructions)
            for node in self.state.nodes[: self.state.node_count]
        ]

    @staticmethod
    def _forget(table: Any) -> None:
        ctypes.memset(ctypes.byref(table), 0, ctypes.sizeof(table))


# --- The same in Python ---------------------------------------------------------------------------


@dataclass
class _PythonState:
    instructions: int = 0
    stop_at: int = NO_LIMIT
    stop_requested: int = 0
    stopped: int = 0
    stopped_at_break: int = 0
    pass_break: int = 0
    watch_masks: int = 0
    primask: int = 0
    basepri: int = 0
    faultmask: int = 0
    watch_fpu: int = 0
    last_address: int = 0
    last_bytes: int = 0
    profiling: int = 0
    suspended: int = 0
    overflow: int = 0


@dataclass
class _PythonProfile:
    watches: dict[int, int] = field(default_factory=dict)
    node: int = 0
    paths: dict[tuple[int, int], int] = field(default_factory=dict)  # (parent, watch) -> node
    calls: Counter[int] = field(default_factory=Counter)
    instructions: Counter[int] = field(default_factory=Counter)
    edges: Counter[tuple[int, int, tuple[int, int], tuple[int, int]]] = field(
        default_factory=Counter
    )
    frames: list[tuple[int, int, int]] = field(default_factory=list)  # return address, SP, node


class PythonHook:
    """The hook without a compiler."""

    def __init__(self) -> None:
        self.state = _PythonState()
        self._lengths: dict[tuple[int, int], int] = {}
        self._breaks: frozenset[int] = frozenset()
        self._profile = _PythonProfile()
        self._writable: tuple[range, ...] = ()

    def attach(self, engine: Any, regions: tuple[Region, ...]) -> None:
        """Hook every block of `engine`."""
        self._writable = tuple(range(r.base, r.base + r.size) for r in regions if r.writable)
        engine.hook_add(UC_HOOK_BLOCK, self._on_block)

    def set_breaks(self, addresses: frozenset[int]) -> None:
        """Stop before blocks that begin at these addresses."""
        _check_points(addresses)
        self._breaks = addresses

    def start_profile(self, entries: tuple[int, ...]) -> None:
        """Forget the old profile and watch the functions that begin at `entries`."""
        _check_points(entries)
        self._profile = _PythonProfile({a: number + 1 for number, a in enumerate(entries)})
        self.state.profiling = 1

    def stop_profile(self) -> None:
        """Watch nothing any more; the tables stay readable."""
        self.state.profiling = 0

    def edges(self) -> list[Edge]:
        """Return the edges of the profile."""
        return [Edge(*key, count) for key, count in self._profile.edges.items()]

    def nodes(self) -> list[Node]:
        """Return the nodes of the profile."""
        profile = self._profile
        paths = [(0, 0), *profile.paths]
        return [
            Node(parent, watch, profile.calls[number], profile.instructions[number])
            for number, (parent, watch) in enumerate(paths)
        ]

    def _on_block(self, engine: Any, address: int, size: int, _data: object) -> None:
        state = self.state
        if self._must_stop(engine, address):
            state.stopped = 1
            engine.emu_stop()
            return
        length = self._lengths.get((address, size))
        if length is None:
            length = count_instructions(bytes(engine.mem_read(address, size)))
            if not any(address in region for region in self._writable):
                self._lengths[address, size] = length
        state.instructions += length
        if state.profiling and not state.suspended:
            self._profile_block(engine, (address, size), length)
        state.last_address, state.last_bytes = address, size

    def _must_stop(self, engine: Any, address: int) -> bool:
        state = self.state
        if state.stop_requested or state.instructions >= state.stop_at:
            return True
        if state.watch_masks:
            read = engine.reg_read
            masks = tuple(read(_REGISTERS[f"id_{n}"]) for n in ("primask", "basepri", "faultmask"))
            if masks != (state.primask, state.basepri, state.faultmask):
                return True
        if state.watch_fpu and engine.reg_read(_REGISTERS["id_control"]) & 4:
            return True
        if address in self._breaks:
            if state.pass_break != address:
                state.stopped_at_break = 1
                return True
            state.pass_break = 0
        return False

    def _profile_block(self, engine: Any, block: tuple[int, int], length: int) -> None:
        profile, part, left_node = self._profile, WHOLE, self._profile.node
        returned = self._leave_functions(engine, block[0])
        watch = profile.watches.get(block[0], 0)
        if returned or watch:
            self._count_edge(left_node, BRANCH_ONLY, block)
            part = BODY_ONLY
        if watch:
            link, stack = (engine.reg_read(_REGISTERS[n]) for n in ("id_lr", "id_sp"))
            profile.frames.append((link & ~1, stack, profile.node))
            profile.node = profile.paths.setdefault((profile.node, watch), len(profile.paths) + 1)
            profile.calls[profile.node] += 1
        self._count_edge(profile.node, part, block)
        profile.instructions[profile.node] += length

    def _leave_functions(self, engine: Any, address: int) -> bool:
        frames, left = self._profile.frames, False
        while frames and frames[-1][0] == address:
            if frames[-1][1] != engine.reg_read(_REGISTERS["id_sp"]):
                break
            self._profile.node = frames.pop()[2]
            left = True
        return left

    def _count_edge(self, node: int, part: int, block: tuple[int, int]) -> None:
        if node:
            previous = (self.state.last_address, self.state.last_bytes)
            self._profile.edges[node, part, previous, block] += 1
