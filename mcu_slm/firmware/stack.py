"""How much stack a firmware takes at most: frames as the compiler states them, calls as linked.

No function of ours calls itself, directly or by way of others. So the calls found in the image are
all there are, and the deepest path is the worst case: exact for this compiler and these flags but
for calls through pointers, which are taken to reach all that they might.

An interrupt puts its frames on top of whatever runs, beneath a frame that the core pushes. Those of
one priority do not interrupt one another: one of them is on the stack at a time, at worst the
deepest. The handler of faults is no part of the sum, since nothing goes on after it: where the
stack ends too soon for its report, it takes a fresh one.

Source: Armv7-M Architecture Reference Manual, B1.5.6 and B1.5.7 (exception entry).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mcu_slm.firmware.call_graph import Function, Image, unknown
from mcu_slm.firmware.elf import open_elf

# r0-r3, r12, lr, pc, xpsr; with an FPU also s0-s15, fpscr and a reserved word.
_EXCEPTION_FRAME_BYTES: Final = {False: 32, True: 104}
_ALIGNMENT_BYTES: Final = 4  # the core aligns the frame to 8
_HARD_FAULT: Final = 3
_FIRST_HANDLER: Final = 2


@dataclass(frozen=True)
class Frame:
    """One call on the deepest path. `name` is the function's, or says what the core pushes."""

    name: str
    frame_bytes: int


@dataclass(frozen=True)
class ProgramStack:
    """The stack of a whole program at most, interrupts included, and the path that takes it.

    `main_bytes` is from reset downwards; `interrupt_bytes` what interrupts put on top, the frames
    that the core pushes included; `fault_bytes` the report of a fault, which is not in the sum.
    """

    main_bytes: int
    interrupt_bytes: int
    fault_bytes: int
    path: tuple[Frame, ...]

    @property
    def needed_bytes(self) -> int:
        """Bytes that have to be reserved."""
        return self.main_bytes + self.interrupt_bytes


@dataclass(frozen=True)
class _Depth:
    size_bytes: int
    path: tuple[Frame, ...]


def worst_case_stack(elf: Path, objects: Sequence[Path], root: str) -> int:
    """Return the most bytes of stack that a call of `root` takes, its own frame included.

    Args:
        elf: The linked firmware.
        objects: Its object files, with gcc's `.su` files beside them; clang's frames are in `elf`.
        root: The function's name.

    Raises:
        BuildError: It cannot be known: a call through a pointer, recursion, a frame that grows at
            run time.
    """
    image = Image(open_elf(elf), objects)
    return _Depths(image, follows_pointers=False).of(image.function(root)).size_bytes


def program_stack(
    elf: Path,
    objects: Sequence[Path],
    vectors: Sequence[int],
    *,
    has_fpu: bool,
    interrupts_nest: bool = False,
) -> ProgramStack:
    """Return the most stack that a program takes from reset on.

    Args:
        elf: The linked firmware.
        objects: Its object files, as for `worst_case_stack`.
        vectors: The words of its vector table, from the stack's top on.
        has_fpu: Whether the core pushes registers of an FPU.
        interrupts_nest: Handlers have different priorities: each may interrupt another one.

    Raises:
        BuildError: It cannot be known: recursion, a frame that grows at run time, a call through a
            pointer that is made where it is used.
    """
    image = Image(open_elf(elf), objects)
    depths = _Depths(image, follows_pointers=True)
    main = depths.of(image.function_at(vectors[1]))
    fault = image.function_at(vectors[_HARD_FAULT])
    handlers = {image.function_at(word) for word in vectors[_FIRST_HANDLER:] if word} - {fault}
    pushed = _EXCEPTION_FRAME_BYTES[has_fpu] + _ALIGNMENT_BYTES
    found = sorted((depths.of(handler) for handler in handlers), key=_size, reverse=True)
    active = found if interrupts_nest else found[:1]
    path = list(main.path)
    for depth in active:
        path += [Frame("exception frame", pushed), *depth.path]
    return ProgramStack(
        main.size_bytes,
        sum(pushed + depth.size_bytes for depth in active),
        pushed + depths.of(fault).size_bytes,
        tuple(path),
    )


def _size(depth: _Depth) -> int:
    return depth.size_bytes


class _Depths:
    """The deepest path below each function, each computed once."""

    def __init__(self, image: Image, *, follows_pointers: bool) -> None:
        self._image = image
        self._follows_pointers = follows_pointers
        self._known: dict[Function, _Depth] = {}

    def of(self, function: Function, callers: tuple[Function, ...] = ()) -> _Depth:
        """Return the deepest path that begins with a function."""
        if function in callers:
            path = " -> ".join(map(str, (*callers, function)))
            raise unknown(function, f"it calls itself: {path}", "no recursion")
        if function not in self._known:
            frame = self._image.frame_bytes(function)
            own = Frame(str(function), frame)
            deepest = _Depth(frame, (own,))
            for target, is_jump in self._image.calls(function, self._follows_pointers):
                below = self.of(target, (*callers, function))
                # A jump to another function happens when the own frame is gone.
                size = below.size_bytes + (0 if is_jump else frame)
                if size > deepest.size_bytes:
                    deepest = _Depth(size, below.path if is_jump else (own, *below.path))
            self._known[function] = deepest
        return self._known[function]
