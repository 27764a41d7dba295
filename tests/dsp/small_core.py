"""A core for generated lines of assembly: registers, memory, and the instructions in use."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

_ADDRESS = re.compile(r"\[(\w+)(?:, #(-?\d+))?\](!)?(?:, #(-?\d+))?$")
_MOST_STEPS = 100_000


def signed(value: int, bits: int = 32) -> int:
    """Return the lowest bits as a signed number."""
    return (value + (1 << (bits - 1))) % (1 << bits) - (1 << (bits - 1))


class SmallCore:
    """Runs assembly. `words` holds what is loaded, `stored` what was stored, by address."""

    def __init__(self, words: dict[int, int]) -> None:
        self.words = words
        self.stored: dict[int, int] = {}
        self.registers: defaultdict[str, int] = defaultdict(int)
        self._is_equal = False

    def run(self, text: Sequence[str]) -> None:
        """Run from the first line to behind the last one."""
        place = steps = 0
        while place < len(text):
            steps += 1
            assert steps < _MOST_STEPS, "the loop never ends"
            line = text[place]
            place += 1
            if line.startswith(".") or line.endswith(":"):
                continue
            name, _, operands = line.partition(" ")
            name = name.removesuffix(".w")
            if name == "bne":
                if not self._is_equal:
                    label = f"{operands[0]}:"
                    place = max(n for n in range(place) if text[n] == label)
                continue
            self._do(name, operands.split(", "), operands)

    def _value(self, operand: str) -> int:
        return int(operand[1:], 0) if operand[0] == "#" else self.registers[operand]

    def _do(self, name: str, names: list[str], operands: str) -> None:
        if name in ("ldr", "strb"):
            self._access(name, names[0], operands)
        elif name == "vmov":
            half = len(names) // 2
            for target, source in zip(names[:half], names[half:], strict=True):
                self.registers[target] = self.registers[source]
        elif name == "cmp":
            self._is_equal = self._value(names[0]) == self._value(names[1])
        else:
            self.registers[names[0]] = signed(self._result(name, names))

    def _access(self, name: str, register: str, operands: str) -> None:
        found = _ADDRESS.search(operands)
        assert found is not None
        base, offset, is_written, after = found.groups()
        address = self.registers[base] + int(offset or 0)
        if is_written or after:
            self.registers[base] = address + int(after or 0)
        if name == "ldr":
            self.registers[register] = self.words[address]
        else:
            assert address not in self.stored, "an output is stored twice"
            self.stored[address] = signed(self.registers[register], 8)

    def _result(self, name: str, names: list[str]) -> int:
        values = [self._value(n) for n in names[1:] if n[:3] not in ("asr", "lsr")]
        if name in ("addw", "add"):
            return values[0] + values[1]
        if name in ("subw", "sub"):
            return values[0] - (values[1] >> int(names[3][5:]) if len(names) > 3 else values[1])
        if name == "and":
            last = values[1] >> int(names[3][5:]) if len(names) > 3 else values[1]
            return values[0] & last
        if name == "pkhtb":
            return values[0] & ~0xFFFF | values[1] >> 16 & 0xFFFF
        if name == "ssat":
            shifted = values[1] >> int(names[3][5:])
            return min(max(shifted, -128), 127)
        simple = {
            "lsl": lambda: values[0] << values[1],
            "asr": lambda: values[0] >> values[1],
            "movw": lambda: values[0],
            "smmla": lambda: values[2] + (values[0] * values[1] >> 32),
        }
        return simple[name]() if name in simple else self._products(name, values)

    @staticmethod
    def _products(name: str, values: list[int]) -> int:
        halves = {"smlad": ("bb", "tt")}.get(name, (name.removeprefix("smla"),))
        found = values[2]
        for one, other in halves:
            factors = ((values[0], one), (values[1], other))
            a, b = (signed(word >> (16 if half == "t" else 0), 16) for word, half in factors)
            found += a * b
        return found
