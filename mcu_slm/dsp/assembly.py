"""What an instruction of the generated assembly reads, writes and keeps busy.

Only what the kernels of this family use is known; anything else stays where it stands.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

Unit = Literal["product", "memory", "simd", "float", "plain"]
"""Of each a core that starts two instructions at a time has one; of the last it has two."""

_UNITS: Final[dict[str, tuple[Unit, int]]] = {
    r"sm(la|mla|lal|mls|mul|ua|ul|us|lab|lat).*|mul|mla": ("product", 2),
    r"ldr(b|h|sb|sh)?": ("memory", 2),
    r"str(b|h|d)?|stm": ("memory", 1),
    r"vmov|vldr": ("float", 3),
    r"ssat|[su]x[t][ab]*b?16|[squ]h?(add|sub)(8|16)|sel|bfi|pkh(bt|tb)": ("simd", 1),
    r"(add|sub|rsb|and|orr|eor|mov|lsl|asr|cmp|cmn|tst)s?w?|movt": ("plain", 1),
}
_KNOWN: Final = [(re.compile(pattern), unit) for pattern, unit in _UNITS.items()]
_REGISTER: Final = re.compile(r"\b(?:r\d+|s\d+|d\d+|lr|sp)\b")
_ADDRESS: Final = re.compile(r"\[(\w+)(?:, #(-?\d+))?\](!|, #-?\d+)?$")
_SETS_FLAGS: Final = re.compile(r"cmp|cmn|tst|(add|sub|rsb|and|orr|eor|mov|lsl|asr)s")
_SETS_LANES: Final = re.compile(r"[su](add|sub)(8|16)")
_WORDS: Final = ("ldr", "str")
FLAGS: Final = "flags"
LANES: Final = "lanes"
"""What parallel sums and differences leave for SEL."""


@dataclass(frozen=True)
class Place:
    """A word in memory, by the register and the constant that its address is made of."""

    base: str
    offset: int


@dataclass(frozen=True)
class Instruction:
    """An instruction that may change places with others.

    `latency`: cycles until another one can use what it writes. `place`: what it loads or stores, if
    that is one word at a constant distance from a register.
    """

    text: str
    comment: str
    unit: Unit
    latency: int
    reads: frozenset[str]
    writes: frozenset[str]
    loads: bool
    stores: bool
    place: Place | None


def parse(text: str, comment: str = "") -> Instruction | None:
    """Return what an instruction does, None if it has to stay where it stands."""
    mnemonic, _, operands = text.strip().partition(" ")
    name = mnemonic.removesuffix(".w")
    known = next((unit for pattern, unit in _KNOWN if pattern.fullmatch(name)), None)
    if known is None:
        return None
    unit, latency = known
    registers = _registers(operands)
    stores, loads = name.startswith("st"), name.startswith(("ldr", "vldr"))
    count = 0 if stores or name in ("cmp", "cmn", "tst") else _results(name, operands)
    written, read = registers[:count], registers[count:]
    if name in ("bfi", "movt"):
        read = registers
    if name == "sel":
        read = [*read, LANES]
    if _SETS_LANES.fullmatch(name):
        written = [*written, LANES]
    if _SETS_FLAGS.fullmatch(name):
        written = [*written, FLAGS]
    address = _ADDRESS.search(operands)
    place = None
    if address and address[3]:
        written = [*written, address[1]]
    elif address and name in _WORDS:
        place = Place(address[1], int(address[2] or 0))
    if name == "stm" and "!" in operands:
        written = [registers[0]]
    return Instruction(
        text,
        comment,
        unit,
        latency,
        frozenset(read),
        frozenset(written),
        loads,
        stores,
        place,
    )


def _results(name: str, operands: str) -> int:
    """Return how many of the operands, the first ones, are written."""
    if name != "vmov":
        return 1
    pairs = operands.replace(" ", "").split(",")
    is_pair = len(pairs) > 2 and pairs[0][0] == pairs[1][0]
    return 2 if is_pair or operands.startswith("d") else 1


def _registers(operands: str) -> list[str]:
    """Return the registers of an instruction; doubles as the singles that they consist of."""
    expanded = re.sub(
        r"\br(\d+)-r(\d+)\b",
        lambda found: ", ".join(f"r{n}" for n in range(int(found[1]), int(found[2]) + 1)),
        operands,
    )
    names: list[str] = []
    for name in _REGISTER.findall(expanded):
        number = int(name[1:]) if name[0] == "d" else 0
        names += [f"s{2 * number}", f"s{2 * number + 1}"] if name[0] == "d" else [name]
    return names


def single_loads(text: str) -> list[str]:
    """Return a load of several registers as loads of one each; others as they are."""
    found = re.fullmatch(r"\s*(ldmia|ldm|ldrd)(?:\.w)?\s+(.*?)\s*", text)
    if found is None:
        return [text]
    if found[1] == "ldrd":
        return _of_pair(found[2])
    address, _, listed = found[2].partition(",")
    base = address.strip().rstrip("!")
    registers = _registers(listed)
    places = list(zip(registers, range(0, 4 * len(registers), 4), strict=True))
    loads = [f"ldr    {register}, [{base}, #{place}]" for register, place in places]
    last = next((n for n, register in enumerate(registers) if register == base), 0)
    if address.strip().endswith("!"):
        loads[0] = f"ldr    {registers[0]}, [{base}], #{4 * len(registers)}"
    return [*loads[:last], *loads[last + 1 :], loads[last]]  # the base is read until then


def _of_pair(operands: str) -> list[str]:
    """Return LDRD's two loads; the base register moves, or is overwritten, when it is done with."""
    found = re.fullmatch(r"(\w+), (\w+), \[(\w+)(?:, #(\d+))?\](!|, #\d+)?", operands)
    assert found is not None, operands
    first, second, base, offset, moves = found.groups()
    place = int(offset or 0)
    if moves == "!":
        return [f"ldr    {first}, [{base}, #{place}]!", f"ldr    {second}, [{base}, #4]"]
    if moves:
        return [f"ldr    {second}, [{base}, #4]", f"ldr    {first}, [{base}]{moves}"]
    loads = [f"ldr    {first}, [{base}, #{place}]", f"ldr    {second}, [{base}, #{place + 4}]"]
    return loads[::-1] if first == base else loads
