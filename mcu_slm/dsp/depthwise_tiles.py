"""The innermost loop of a depthwise convolution: assembly for a tile of outputs of one channel.

A tile is some outputs along the pairs on each of some output lines. Its sums stand in registers;
each word of inputs is loaded once per line and tile. Registers: r0 and up the sums, then weights,
then inputs; lr walks along the planes, r12 along the outputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from mcu_slm.dsp.depthwise_planes import Planes
from mcu_slm.dsp.depthwise_taps import Taps

_REGISTERS = 12
_SUMS = 4
_BANK_FIRST = 7  # behind bias, multiplier, offset, third number, act_min, act_max, end of the loop
_BANK_LAST = 31
_SPARE = {"short": 2, "extra": 2, "signed": 4}
_LONGEST_PAIR_OFFSET = 1020
_LONGEST_OFFSET = 4095
_LONGEST_LIST = 400
_LONGEST_STEP = 255
_FEWEST_INPUTS = 2
_WEIGHTS_AHEAD = 2


@dataclass(frozen=True)
class Tiles:
    """How the outputs of a layer are tiled. `form`, `shift`: as in `ShortRescaling`."""

    planes: Planes
    form: str
    shift: int
    is_clamped: bool

    @property
    def taps(self) -> Taps:
        """The taps along the pairs."""
        return Taps(self.planes.along.kernel, self.planes.along.stride)

    @property
    def words(self) -> list[tuple[int, int]]:
        """The words of weights: (tap across, first tap along)."""
        return [
            (line, word) for line in range(self.planes.across.kernel) for word in self.taps.words
        ]

    @property
    def is_resident(self) -> bool:
        """Whether all weights stay in core registers; else they wait in the floating-point ones."""
        outputs = _SUMS if self.planes.across.output == 1 else _SUMS // 2
        others = max(_SPARE[self.form], self.taps.live_pairs(outputs))
        return len(self.words) + _SUMS + others <= _REGISTERS

    @property
    def lines(self) -> int:
        """Output lines of a tile."""
        return 2 if self.is_resident and self.planes.across.output > 1 else 1

    @property
    def outputs(self) -> int:
        """Outputs of a tile along the pairs."""
        return _SUMS // self.lines

    @property
    def bank(self) -> dict[tuple[int, int], int]:
        """The floating-point register of each word of weights, where they wait there."""
        return {} if self.is_resident else {w: _BANK_FIRST + n for n, w in enumerate(self.words)}

    @property
    def held(self) -> dict[str, str]:
        """The registers of numbers that stay there, because there are registers enough."""
        inputs = max(self.taps.live_pairs(self.outputs), _FEWEST_INPUTS)
        count = _REGISTERS - self._first_spare - inputs
        names = ["multiplier", "offset", *(["correction"] if self.form == "signed" else []), "end"]
        # Multiplier and offset are fetched together, so only both are worth holding.
        kept = names[:count] if count > 1 else []
        return {name: f"r{_REGISTERS - 1 - n}" for n, name in enumerate(kept)}

    @property
    def _first_spare(self) -> int:
        return _SUMS + (len(self.words) if self.is_resident else _WEIGHTS_AHEAD)

    @property
    def end_register(self) -> str:
        """Where the end of the loop stands when it is compared."""
        return self.held.get("end", f"r{self._first_spare}")

    @property
    def loops(self) -> bool:
        """Whether the tile is repeated."""
        return self.whole_tiles > 1

    @property
    def whole_tiles(self) -> int:
        """Tiles along the pairs."""
        return self.planes.along.output // self.outputs

    @property
    def rest(self) -> int:
        """Outputs that remain behind the whole tiles."""
        return self.planes.along.output % self.outputs

    @property
    def advance(self) -> int:
        """Bytes of a line that a tile moves on."""
        return 2 * self.outputs * self.planes.along.stride

    def is_possible(self) -> bool:
        """Whether registers, offsets and the length of the code allow it."""
        if self.bank and max(self.bank.values()) > _BANK_LAST:
            return False
        if self.taps.live_pairs(self.outputs) > _REGISTERS - self._first_spare:
            return False
        reach = 4 * self.planes.plane_words
        if reach > _LONGEST_OFFSET or self.advance > _LONGEST_PAIR_OFFSET // 4:
            return False
        return len(self.tile(self.outputs, self.planes.lines_at_once)) <= _LONGEST_LIST

    def start(self) -> list[str]:
        """Return the instructions that widen the weights. r0: weights, r3: 8 or 0."""
        step = self.planes.along.kernel
        registers = range(_SUMS, _SUMS + len(self.words)) if self.is_resident else range(4, 8)
        lines = []
        for first in range(0, len(self.words), len(registers)):
            some = self.words[first : first + len(registers)]
            used = [f"r{register}" for register in registers[: len(some)]]
            offsets = [2 * (line * step + word) for line, word in some]
            lines += [f"ldr {r}, [r0, #{o}]" for r, o in zip(used, offsets, strict=True)]
            lines += [f"lsl.w {r}, {r}, r3" for r in used]
            lines += [f"and {r}, {r}, #0xff00ff00" for r in used]
            if not self.is_resident:
                bank = self.bank
                lines += [f"vmov s{bank[w]}, {r}" for r, w in zip(used, some, strict=True)]
        if self.loops:
            end = f"#{self.advance * self.whole_tiles}"
            found = self.held.get("end")
            lines += [f"add.w {found or 'r1'}, lr, {end}"] + ([] if found else ["vmov s6, r1"])
        if self.held:
            lines.append(f"vmov {self.held['multiplier']}, {self.held['offset']}, s1, s2")
        if "correction" in self.held:
            lines.append(f"vmov {self.held['correction']}, s3")
        return lines

    def tile(self, outputs: int, lines: int) -> list[str]:
        """Return the instructions for some outputs on each of some output lines, tile by tile."""
        found = []
        for first in range(0, lines, self.lines):
            block = _Block(self, outputs, tuple(range(first, min(first + self.lines, lines))))
            found += block.instructions()
        # The first load moves lr on, so that no instruction has to.
        place = next(n for n, text in enumerate(found) if "[lr, #" in text)
        assert found[place].endswith("[lr, #0]")
        found[place] = found[place].replace("#0]", f"#{self.advance}]!")
        if self.loops and "end" not in self.held:
            found.append(f"vmov {self.end_register}, s6")
        if not self.steps_by_stores:
            found += _add("r12", outputs * self.planes.output_step, f"r{self._first_spare + 1}")
        return found

    @property
    def steps_by_stores(self) -> bool:
        """Whether each store moves r12 on to the next output."""
        return self.planes.lines_at_once == 1 and self.planes.output_step <= _LONGEST_STEP


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
        self.text.append(f"vmov {self._sums[-1]}, s0")
        for line, groups in self._by_line():
            self._products_of_line(line, groups, waiting)
        assert self.begun == set(self._sums), "an output without taps"
        self._rescale()
        self._store()
        return self.text

    @property
    def _sums(self) -> list[str]:
        return [f"r{number}" for number in range(len(self.lines) * self.outputs)]

    @property
    def _spare(self) -> list[str]:
        """Registers that hold neither sums nor weights."""
        fixed = _SUMS + (len(self.tiles.words) if self.tiles.is_resident else 2)
        unused = range(len(self._sums), _SUMS)
        held = set(self.tiles.held.values())
        found = [f"r{number}" for number in (*range(fixed, _REGISTERS), *unused)]
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
        registers = (f"r{_SUMS}", f"r{_SUMS + 1}")
        if not tiles.is_resident:
            self.text.append(f"vmov {registers[0]}, s{bank[order[0]]}")
        yield ""
        for number, key in enumerate(order):
            if tiles.is_resident:
                yield f"r{_SUMS + tiles.words.index(key)}"
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
                start = use.sum if use.sum in self.begun else self._bias()
                self.begun.add(use.sum)
                self.text.append(f"{use.instruction} {use.sum}, {weight}, {source}, {start}")

    def _bias(self) -> str:
        """Return a register with the bias: that of the last sum, until it has begun itself."""
        assert self._sums[-1] not in self.begun
        return self._sums[-1]

    def _rescale(self) -> None:
        text, form, held = self.text, self.tiles.form, self.tiles.held
        spare = iter(self._spare)
        if held:
            multiplier, offset = held["multiplier"], held["offset"]
        else:
            multiplier, offset = next(spare), next(spare)
            text.append(f"vmov {multiplier}, {offset}, s1, s2")
        if form == "signed":
            correction = held.get("correction") or next(spare)
            corrected = next(spare)
            if "correction" not in held:
                text.append(f"vmov {correction}, s3")
            for value in self._sums:
                text.append(f"and {corrected}, {correction}, {value}, asr #31")
                text.append(f"sub.w {corrected}, {offset}, {corrected}")
                text.append(f"smmla {value}, {value}, {multiplier}, {corrected}")
        else:
            text += [f"smmla {r}, {r}, {multiplier}, {offset}" for r in self._sums]
        if form == "extra":
            extra = self._spare[1]
            text.append(f"vmov {extra}, s3")
            text += [f"asr.w {r}, {r}, {extra}" for r in self._sums]
        text += [f"ssat {r}, #8, {r}, asr #{self.tiles.shift}" for r in self._sums]
        if self.tiles.is_clamped:
            self._clamp(*self._spare[:2])

    def _clamp(self, bound: str, unused: str) -> None:
        self.text.append(f"vmov {bound}, s4")
        for value in self._sums:
            self.text += [f"ssub8 {unused}, {value}, {bound}", f"sel {value}, {value}, {bound}"]
        self.text.append(f"vmov {bound}, s5")
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
                if place <= _LONGEST_OFFSET:
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
        first = self._free.pop(0)
        self._held[pair] = first
        unheld = (other for other in self._order if other not in self._held)
        follows = next(unheld, None) == pair + 1
        if follows and self._free and place <= _LONGEST_PAIR_OFFSET:
            second = self._free.pop(0)
            self._held[pair + 1] = second
            self._text.append(f"ldrd {first}, {second}, [lr, #{place}]")
        else:
            self._text.append(f"ldr.w {first}, [lr, #{place}]")


def _constant(register: str, value: int) -> list[str]:
    upper = [f"movt {register}, #{value >> 16}"] if value >> 16 else []
    return [f"movw {register}, #{value & 0xFFFF}", *upper]


def _add(register: str, value: int, spare: str) -> list[str]:
    if value <= _LONGEST_OFFSET:
        return [f"addw {register}, {register}, #{value}"]
    return [*_constant(spare, value), f"add.w {register}, {register}, {spare}"]
