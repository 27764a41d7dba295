"""Which register holds what while the words of a line go by: sums, inputs, numbers, and the rest.

A register that becomes free is taken again after all that were free before it. Floating-point
registers: s0 act_min, s1 act_max, s2 correction or extra shift, s3 bias, s4 offset,
s5 multiplier, s8 a word of weights that has no register of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from mcu_slm.dsp.depthwise_taps import Product
from mcu_slm.dsp.depthwise_weights import SPILLED, Weights

LONGEST_OFFSET = 4095
NUMBERS = {
    "short": ("multiplier", "bias", "offset"),
    "extra": ("multiplier", "bias", "offset", "third"),
    "signed": ("multiplier", "offset", "third", "bias"),
}
"""The numbers of a channel in each form, first those that most wants a register for itself."""


BANK = {"third": "s2", "bias": "s3", "offset": "s4", "multiplier": "s5"}
"""Where they stand otherwise."""


class NoScheduleError(Exception):
    """The registers do not suffice, or there is nothing to do."""


@dataclass
class Registers:
    """The registers of one channel, and the instructions that use them so far.

    `pool`: those for sums and inputs; `held`: those of numbers that stay.
    """

    form: str
    shift: int
    is_clamped: bool
    held: Mapping[str, str]
    weights: Weights
    pool: Sequence[str]
    text: list[str] = field(default_factory=list)
    free: list[str] = field(default_factory=list)
    sums: dict[int, str] = field(default_factory=dict)
    inputs: dict[int, str] = field(default_factory=dict)

    def copied(self) -> Registers:
        """Return registers that hold the same, without instructions."""
        return replace(
            self, text=[], free=list(self.free), sums=dict(self.sums), inputs=dict(self.inputs)
        )

    def begin_line(self, taps: Sequence[int]) -> None:
        """Let the first registers hold the inputs of a line's first word, the others nothing."""
        if len(self.pool) <= len(taps):
            raise NoScheduleError
        self.inputs = dict(zip(taps, self.pool, strict=False))
        self.free = list(self.pool[len(taps) :])
        self.sums = {}

    def take(self) -> str:
        """Return the register that has been free for longest."""
        if not self.free:
            raise NoScheduleError
        return self.free.pop(0)

    def multiply(self, tap: int, uses: Sequence[tuple[int, Product]]) -> None:
        """Add the products of an input's word to sums, or begin them; then its register is free.

        The last sum that begins does so where the bias stands, or in the place of the word.
        """
        word, start = self.inputs.pop(tap), len(self.text)
        spilled = self.take() if tap == self.weights.spilled_line else ""
        if spilled:
            self.fetch(spilled, SPILLED)
            start = len(self.text)
        going = [use for use in uses if use[0] in self.sums]
        begun = [use for use in reversed(uses) if use[0] not in self.sums]
        for output, product in going:
            self._product(tap, product, (self.sums[output], spilled, word, self.sums[output]))
        bias = self.held.get("bias", "")
        if begun and not bias:
            bias = self.take()
            self.fetch(bias, BANK["bias"])
        for number, (output, product) in enumerate(begun):
            is_last = number == len(begun) - 1
            if is_last and "bias" not in self.held:
                value = bias
            elif is_last and not self.free and not spilled:
                value = word
            else:
                value = self.take()
            self._product(tap, product, (value, spilled, word, bias))
            self.sums[output] = value
        self.free += [] if word in self.sums.values() else [word]
        if spilled:  # what has its weights at hand comes first
            self.free.append(spilled)
            products = sorted(self.text[start:], key=lambda line: spilled in _operands(line))
            self.text[start:] = products

    def _product(self, tap: int, product: Product, operands: tuple[str, str, str, str]) -> None:
        value, spilled, word, before = operands
        halves, weight = self.weights.product(tap, product)
        self.text.append(f"smla{halves} {value}, {weight or spilled}, {word}, {before}")

    def fetch(self, register: str, bank: str) -> None:
        """Fetch a number, one instruction earlier if that can be: it must not be used at once."""
        last = self.text[-1] if self.text else ""
        are_stores = [line[:4] for line in self.text[-2:]] == ["strb", "strb"]
        can_change = last.startswith("sml") or are_stores
        is_earlier = can_change and register not in _operands(last)
        self.text.insert(len(self.text) - is_earlier, f"vmov {register}, {bank}")

    def rescale(self, outputs: Sequence[int]) -> None:
        """Turn finished sums into int8."""
        sums = [self.sums[output] for output in outputs]
        taken: list[str] = []
        if not {"multiplier", "offset"} & self.held.keys():
            taken = [self.take(), self.take()]
            offset, multiplier = taken
            both = f"{BANK['offset']}, {BANK['multiplier']}"
            self.text.append(f"vmov {offset}, {multiplier}, {both}")
        else:
            multiplier = self._number("multiplier", taken)
            offset = self._number("offset", taken)
        if self.form == "signed":
            correction = self._number("third", taken)
            corrected = self.take()
            taken.append(corrected)
            for value in sums:
                self.text.append(f"and {corrected}, {correction}, {value}, asr #31")
                self.text.append(f"sub.w {corrected}, {offset}, {corrected}")
                self.text.append(f"smmla {value}, {value}, {multiplier}, {corrected}")
        else:
            self.text += [f"smmla {r}, {r}, {multiplier}, {offset}" for r in sums]
        if self.form == "extra":
            third = self._number("third", taken) if self.free else self._third(taken)
            self.text += [f"asr.w {r}, {r}, {third}" for r in sums]
        self.free = [*taken, *self.free]
        self.text += [f"ssat {r}, #8, {r}, asr #{self.shift}" for r in sums]
        if self.is_clamped:
            self._clamp(sums)

    def _third(self, taken: Sequence[str]) -> str:
        """Return the register of the third number, which takes the place of another one."""
        third = self.held.get("third", "")
        if third:
            return third
        if not taken:
            raise NoScheduleError
        self.text.append(f"vmov {taken[0]}, {BANK['third']}")
        return taken[0]

    def _number(self, name: str, taken: list[str]) -> str:
        """Return the register of a number, fetched into a free one that is `taken` if need be."""
        register = self.held.get(name)
        if register is None:
            register = self.take()
            taken.append(register)
            self.fetch(register, BANK[name])
        return register

    def _clamp(self, sums: Sequence[str]) -> None:
        bound, unused = self.take(), self.take()
        self.text.append(f"vmov {bound}, s0")
        for value in sums:
            self.text += [f"ssub8 {unused}, {value}, {bound}", f"sel {value}, {value}, {bound}"]
        self.text.append(f"vmov {bound}, s1")
        for value in sums:
            self.text += [f"ssub8 {unused}, {bound}, {value}", f"sel {value}, {value}, {bound}"]
        self.free = [bound, unused, *self.free]

    def state(self, first_output: int) -> tuple[object, ...]:
        """Return what stands where, counting outputs from `first_output`."""
        sums = {output - first_output: register for output, register in self.sums.items()}
        return sums, dict(self.inputs), list(self.free)


def _operands(line: str) -> list[str]:
    return line.replace(",", " ").split()


def moved(register: str, by: int, spare: str) -> list[str]:
    """Return instructions that add a constant."""
    name, amount = ("add", by) if by >= 0 else ("sub", -by)
    if amount == 0:
        return []
    if amount <= LONGEST_OFFSET:
        return [f"{name}w {register}, {register}, #{amount}"]
    upper = [f"movt {spare}, #{amount >> 16}"] if amount >> 16 else []
    return [
        f"movw {spare}, #{amount & 0xFFFF}",
        *upper,
        f"{name}.w {register}, {register}, {spare}",
    ]
