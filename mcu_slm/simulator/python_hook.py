"""The block hook without a compiler: the same as block_hook.c, a hundred times slower."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from unicorn.unicorn_const import UC_HOOK_BLOCK

from mcu_slm.simulator.trace import (
    BODY_ONLY,
    BRANCH_ONLY,
    NO_LIMIT,
    REGISTERS,
    WHOLE,
    Edge,
    Node,
    Region,
    check_points,
    count_instructions,
)


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
        check_points(addresses)
        self._breaks = addresses

    def start_profile(self, entries: tuple[int, ...]) -> None:
        """Forget the old profile and watch the functions that begin at `entries`."""
        check_points(entries)
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
            masks = tuple(read(REGISTERS[f"id_{n}"]) for n in ("primask", "basepri", "faultmask"))
            if masks != (state.primask, state.basepri, state.faultmask):
                return True
        if state.watch_fpu and engine.reg_read(REGISTERS["id_control"]) & 4:
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
            link, stack = (engine.reg_read(REGISTERS[n]) for n in ("id_lr", "id_sp"))
            profile.frames.append((link & ~1, stack, profile.node))
            profile.node = profile.paths.setdefault((profile.node, watch), len(profile.paths) + 1)
            profile.calls[profile.node] += 1
        self._count_edge(profile.node, part, block)
        profile.instructions[profile.node] += length

    def _leave_functions(self, engine: Any, address: int) -> bool:
        frames, left = self._profile.frames, False
        while frames and frames[-1][0] == address:
            if frames[-1][1] != engine.reg_read(REGISTERS["id_sp"]):
                break
            self._profile.node = frames.pop()[2]
            left = True
        return left

    def _count_edge(self, node: int, part: int, block: tuple[int, int]) -> None:
        if node:
            previous = (self.state.last_address, self.state.last_bytes)
            self._profile.edges[node, part, previous, block] += 1
