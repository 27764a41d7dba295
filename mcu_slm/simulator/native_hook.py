"""The compiled block hook; the structures mirror block_hook.c field by field."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any, Final

from unicorn.unicorn_const import UC_ERR_OK, UC_HOOK_BLOCK
from unicorn.unicorn_py3 import unicorn as binding

from mcu_slm.simulator.trace import (
    MOST_POINTS,
    NO_LIMIT,
    REGISTERS,
    Edge,
    Node,
    Region,
    check_points,
)

_BLOCK_SLOTS: Final = 16384
_EDGE_SLOTS: Final = 131072
_MAX_NODES: Final = 1024
_MAX_FRAMES: Final = 64
_MAX_REGIONS: Final = 8


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


class _State(ctypes.Structure):
    _fields_ = [
        ("instructions", ctypes.c_uint64),
        ("stop_at", ctypes.c_uint64),
        ("emu_stop", ctypes.c_void_p),
        ("reg_read", ctypes.c_void_p),
        *((name, ctypes.c_int32) for name in REGISTERS),
        *((name, ctypes.c_uint32) for name in _FLAGS),
        ("breaks", ctypes.c_uint32 * MOST_POINTS),
        ("watches", ctypes.c_uint32 * MOST_POINTS),
        ("regions", _Region * _MAX_REGIONS),
        ("frames", _Frame * _MAX_FRAMES),
        ("nodes", _Node * _MAX_NODES),
        ("blocks", _Block * _BLOCK_SLOTS),
        ("edges", _Edge * _EDGE_SLOTS),
    ]


class NativeHook:
    """The compiled hook."""

    def __init__(self, library: Path) -> None:
        loaded = ctypes.CDLL(str(library))
        if loaded.mcu_slm_hook_state_bytes() != ctypes.sizeof(_State):
            raise OSError(f"{library} was built from another block_hook.c")
        self._function = loaded.mcu_slm_on_block
        self.state = _State(stop_at=NO_LIMIT, node_count=1, **REGISTERS)

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
        check_points(addresses)
        for number, address in enumerate(sorted(addresses)):
            self.state.breaks[number] = address
        self.state.break_count = len(addresses)
        self._forget(self.state.blocks)

    def start_profile(self, entries: tuple[int, ...]) -> None:
        """Forget the old profile and watch the functions that begin at `entries`."""
        check_points(entries)
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
