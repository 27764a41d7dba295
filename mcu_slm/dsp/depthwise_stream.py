"""Depthwise convolutions line by line: each word of inputs is loaded once for an output line.

The sums of all outputs whose windows cover a word of the line stand in registers: those that end
with the word, and those that begin with it. Then the finished ones are rescaled and stored, and
just before the stores the next word of each line of the window is loaded, which costs one cycle a
word there. The weights stay in registers; registers of what is done with become free in turn, so
that after some words everything stands where it stood, and a loop can close.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import product

from mcu_slm.dsp.depthwise_lines import Line, Segment
from mcu_slm.dsp.depthwise_parts import Part, length, price
from mcu_slm.dsp.depthwise_planes import Planes
from mcu_slm.dsp.depthwise_registers import (
    BANK,
    LONGEST_OFFSET,
    NUMBERS,
    NoScheduleError,
    Registers,
    moved,
)
from mcu_slm.dsp.depthwise_taps import Taps
from mcu_slm.dsp.depthwise_weights import Weights

_REGISTERS = 12
_FIRST_WEIGHT = 4
_FEWEST, _MOST = 2, 7
"""Registers for sums and inputs that are tried."""
_MOST_SEGMENTS = 3
_FIRST_SAVED = 11
_WORDS_WORTH_LENDING = 8
_LONGEST = 420


@dataclass(frozen=True)
class Stream:
    """How the outputs of a layer are made. `form`, `shift`: as in `ShortRescaling`.

    `pool`: registers for sums and inputs; `loops`: whether the words of a line are done in a loop;
    `spills`: whether a word of weights waits in a floating-point register; `holds_bias`: whether
    the bias is the first number to have a register.
    """

    planes: Planes
    form: str
    shift: int
    is_clamped: bool
    pool: int = 0
    loops: bool = True
    spills: bool = False
    holds_bias: bool = False

    @cached_property
    def taps(self) -> Taps:
        """The taps along the pairs."""
        return Taps(self.planes.along.kernel, self.planes.along.stride, self.planes.before)

    @cached_property
    def weights(self) -> Weights:
        """The registers of the weights."""
        return Weights(self.planes.across.kernel, self.taps, _FIRST_WEIGHT, self.spills)

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """Neighbouring output lines whose windows have the same lines inside the planes."""
        found: list[Segment] = []
        planes = self.planes
        for output in range(planes.lines_at_once):
            lines = [planes.line_of(output, tap) for tap in range(planes.across.kernel)]
            taps = tuple(tap for tap, line in enumerate(lines) if line is not None)
            first = next((line for line in lines if line is not None), 0)
            if found and found[-1].taps == taps:
                found[-1] = replace(found[-1], count=found[-1].count + 1)
            else:
                found.append(Segment(taps, first, output, 1))
        return tuple(found)

    @property
    def has_any_lines(self) -> bool:
        """Whether the code makes as many lines as it is told to."""
        return (
            not self.planes.is_whole and self.planes.across.output % self.planes.lines_at_once > 0
        )

    @property
    def slack_bytes(self) -> int:
        """Bytes behind the planes that are loaded in vain, as if there were one more line."""
        last = self.segments[-1]
        lines = self.planes.across.stride if last.count > 1 or self.has_any_lines else 0
        return 4 * ((lines - 1) * self.planes.pairs + 1) if lines else 0

    @cached_property
    def _unused(self) -> list[str]:
        return [f"r{n}" for n in range(_REGISTERS) if f"r{n}" not in self.weights.registers]

    @cached_property
    def held(self) -> dict[str, str]:
        """The registers of numbers that stay there, because there are registers enough."""
        names = sorted(NUMBERS[self.form], key=lambda name: self.holds_bias and name != "bias")
        return dict(zip((*names, "end"), self._unused[: self.pool - 1 : -1], strict=False))

    def start(self) -> list[str]:
        """Return the instructions before the lines; r0: weights, r3: 8 or 0 bits to shift by."""
        text = self.weights.start()
        held = [(BANK[name], register) for name, register in self.held.items() if name != "end"]
        return [*text, *(f"vmov {register}, {number}" for number, register in held)]

    def parts(self) -> list[Part]:
        """Return the instructions of all lines; r12 walks along outputs, lr along the planes."""
        found = [Part(tuple(self.start()), 1, note="weights")]
        at = stored = 0
        for number, segment in enumerate(self.segments):
            line = 4 * self.planes.pairs * segment.line
            output = self.planes.output_line * segment.output
            lead = moved("lr", line - at, self._unused[0])
            lead += moved("r12", output - stored, self._unused[0])
            lent = self._lent(segment)
            later = {tap for other in self.segments[number + 1 :] for tap in other.taps}
            kept = [
                r for tap in later for r in self.weights.registers_of(tap) if r in lent.values()
            ]
            saved = [(r, f"s{_FIRST_SAVED + n}") for n, r in enumerate(kept)]
            lead += [f"vmov {s}, {r}" for r, s in saved]
            lead += [f"vmov {r}, {BANK[name]}" for name, r in lent.items()]
            lines = self._line(segment, lent)
            back = tuple(f"vmov {r}, {s}" for r, s in saved)
            last = segment.output + segment.count
            note = f"output lines {segment.output} to {last - 1}, taps {_listed(segment.taps)}"
            found += [Part(tuple(lead), 1, note=note), *lines.parts(), Part(back, 1)]
            at, stored = line + lines.at, output + lines.stored
        return found

    def _lent(self, segment: Segment) -> dict[str, str]:
        """Return numbers that stand in registers of weights which a segment does not need."""
        idle = [
            register
            for tap in range(self.planes.across.kernel)
            if tap not in segment.taps
            for register in self.weights.registers_of(tap)
        ]
        if segment.count * self.planes.pairs < _WORDS_WORTH_LENDING:
            return {}
        names = [name for name in NUMBERS[self.form] if name not in self.held]
        return dict(zip(names, idle, strict=False))

    def _line(self, segment: Segment, lent: dict[str, str]) -> Line:
        registers = Registers(
            self.form,
            self.shift,
            self.is_clamped,
            {**self.held, **lent},
            self.weights,
            self._unused[: self.pool],
        )
        return Line(
            registers,
            self.planes,
            self.taps,
            segment,
            any_lines=self.has_any_lines,
            loops=self.loops,
        )


def _listed(taps: tuple[int, ...]) -> str:
    return ", ".join(map(str, taps))


def stream_of(planes: Planes, form: str, shift: int, *, is_clamped: bool) -> Stream | None:
    """Return the fastest way that the registers suffice for, None where they do not."""
    ways = [_best(planes, form, is_clamped)]
    if planes.along.pad % 2:
        ways.append(_best(replace(planes, is_tight=True), form, is_clamped))
    found = [way for way in ways if way is not None]
    if not found:
        return None
    best = min(found, key=lambda way: price(way.parts(), planes.lines_at_once))
    return replace(best, shift=shift)


@lru_cache
def _best(planes: Planes, form: str, is_clamped: bool) -> Stream | None:
    plain = Stream(planes, form, 1, is_clamped)
    if planes.along.stride > 2 or len(plain.segments) > _MOST_SEGMENTS:
        return None
    if not all(segment.taps for segment in plain.segments):
        return None
    if 4 * (planes.plane_words + planes.pairs) > LONGEST_OFFSET:
        return None
    either = (False, True)
    ways = [
        replace(plain, pool=n, spills=spills, loops=loops, holds_bias=holds_bias)
        for spills, loops, holds_bias in product(either, repeat=3)
        for n in range(_FEWEST, min(_REGISTERS - plain.weights.count + spills, _MOST) + 1)
        if not spills or (planes.along.stride % 2 and planes.across.kernel > 1)
    ]
    prices = [(price, number) for number, way in enumerate(ways) if (price := _price(way))]
    return ways[min(prices)[1]] if prices else None


def _price(stream: Stream) -> float | None:
    """Return what a way costs, None if it cannot be."""
    try:
        parts = stream.parts()
    except NoScheduleError:
        return None
    return None if length(parts) > _LONGEST else price(parts, stream.planes.lines_at_once)
