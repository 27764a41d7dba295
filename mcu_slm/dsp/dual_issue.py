"""Orders generated assembly for cores that start two instructions at a time: the Cortex-M7.

A load and a product start together if neither waits for the other, a load of several registers
starts alone. So loads become single ones, and within each stretch without labels and branches the
instructions change places, registers and results staying as they are, until about as many as
possible start in pairs. The products of the matrix kernels are in order already
(`kernels/dsp/dsp_dual_issue.j2`) and stay as they are.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import Final

from mcu_slm.dsp.assembly import LANES, Instruction, Place, parse, single_loads

DUAL_ISSUE_CORES: Final = ("cortex-m7",)

_WIDTH = 2
_LINE: Final = re.compile(r'\s*"(.*?)\s*\\n"\s*(/\*.*\*/)?')
_REPEATED: Final = re.compile(r"\.irp r, (.*)")


def paired(source: str) -> str:
    """Return C with the instructions of its assembly statements in an order for pairs."""
    done: list[str] = []
    statement: list[tuple[str, str]] = []
    for line in source.split("\n"):
        found = _LINE.fullmatch(line)
        if found is not None:
            statement.append((found[1], found[2] or ""))
            continue
        done += _statement(statement)
        statement = []
        done.append(line)
    return "\n".join(done)


def _statement(lines: Sequence[tuple[str, str]]) -> list[str]:
    """Return a statement, each stretch of instructions that may change places in order.

    Lines are instructions and comments; what is repeated over numbers stays as it is.
    """
    done: list[tuple[str, str]] = []
    stretch: list[Instruction] = []
    is_repeated = False
    for text, comment in _expanded(lines):
        is_repeated |= text.startswith(".irp")
        instruction = None if is_repeated else parse(text, comment)
        is_repeated &= text != ".endr"
        if instruction is not None:
            stretch.append(instruction)
            continue
        done += [*((one.text, one.comment) for one in ordered(stretch)), (text, comment)]
        stretch = []
    done += [(one.text, one.comment) for one in ordered(stretch)]
    return [f'        "{text:<28} \\n" {comment}'.rstrip() for text, comment in done]


def _expanded(lines: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return single loads, and what is repeated over registers once for each."""
    done: list[tuple[str, str]] = []
    place = 0
    while place < len(lines):
        text, comment = lines[place]
        found = _REPEATED.fullmatch(text)
        if found is None:
            done += zip_longest(single_loads(text), [comment], fillvalue="")
            place += 1
            continue
        end = next(n for n in range(place, len(lines)) if lines[n][0] == ".endr")
        for register in found[1].replace(" ", "").split(","):
            done += [(one.replace(r"\\r", register), note) for one, note in lines[place + 1 : end]]
        place = end + 1
    return done


def ordered(stretch: Sequence[Instruction]) -> list[Instruction]:
    """Return instructions so that two start at a time where they can.

    Cycle by cycle those start of which all that they wait for is there, first those that most
    cycles of others wait for.
    """
    waits = dependences(_without_unread(stretch))
    urgency = _urgency(stretch, waits)
    starts: dict[int, int] = {}
    left = sorted(range(len(stretch)), key=lambda number: (-urgency[number], number))
    cycle = 0
    while left:
        busy: Counter[str] = Counter()
        while busy.total() < _WIDTH:
            able = (
                number
                for number in left
                if (stretch[number].unit == "plain" or not busy[stretch[number].unit])
                and all(starts.get(n, cycle + 1) + w <= cycle for n, w in waits[number].items())
            )
            best = next(able, None)
            if best is None:
                break
            starts[best] = cycle
            left.remove(best)
            busy[stretch[best].unit] += 1
        cycle += 1
    return [stretch[number] for number in starts]


def _without_unread(stretch: Sequence[Instruction]) -> Sequence[Instruction]:
    """Return the instructions without what they leave for SEL, if there is none.

    In generated assembly SEL stands in the stretch of what it selects by.
    """
    if any(LANES in one.reads for one in stretch):
        return stretch
    return [replace(one, writes=one.writes - {LANES}) for one in stretch]


def dependences(stretch: Sequence[Instruction]) -> list[dict[int, int]]:
    """Return for each instruction those that it waits for, and how many cycles after their start.

    0 stands for "in the same cycle, but behind it". What follows from others is left out.
    """
    found: list[dict[int, int]] = []
    writer: dict[str, int] = {}
    readers: dict[str, list[int]] = {}
    at_memory: list[int] = []
    places = _places(stretch)
    for number, one in enumerate(stretch):
        waits = {n: 0 for name in one.writes for n in readers.get(name, ())}
        waits |= {n: 0 for n in at_memory if _meet(stretch, places, n, number)}
        waits |= {writer[name]: 1 for name in one.writes if name in writer}
        waits |= {writer[n]: stretch[writer[n]].latency for n in one.reads if n in writer}
        found.append(waits)
        for name in one.reads:
            readers.setdefault(name, []).append(number)
        for name in one.writes:
            writer[name], readers[name] = number, []
        if one.loads or one.stores:
            at_memory.append(number)
    return found


def _places(stretch: Sequence[Instruction]) -> list[tuple[Place, int] | None]:
    """Return what each instruction loads or stores, with how often its base had changed before."""
    changes: Counter[str] = Counter()
    found: list[tuple[Place, int] | None] = []
    for one in stretch:
        found.append((one.place, changes[one.place.base]) if one.place else None)
        changes.update(one.writes)
    return found


def _meet(
    stretch: Sequence[Instruction],
    places: Sequence[tuple[Place, int] | None],
    earlier: int,
    later: int,
) -> bool:
    """Return whether one may store what the other loads or stores."""
    one, other = stretch[earlier], stretch[later]
    if not (one.stores and (other.loads or other.stores)) and not (one.loads and other.stores):
        return False
    first, second = places[earlier], places[later]
    if first is None or second is None or first[1] != second[1]:
        return True
    return first[0].base != second[0].base or first[0].offset == second[0].offset


def _urgency(stretch: Sequence[Instruction], waits: Sequence[dict[int, int]]) -> list[int]:
    """Return how many cycles pass at least from the start of each instruction to the end."""
    urgency = [one.latency for one in stretch]
    for number in reversed(range(len(stretch))):
        for before, cycles in waits[number].items():
            urgency[before] = max(urgency[before], cycles + urgency[number])
    return urgency
