"""How much stack a function takes at most: frames as the compiler states them, calls as linked.

Generated code calls nothing through a pointer, and no function calls itself, directly or by way of
others. So the calls found in the image are all there are, and the deepest path is the worst case:
exact for this compiler and these flags. An interrupt puts its own frames on top.

Source: GCC manual, "-fstack-usage"; LLVM, section `.stack_sizes`; Arm ELF ABI, mapping symbols.
"""

from __future__ import annotations

import bisect
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mcu_slm.errors import BuildError
from mcu_slm.firmware.elf import open_elf

_COPY = re.compile(r"\.\d+$")
_SIZES_SECTION: Final = ".stack_sizes"
_REMEDY: Final = "Where it is the tool's own code, please report it."


@dataclass(frozen=True)
class _Function:
    """A function in the image: address without the Thumb bit; all names that it has."""

    address: int
    size_bytes: int
    names: tuple[str, ...]

    def __str__(self) -> str:
        return self.names[0]


def worst_case_stack(elf: Path, objects: Sequence[Path], root: str) -> int:
    """Return the most bytes of stack that a call of `root` takes, its own frame included.

    Args:
        elf: The linked firmware.
        objects: Its object files, with gcc's `.su` files beside them; clang's frames are in `elf`.
        root: The function's name.

    Raises:
        BuildError: It cannot be known: a call through a pointer, recursion, a frame that the
            compiler does not state (assembler) or that grows at run time.
    """
    image = _Image(elf, objects)
    depths: dict[_Function, int] = {}

    def depth(function: _Function, callers: tuple[_Function, ...]) -> int:
        if function in callers:
            path = " -> ".join(map(str, (*callers, function)))
            raise _unknown(function, f"it calls itself: {path}", "no recursion")
        if function not in depths:
            frame = image.frame_bytes(function)
            # A jump to another function happens when the own frame is gone.
            below = [
                depth(target, (*callers, function)) + (0 if is_jump else frame)
                for target, is_jump in image.calls(function)
            ]
            depths[function] = max([frame, *below])
        return depths[function]

    return depth(image.function(root), ())


class _Image:
    """The linked firmware: functions, frames and calls."""

    def __init__(self, elf: Path, objects: Sequence[Path]) -> None:
        self._elf = open_elf(elf)
        symbols = list(self._elf.get_section_by_name(".symtab").iter_symbols())
        names: dict[int, list[str]] = {}
        sizes: dict[int, int] = {}
        for symbol in symbols:
            if symbol["st_info"]["type"] == "STT_FUNC" and symbol["st_size"]:
                address = symbol["st_value"] & ~1
                names.setdefault(address, []).append(symbol.name)
                sizes[address] = symbol["st_size"]
        self._functions = {a: _Function(a, sizes[a], tuple(names[a])) for a in names}
        self._marks = sorted(
            (symbol["st_value"], symbol.name[:2] == "$t")
            for symbol in symbols
            if symbol.name[:2] in ("$t", "$d")
        )
        self._frames = _clang_frames(self._elf)
        self._named_frames = {} if self._frames else _gcc_frames(objects)

    def function(self, name: str) -> _Function:
        """Return a function by name."""
        for function in self._functions.values():
            if name in function.names:
                return function
        raise BuildError(name, "it is not in the image", "a function", _REMEDY)

    def frame_bytes(self, function: _Function) -> int:
        """Return what one call of a function takes, without the functions that it calls."""
        found = self._frames.get(function.address)
        for name in function.names:
            # Listings name a copy of a function `f.constprop`, images `f.constprop.0`.
            listed = name if name in self._named_frames else _COPY.sub("", name)
            found = self._named_frames.get(listed, found)
        if found is None:
            raise _unknown(function, "the compiler states no frame of fixed size for it", "one")
        return found

    def calls(self, function: _Function) -> Iterator[tuple[_Function, bool]]:
        """Yield the functions that a function calls, and whether the call is a jump at its end."""
        from capstone import arm

        end = function.address + function.size_bytes
        for instruction in self._instructions(function):
            operands = instruction.operands
            is_call = instruction.id in (arm.ARM_INS_BL, arm.ARM_INS_BLX)
            if operands and operands[-1].type == arm.ARM_OP_IMM and _may_branch(instruction):
                target = operands[-1].imm & ~1
                if not is_call and function.address <= target < end:
                    continue
                if target not in self._functions:
                    found = f"it calls 0x{target:08x}, where no function begins"
                    raise _unknown(function, found, "calls of functions")
                yield self._functions[target], not is_call
            elif is_call or not _stays_or_returns(instruction):
                found = f"`{instruction.mnemonic} {instruction.op_str}` goes where a register says"
                raise _unknown(function, found, "no calls through pointers")

    def _instructions(self, function: _Function) -> Iterator[Any]:
        """Decode a function, leaving out the tables and literals between its instructions."""
        import capstone

        decoder = capstone.Cs(
            capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS
        )
        decoder.detail = True
        begin, end = function.address, function.address + function.size_bytes
        first = bisect.bisect_right(self._marks, (begin, True)) - 1
        marks = [(begin, self._marks[first][1]), *self._marks[first + 1 :], (end, False)]
        for (start, is_code), (stop, _) in itertools.pairwise(marks):
            if start >= end:
                return
            if not is_code:
                continue
            code = self._bytes(start, min(stop, end))
            done = 0
            for instruction in decoder.disasm(code, start):
                done += instruction.size
                yield instruction
            if done != len(code):
                found = f"the instruction at 0x{start + done:08x} is not known"
                raise _unknown(function, found, "Thumb-2")

    def _bytes(self, start: int, stop: int) -> bytes:
        for section in self._elf.iter_sections():
            offset = start - section["sh_addr"]
            if section["sh_flags"] & 4 and 0 <= offset < section["sh_size"]:
                return bytes(section.data()[offset : offset + stop - start])
        raise BuildError(f"0x{start:08x}", "no code is there", "a function", _REMEDY)


def _may_branch(instruction: Any) -> bool:
    from capstone import arm

    return instruction.id in (
        *(arm.ARM_INS_B, arm.ARM_INS_BL, arm.ARM_INS_BLX),
        *(arm.ARM_INS_CBZ, arm.ARM_INS_CBNZ),
    )


def _stays_or_returns(instruction: Any) -> bool:
    """Whether an instruction without a fixed target goes on, returns, or takes a jump table."""
    from capstone import arm

    if instruction.id in (arm.ARM_INS_TBB, arm.ARM_INS_TBH, arm.ARM_INS_POP):
        return True
    if instruction.id == arm.ARM_INS_BX:
        return bool(instruction.operands[0].reg == arm.ARM_REG_LR)
    _, written = instruction.regs_access()
    from_stack = instruction.op_str.startswith(("pc, [sp]", "sp!, {"))  # a return, too
    return arm.ARM_REG_PC not in written or from_stack


def _gcc_frames(objects: Sequence[Path]) -> dict[str, int]:
    """Read the `.su` files. Of static functions of one name the largest counts."""
    frames: dict[str, int] = {}
    for path in objects:
        listing = path.with_suffix(".su")
        for line in listing.read_text(encoding="utf-8").splitlines() if listing.is_file() else ():
            place, size, kind = line.split("\t")
            name = place.rpartition(":")[2]
            if kind == "static":
                frames[name] = max(frames.get(name, 0), int(size))
    return frames


def _clang_frames(elf: Any) -> dict[int, int]:
    """Read `.stack_sizes`: pairs of address (32 bits) and size (ULEB128)."""
    section = elf.get_section_by_name(_SIZES_SECTION)
    data = section.data() if section is not None else b""
    frames: dict[int, int] = {}
    at = 0
    while at < len(data):
        address = int.from_bytes(data[at : at + 4], "little") & ~1
        at, shift, size = at + 4, 0, 0
        while True:
            byte = data[at]
            size |= (byte & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if byte < 0x80:
                break
        frames[address] = size
    return frames


def _unknown(function: _Function, found: str, expected: str) -> BuildError:
    return BuildError(f"stack of {function}", found, expected, _REMEDY)
