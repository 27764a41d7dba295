"""Which outputs meet a word of a line of pairs, and when they end.

Words are counted from the beginning of the line, padding included.
"""

from __future__ import annotations

from functools import cached_property, lru_cache

from mcu_slm.dsp.depthwise_planes import Planes
from mcu_slm.dsp.depthwise_taps import Product, Taps

Uses = list[tuple[int, Product]]
"""Outputs, and what they multiply."""


@lru_cache
def words_of(planes: Planes, taps: Taps) -> Words:
    """Return the words of the lines of some planes."""
    return Words(planes, taps)


class Words:
    """Which outputs meet a word of a line, and how."""

    def __init__(self, planes: Planes, taps: Taps) -> None:
        self._along, self._pad, self._taps = planes.along, planes.pad, taps
        self._uses: dict[int, Uses] = {}
        self._last: dict[int, int] = {}
        self._last_real: dict[int, int] = {}
        self.pairs, self.outputs = planes.pairs, planes.along.output
        self.at_once = 2 // taps.stride
        """Outputs that begin with a word."""
        self.count = 1 + max(self.last_real(output) for output in range(self.outputs))

    def uses(self, word: int) -> Uses:
        """Return the products of a word, as if the line never ended."""
        if word not in self._uses:
            reach = 2 * word + 2 + self._taps.before
            first = max((reach - 1 - self._taps.kernel) // self._taps.stride, 0)
            outputs = range(first, reach // self._taps.stride + 1)
            found = [(o, p) for o in outputs for p in self._taps.products(o)]
            self._uses[word] = [(o, p) for o, p in found if p.pair == word]
        return self._uses[word]

    def real_uses(self, word: int) -> Uses:
        """Return the products of a word that are not all padding, of outputs that there are."""
        return [(o, p) for o, p in self.uses(word) if o < self.outputs and self._is_real(p)]

    def last(self, output: int) -> int:
        """Return the last word of an output."""
        if output not in self._last:
            self._last[output] = max(p.pair for p in self._taps.products(output))
        return self._last[output]

    def last_real(self, output: int) -> int:
        """Return the last word of an output that is not padding for it."""
        if output not in self._last_real:
            real = [p.pair for p in self._taps.products(output) if self._is_real(p)]
            self._last_real[output] = max(real, default=0)
        return self._last_real[output]

    def _is_real(self, product: Product) -> bool:
        halves = {"smlad": (0, 1), "smlabt": (1,), "smlatb": (0,)}[product.instruction]
        places = (2 * product.pair + half - self._pad for half in halves)
        return any(0 <= place < self._along.input for place in places)

    @cached_property
    def steady(self) -> tuple[int, int]:
        """Return the first and the last word that all outputs meet which would in an endless line.

        Outputs may begin there that are none.
        """
        everything = len(self.uses(self._taps.kernel + 1 + (self._taps.kernel + 1) % 2))
        first = next(w for w in range(self._taps.kernel + 1) if len(self.uses(w)) == everything)
        last = first - 1
        while last + 1 < self.pairs and self.finished(last + 1)[-1] < self.outputs:
            last += 1
        return first, last

    def finished(self, word: int) -> list[int]:
        """Return the outputs that end with a word, as if the line never ended."""
        return [output for output, _ in self.uses(word) if self.last(output) == word]
