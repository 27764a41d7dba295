"""The innermost loop of a depthwise convolution: assembly for the tiles of one channel.

Each word of inputs is loaded once per line and tile. lr walks along the planes, r12 along the
outputs. Floating-point registers as in `depthwise_registers`, s6 where the loop ends, from s8 on
weights that the core registers cannot hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from mcu_slm.dsp.depthwise_parts import Part
from mcu_slm.dsp.depthwise_registers import BANK, NoScheduleError
from mcu_slm.dsp.depthwise_tiles import (
    LONGEST_OFFSET,
    LONGEST_PAIR_OFFSET,
    REGISTERS,
    SUMS,
    Tiles,
)
from mcu_slm.dsp.depthwise_weights import loaded

_LONGEST_LIST = 400
_WEIGHTS_AT_ONCE = 4


def is_possible(tiles: Tiles) -> bool:
    """Whether the tiles can be done, by code of reasonable length."""
    if not tiles.has_registers():
        return False
    counts = {tiles.outputs, tiles.rest} - {0}
    try:
        lists = [tile(tiles, outputs, tiles.planes.lines_at_once) for outputs in counts]
    except NoScheduleError:
        return False
    return max(map(len, lists)) <= _LONGEST_LIST


def parts_of_tiles(tiles: Tiles, lines: int) -> list[Part]:
    """Return the instructions that make some output lines of a channel."""
    before = start(tiles)
    whole = tile(tiles, tiles.outputs, lines) if tiles.whole_tiles else []
    rest = tile(tiles, tiles.rest, lines) if tiles.rest else []
    if tiles.loops:
        before += [".p2align 2", "1:"]
        whole += [f"cmp.w lr, {tiles.end_register}", "bne.w 1b"]
    return [
        Part(tuple(before), 1, note="weights"),
        Part(tuple(whole), tiles.whole_tiles, note="tiles of all lines"),
        Part(tuple(rest), 1, note="the outputs that are left"),
    ]


def start(tiles: Tiles) -> list[str]:
    """Return the instructions before the loop; r0: weights, r3: 8 or 0 bits to shift them by."""
    text = _widened_weights(tiles)
    if tiles.loops:
        register = tiles.held.get("end", "r1")
        text.append(f"addw {register}, lr, #{tiles.advance * tiles.whole_tiles}")
        text += [] if "end" in tiles.held else ["vmov s6, r1"]
    held = [(BANK[name], register) for name, register in tiles.held.items() if name != "end"]
    return [*text, *(f"vmov {register}, {number}" for number, register in held)]


def _widened_weights(tiles: Tiles) -> list[str]:
    words, bank = tiles.words, tiles.bank
    first_register = SUMS  # r0 and r3 are in use; the sums come later
    together = _WEIGHTS_AT_ONCE if bank else len(words)
    text = []
    for first in range(0, len(words), together):
        some = words[first : first + together]
        used = [f"r{first_register + number}" for number in range(len(some))]
        places = [2 * (line * tiles.planes.along.kernel + word) for line, word in some]
        text += loaded(list(zip(places, used, strict=True)))
        if bank:
            text += [f"vmov s{bank[word]}, {r}" for r, word in zip(used, some, strict=True)]
    return text


def tile(tiles: Tiles, outputs: int, lines: int) -> list[str]:
    """Return the instructions for some outputs on each of some output lines, tile by tile."""
    text = []
    for first in range(0, lines, tiles.lines):
        block = _Block(tiles, outputs, tuple(range(first, min(first + tiles.lines, lines))))
        text += block.instructions()
    place = next((n for n, line in enumerate(text) if "[lr, #" in line), None)
    if place is None:
        raise NoScheduleError
    if text[place].endswith("[lr, #0]"):  # then this load moves lr on
        text[place] = text[place].replace("#0]", f"#{tiles.advance}]!")
    else:
        text.insert(0, f"addw lr, lr, #{tiles.advance}")
    if tiles.loops and "end" not in tiles.held:
        text.append(f"vmov {tiles.end_register}, s6")
    if not tiles.steps_by_stores:
        text += _add("r12", outputs * tiles.planes.output_step, f"r{tiles.first_spare + 1}")
    return text


@dataclass
class _Block:
    """One tile: sums of `outputs` outputs on each of `lines`."""

    tiles: Tiles
    outputs: int
    lines: tuple[int, ...]
    text: list[str] = field(default_factory=list)
    begun: set[str] = field(default_factory=set)

    def instructions(self) -> list[str]:
        """Return bias, products, rescaling and stores."""
        waiting = self._weights()
        next(waiting)
        self.text.append(f"vmov {self._sums[-1]}, {BANK['bias']}")
        for line, groups in self._by_line():
            self._products_of_line(line, groups, waiting)
        nothing = (value for value in self._sums if value not in self.begun)
        self.text += [f"vmov {value}, {BANK['bias']}" for value in nothing]
        self._rescale()
        self._store()
        return self.text

    @property
    def _sums(self) -> list[str]:
        return [f"r{number}" for number in range(len(self.lines) * self.outputs)]

    @property
    def _spare(self) -> list[str]:
        """Registers that hold neither sums nor weights."""
        unused = range(len(self._sums), SUMS)
        held = set(self.tiles.held.values())
        found = [f"r{number}" for number in (*range(self.tiles.first_spare, REGISTERS), *unused)]
        return [register for register in found if register not in held]

    def _by_line(self) -> Iterator[tuple[int, list[tuple[tuple[int, int], list[_Use]]]]]:
        """Yield the lines of the planes, each with its products grouped by word of weights."""
        planes = self.tiles.planes
        found: dict[int, list[tuple[tuple[int, int], list[_Use]]]] = {}
        for word in self.tiles.taps.words:
            for number, output_line in enumerate(self.lines):
                for tap in range(planes.across.kernel):
                    line = planes.line_of(output_line, tap)
                    uses = self._uses(number, word)
                    if line is not None and uses:
                        found.setdefault(line, []).append(((tap, word), uses))
        yield from sorted(found.items())

    def _uses(self, number: int, word: int) -> list[_Use]:
        return [
            _Use(self._sums[number * self.outputs + output], product.instruction, product.pair)
            for output in range(self.outputs)
            for product in self.tiles.taps.products(output)
            if product.word == word
        ]

    def _weights(self) -> Iterator[str]:
        """Yield the register of each group's weights; the group after it is fetched ahead."""
        tiles, bank = self.tiles, self.tiles.bank
        order = [key for _, groups in self._by_line() for key, _ in groups]
        registers = (f"r{SUMS}", f"r{SUMS + 1}")
        if not order:  # these lines see padding alone
            raise NoScheduleError
        if not tiles.is_resident:
            self.text.append(f"vmov {registers[0]}, s{bank[order[0]]}")
        yield ""
        for number, key in enumerate(order):
            if tiles.is_resident:
                yield f"r{SUMS + tiles.words.index(key)}"
                continue
            for following in order[number + 1 : number + 2]:
                self.text.append(f"vmov {registers[(number + 1) % 2]}, s{bank[following]}")
            yield registers[number % 2]

    def _products_of_line(
        self,
        line: int,
        groups: Sequence[tuple[tuple[int, int], list[_Use]]],
        weights: Iterator[str],
    ) -> None:
        order = [use.pair for _, uses in groups for use in uses]
        inputs = _Inputs(self.text, line * 4 * self.tiles.planes.pairs, order, self._spare)
        for _, uses in groups:
            weight = next(weights)
            for use in uses:
                source = inputs.take()
                start = use.sum if use.sum in self.begun else self._bias(use.sum)
                self.begun.add(use.sum)
                self.text.append(f"{use.instruction} {use.sum}, {weight}, {source}, {start}")

    def _bias(self, value: str) -> str:
        """Return a register with the bias: that of the last sum, until it has begun itself."""
        last = self._sums[-1]
        if last not in self.begun:
            return last
        self.text.append(f"vmov {value}, {BANK['bias']}")
        return value

    def _rescale(self) -> None:
        text, form = self.text, self.tiles.form
        spare = iter(self._spare)
        if {"multiplier", "offset"} & self.tiles.held.keys():
            multiplier = self._number("multiplier", spare)
            offset = self._number("offset", spare)
        else:
            offset, multiplier = next(spare), next(spare)
            both = f"{BANK['offset']}, {BANK['multiplier']}"
            text.append(f"vmov {offset}, {multiplier}, {both}")
        if form == "signed":
            correction, corrected = self._number("third", spare), next(spare)
            for value in self._sums:
                text.append(f"and {corrected}, {correction}, {value}, asr #31")
                text.append(f"sub.w {corrected}, {offset}, {corrected}")
                text.append(f"smmla {value}, {value}, {multiplier}, {corrected}")
        else:
            text += [f"smmla {r}, {r}, {multiplier}, {offset}" for r in self._sums]
        if form == "extra":
            extra = self._spare[1]  # where the offset was
            text.append(f"vmov {extra}, {BANK['third']}")
            text += [f"asr.w {r}, {r}, {extra}" for r in self._sums]
        text += [f"ssat {r}, #8, {r}, asr #{self.tiles.shift}" for r in self._sums]
        if self.tiles.is_clamped:
            self._clamp(*self._spare[:2])

    def _number(self, name: str, spare: Iterator[str]) -> str:
        """Return a number's register, fetched ahead of the last product if that leaves it alone."""
        register = self.tiles.held.get(name)
        if register is None:
            register = next(spare)
            is_other = register not in self.text[-1].replace(",", " ").split()
            place = len(self.text) - is_other
            self.text.insert(place, f"vmov {register}, {BANK[name]}")
        return register

    def _clamp(self, bound: str, unused: str) -> None:
        self.text.append(f"vmov {bound}, s0")
        for value in self._sums:
            self.text += [f"ssub8 {unused}, {value}, {bound}", f"sel {value}, {value}, {bound}"]
        self.text.append(f"vmov {bound}, s1")
        for value in self._sums:
            self.text += [f"ssub8 {unused}, {bound}, {value}", f"sel {value}, {value}, {bound}"]

    def _store(self) -> None:
        planes, spare = self.tiles.planes, self._spare[0]
        sums = iter(self._sums)
        if self.tiles.steps_by_stores:
            self.text += [f"strb {r}, [r12], #{planes.output_step}" for r in sums]
        for line in self.lines:
            for output in range(0 if self.tiles.steps_by_stores else self.outputs):
                place = line * planes.output_line + output * planes.output_step
                if place <= LONGEST_OFFSET:
                    self.text.append(f"strb {next(sums)}, [r12, #{place}]")
                else:
                    self.text += [*_constant(spare, place), f"strb {next(sums)}, [r12, {spare}]"]


@dataclass(frozen=True)
class _Use:
    """A product that is added to a sum."""

    sum: str
    instruction: str
    pair: int


class _Inputs:
    """Loads the inputs of a line as late as possible, two at a time where registers allow."""

    def __init__(self, text: list[str], base: int, order: list[int], free: list[str]) -> None:
        self._text, self._base, self._order = text, base, order
        self._free, self._held = list(free), dict[int, str]()

    def take(self) -> str:
        """Return the register of the next product's input."""
        pair, later = self._order[0], self._order[1:]
        if pair not in self._held:
            self._load(pair)
        register = self._held[pair]
        self._order = later
        if pair not in later:
            self._free.append(self._held.pop(pair))
        return register

    def _load(self, pair: int) -> None:
        place = self._base + 4 * pair
        if not self._free and not self._held:
            raise NoScheduleError
        if not self._free:  # what is needed last is loaded once more then
            self._free.append(self._held.pop(max(self._held, key=self._order.index)))
        first = self._free.pop(0)
        self._held[pair] = first
        unheld = (other for other in self._order if other not in self._held)
        follows = next(unheld, None) == pair + 1
        if follows and self._free and place <= LONGEST_PAIR_OFFSET:
            second = self._free.pop(0)
            self._held[pair + 1] = second
            self._text.append(f"ldrd {first}, {second}, [lr, #{place}]")
        else:
            self._text.append(f"ldr.w {first}, [lr, #{place}]")


def _constant(register: str, value: int) -> list[str]:
    upper = [f"movt {register}, #{value >> 16}"] if value >> 16 else []
    return [f"movw {register}, #{value & 0xFFFF}", *upper]


def _add(register: str, value: int, spare: str) -> list[str]:
    if value <= LONGEST_OFFSET:
        return [f"addw {register}, {register}, #{value}"]
    return [*_constant(spare, value), f"add.w {register}, {register}, {spare}"]
