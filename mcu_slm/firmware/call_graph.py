"""Who calls whom in a linked firmware, and how large each frame is.

Frames are what the compiler states: gcc's `.su` files, clang's section `.stack_sizes`. Where it
states none (the compiler's own library, assembler) they are read off the instructions. Calls are
those in the image. A call through a pointer may reach every function whose address is taken
anywhere but in the vector table, as the objects' relocations tell.

Source: GCC manual, "-fstack-usage"; LLVM, section `.stack_sizes`; Arm ELF ABI, mapping symbols and
relocations.
"""

from __future__ import annotations

import bisect
import functools
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mcu_slm.errors import BuildError
from mcu_slm.firmware.elf import open_elf
from mcu_slm.firmware.instructions import (
    branch_target,
    formed_address,
    popped_by,
    pushed_by,
    returns,
    stays_or_returns,
)

_COPY = re.compile(r"\.\d+$")
_SIZES_SECTION: Final = ".stack_sizes"
_REMEDY: Final = "Where it is the tool's own code, please report it."
_VECTORS: Final = ".vectors"
_SHF_ALLOC: Final = 0x2
_ABS32: Final = 2  # R_ARM_ABS32: the word in the section is the offset
# R_ARM_NONE, THM_CALL, THM_JUMP24, PREL31 (of the unwinder), THM_JUMP19, THM_JUMP6, 11 and 8.
_NO_ADDRESSES: Final = frozenset((0, 10, 30, 42, 51, 52, 102, 103))


@dataclass(frozen=True)
class Function:
    """A function in the image: address without the Thumb bit; all names that it has."""

    address: int
    size_bytes: int
    names: tuple[str, ...]

    def __str__(self) -> str:
        return self.names[0]


@dataclass(frozen=True)
class Address:
    """A function whose address is used as a value, or the address of a place inside it."""

    function: str
    is_label: bool


class Image:
    """The linked firmware: functions, frames and calls."""

    def __init__(self, elf: Any, objects: Sequence[Path]) -> None:
        self._elf = elf
        symbols = list(self._elf.get_section_by_name(".symtab").iter_symbols())
        names: dict[int, list[str]] = {}
        sizes: dict[int, int] = {}
        for symbol in symbols:
            if symbol["st_info"]["type"] == "STT_FUNC" and symbol["st_shndx"] != "SHN_UNDEF":
                address = symbol["st_value"] & ~1
                names.setdefault(address, []).append(symbol.name)
                sizes[address] = max(symbol["st_size"], sizes.get(address, 0))
        self._marks = sorted(
            (symbol["st_value"], symbol.name[:2] == "$t")
            for symbol in symbols
            if symbol.name[:2] in ("$t", "$d")
        )
        borders = (*sizes, *(mark for mark, _ in self._marks))
        for address in (address for address, size in sizes.items() if size == 0):  # assembler
            sizes[address] = min((n for n in borders if n > address), default=address) - address
        self._functions = {a: Function(a, sizes[a], tuple(names[a])) for a in names}
        self._frames = _clang_frames(self._elf)
        self._named_frames = {} if self._frames else _gcc_frames(objects)
        self._objects = objects
        self._decoded: dict[Function, tuple[Any, ...]] = {}

    def function(self, name: str) -> Function:
        """Return a function by name."""
        for function in self._functions.values():
            if name in function.names:
                return function
        raise BuildError(name, "it is not in the image", "a function", _REMEDY)

    def function_at(self, address: int) -> Function:
        """Return the function that a vector points to."""
        if address & ~1 not in self._functions:
            where = f"vector 0x{address:08x}"
            raise BuildError(where, "no function begins there", "a function", _REMEDY)
        return self._functions[address & ~1]

    def frame_bytes(self, function: Function) -> int:
        """Return what one call of a function takes, without the functions that it calls."""
        found = self._frames.get(function.address)
        for name in function.names:
            # Listings name a copy of a function `f.constprop`, images `f.constprop.0`.
            listed = name if name in self._named_frames else _COPY.sub("", name)
            found = self._named_frames.get(listed, found)
        if found is None:
            return self._pushed_bytes(function)
        # The compiler does not count what assembler inside the function pushes.
        return max(found, self._highest_level(function))

    def calls(self, function: Function, follows_pointers: bool) -> Iterator[tuple[Function, bool]]:
        """Yield the functions that a function calls, and whether the call is a jump at its end.

        With `follows_pointers` a call through a pointer yields all functions that it may reach.
        """
        from capstone import arm

        end = function.address + function.size_bytes
        for instruction in self._instructions(function):
            is_call = instruction.id in (arm.ARM_INS_BL, arm.ARM_INS_BLX)
            target = branch_target(instruction)
            if target is not None:
                if not is_call and function.address <= target < end:
                    continue
                yield self._function_around(target, function), not is_call
            elif is_call or not stays_or_returns(instruction):
                if not is_call and (self._has_jump_table(function) or self._is_entered(function)):
                    continue
                if not follows_pointers or not self._addressed:
                    found = (
                        f"`{instruction.mnemonic} {instruction.op_str}` goes where a register says"
                    )
                    raise unknown(function, found, "no calls through pointers")
                for candidate in self._addressed:
                    yield candidate, not is_call

    def _function_around(self, address: int, caller: Function) -> Function:
        """Return the function that a call enters: libgcc skips the first instructions of some."""
        if address in self._functions:
            return self._functions[address]
        for function in self._functions.values():
            if function.address < address < function.address + function.size_bytes:
                return function
        found = f"it calls 0x{address:08x}, where there is no function"
        raise unknown(caller, found, "calls of functions")

    @functools.cached_property
    def _addresses(self) -> tuple[Address, ...]:
        return tuple(found for path in self._objects for found in _addresses_in(open_elf(path)))

    @functools.cached_property
    def _addressed(self) -> tuple[Function, ...]:
        """The functions whose address is taken outside the vector table."""
        wanted = {found.function for found in self._addresses if not found.is_label}
        return tuple(f for f in self._functions.values() if not wanted.isdisjoint(f.names))

    def _has_jump_table(self, function: Function) -> bool:
        """Whether addresses inside a function lie in tables: its indirect jumps stay inside."""
        return any(found.is_label and found.function in function.names for found in self._addresses)

    def _is_entered(self, function: Function) -> bool:
        """Whether a function forms the address of an instruction of its own, where it jumps.

        Unrolled loops in assembler are entered further on where there is less to do.
        """
        own = {instruction.address for instruction in self._instructions(function)}
        return any(formed_address(one) in own for one in self._instructions(function))

    def _pushed_bytes(self, function: Function) -> int:
        """Return the frame of a function as its instructions show it: all that they push, once."""
        pushed, begin = 0, function.address
        pushes: list[int] = []
        for instruction in self._instructions(function):
            step = pushed_by(instruction)
            if step is None:
                raise unknown(function, "the compiler states no frame of fixed size for it", "one")
            if step:
                pushed += step
                pushes.append(instruction.address)
            target = branch_target(instruction)
            if target is None or not begin <= target <= instruction.address:
                continue
            if any(target <= place for place in pushes):
                raise unknown(function, "it pushes in a loop", "a frame of fixed size")
        return pushed

    def _highest_level(self, function: Function) -> int:
        """Return how much stack the instructions hold at once, read from top to bottom.

        Behind a return in the middle the code goes on with what was there before its pops.
        """
        level = kept = highest = 0
        for instruction in self._instructions(function):
            pushed, popped = pushed_by(instruction) or 0, popped_by(instruction)
            if not popped:
                kept = level + pushed
            level = max(0, level + pushed - popped)
            highest = max(highest, level)
            if returns(instruction):
                level = kept
        return highest

    def _instructions(self, function: Function) -> tuple[Any, ...]:
        """Return the instructions of a function; each is decoded once."""
        if function not in self._decoded:
            self._decoded[function] = tuple(self._decode(function))
        return self._decoded[function]

    def _decode(self, function: Function) -> Iterator[Any]:
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
                raise unknown(function, found, "Thumb-2")

    def _bytes(self, start: int, stop: int) -> bytes:
        for section in self._elf.iter_sections():
            offset = start - section["sh_addr"]
            if section["sh_flags"] & 4 and 0 <= offset < section["sh_size"]:
                return bytes(section.data()[offset : offset + stop - start])
        raise BuildError(f"0x{start:08x}", "no code is there", "a function", _REMEDY)


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


def _addresses_in(elf: Any) -> Iterator[Address]:
    """Yield the functions of an object file whose address, or one inside, is used as a value."""
    from elftools.elf.relocation import RelocationSection
    from elftools.elf.sections import SymbolTableSection

    for section in elf.iter_sections():
        if not isinstance(section, RelocationSection):
            continue
        place = elf.get_section(section["sh_info"])
        if not place["sh_flags"] & _SHF_ALLOC or place.name == _VECTORS:
            continue
        table = elf.get_section(section["sh_link"])
        assert isinstance(table, SymbolTableSection)
        for relocation in section.iter_relocations():
            kind, offset = relocation["r_info_type"], relocation["r_offset"]
            if kind in _NO_ADDRESSES:
                continue
            symbol = table.get_symbol(relocation["r_info_sym"])
            if symbol["st_info"]["type"] != "STT_SECTION":
                yield Address(symbol.name, is_label=False)
                continue
            word = int.from_bytes(place.data()[offset : offset + 4], "little") & ~1
            for other in table.iter_symbols():
                if (
                    other["st_info"]["type"] != "STT_FUNC"
                    or other["st_shndx"] != symbol["st_shndx"]
                ):
                    continue
                begin = other["st_value"] & ~1
                is_label = kind == _ABS32 and begin < word < begin + other["st_size"]
                if is_label or kind != _ABS32 or word == begin:  # else a neighbour in the section
                    yield Address(other.name, is_label)


def unknown(function: Function, found: str, expected: str) -> BuildError:
    """Return the error for a stack that cannot be known."""
    return BuildError(f"stack of {function}", found, expected, _REMEDY)
