"""Which products make one output from a line of pairs.

A word of weights holds the taps t and t + 1 of a line, a word of inputs two neighbours. An output
whose window begins in the upper half of a word takes its first tap alone; what is left over at the
end is taken alone too.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Product:
    """An instruction that multiplies halves of two words and adds.

    `word` is the first tap of the word of weights, `pair` the number of the word of inputs.
    """

    instruction: str
    word: int
    pair: int


@dataclass(frozen=True)
class Taps:
    """The taps of a window along the pairs; the first window begins `before` inputs before them."""

    kernel: int
    stride: int
    before: int = 0

    def products(self, output: int) -> list[Product]:
        """Return the products of an output; what lies before pair 0 is padding."""
        start, half = divmod(output * self.stride - self.before, 2)
        last = self.kernel - 1
        if half == 0:
            found = [Product("smlad", tap, start + tap // 2) for tap in range(0, last, 2)]
            is_odd = self.kernel % 2 == 1
        else:
            found = [Product("smlabt", 0, start)]
            found += [Product("smlad", tap, start + tap // 2 + 1) for tap in range(1, last, 2)]
            is_odd = self.kernel % 2 == 0
        if is_odd:
            found.append(Product("smlatb", last - 1, start + self.kernel // 2))
        return found

    @property
    def words(self) -> tuple[int, ...]:
        """The words of weights that the products need, by their first taps."""
        return tuple(sorted({p.word for output in range(2) for p in self.products(output)}))

    def in_order(self, outputs: int) -> list[Product]:
        """Return the products of some outputs, word by word of weights."""
        found = [p for output in range(outputs) for p in self.products(output)]
        return sorted(found, key=lambda product: product.word)

    def live_pairs(self, outputs: int) -> int:
        """Return how many words of inputs are in use at a time when each is loaded once."""
        order = [product.pair for product in self.in_order(outputs)]
        return max(len({*order[: place + 1]} & {*order[place:]}) for place in range(len(order)))
