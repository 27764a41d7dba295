"""The weights of a depthwise window in core registers.

A word of weights holds the taps t and t + 1 of a line, times 256. Where windows begin at every
second input only, some taps are always multiplied alone: two of those from different lines share a
register.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from mcu_slm.dsp.depthwise_taps import Product, Taps

SPILLED = "s8"
"""Where a word waits that has no register."""

_MOST = 8


def loaded(places: list[tuple[int, str]]) -> list[str]:
    """Return instructions that load words of weights, times 256, by their places in bytes.

    The weights of the first channel of a pair, with r3 = 8, stand one byte lower than wanted. The
    word at the very beginning is shifted, for nothing may be read before it; behind it r0 moves.
    """
    first = [register for place, register in places if place == 0]
    text = [f"ldr.w {register}, [r0, #0]" for register in first]
    text += ["sub.w r0, r0, r3, lsr #3"] * len(first)
    text += [f"lsl.w {register}, {register}, r3" for register in first]
    text += [f"ldr.w {register}, [r0, #{place}]" for place, register in places if place]
    return text + [f"and {register}, {register}, #0xff00ff00" for _, register in places]


@dataclass(frozen=True)
class Weights:
    """Weights of `lines` lines of `taps`, in registers from r`first` on.

    `spills`: the last word waits in a floating-point register.
    """

    lines: int
    taps: Taps
    first: int
    spills: bool = False

    @cached_property
    def _alone(self) -> tuple[int, ...]:
        """The words of which the upper tap alone is ever used."""
        used: dict[int, set[str]] = {}
        for output in range(2):
            for product in self.taps.products(output):
                used.setdefault(product.word, set()).add(product.instruction)
        return tuple(word for word, names in sorted(used.items()) if names == {"smlatb"})

    @cached_property
    def _places(self) -> dict[tuple[int, int], tuple[int, str]]:
        """The number of the register of each (line, word), and "", or the half of a lone tap."""
        found: dict[tuple[int, int], tuple[int, str]] = {}
        count = 0
        for word in self.taps.words:
            for line in range(self.lines):
                if word not in self._alone:
                    found[line, word] = count, ""
                    count += 1
        for number, key in enumerate((n, word) for word in self._alone for n in range(self.lines)):
            found[key] = count + number // 2, "b" if number % 2 else "t"
        return found

    @property
    def count(self) -> int:
        """Registers that are used."""
        return 1 + max(number for number, _ in self._places.values()) - self.spills

    @property
    def spilled_line(self) -> int | None:
        """The line of the window whose last word has no register."""
        return self.lines - 1 if self.spills else None

    @property
    def registers(self) -> tuple[str, ...]:
        """The registers."""
        return tuple(f"r{self.first + number}" for number in range(self.count))

    def registers_of(self, line: int) -> list[str]:
        """Return the registers with weights of one line alone."""
        numbers = [n for (at, _), (n, half) in self._places.items() if at == line and not half]
        return [f"r{self.first + number}" for number in numbers if number < self.count]

    def product(self, line: int, product: Product) -> tuple[str, str]:
        """Return the halves that an instruction multiplies, and the register of the weights."""
        number, half = self._places[line, product.word]
        halves = product.instruction.removeprefix("smla")
        if half:
            halves = half + halves[1]
        return halves, f"r{self.first + number}" if number < self.count else ""

    def start(self) -> list[str]:
        """Return the instructions that load them; r0: weights, r3: 8 or 0 bits to shift them by."""
        text: list[str] = []
        whole = [(key, n) for key, (n, half) in self._places.items() if half != "b"]
        text += self._loaded([(key, f"r{self.first + n}") for key, n in whole if n < self.count])
        for key, number in whole:
            if number == self.count:
                text += [*self._loaded([(key, "r1")]), f"vmov {SPILLED}, r1"]
        lower = [(key, n) for key, (n, half) in self._places.items() if half == "b"]
        spare = ("r1", "r2")
        for place in range(0, len(lower), len(spare)):
            some = list(zip(lower[place : place + len(spare)], spare, strict=False))
            text += self._loaded([(key, register) for (key, _), register in some])
            for (_, number), register in some:  # the lone tap goes below the other one
                both = f"r{self.first + number}"
                text.append(f"pkhtb {both}, {both}, {register}, asr #16")
        return text

    def _loaded(self, words: list[tuple[tuple[int, int], str]]) -> list[str]:
        return loaded([(2 * (line * self.taps.kernel + tap), r) for (line, tap), r in words])

    @property
    def is_possible(self) -> bool:
        """Whether they leave registers for anything else."""
        return self.count <= _MOST
