"""Assembly that spreads a line of four channels into their planes, two neighbours in a word.

r0 walks along the inputs, r1 along the first plane, lr along the third one if that is far; r2 is
where r1 ends, r3 holds the zero point to subtract twice, r12 four zero points. The next two inputs
are loaded just before the stores of what was made of the two before: there a load takes one cycle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

LONGEST_OFFSET = 4095
_PADDING = "r12"


@dataclass(frozen=True)
class Pair:
    """Two neighbours by their places in bytes, None for padding, and the place of their word."""

    first: int | None
    second: int | None
    word: int

    def moved(self, inputs: int, words: int) -> Pair:
        """Return the pair as seen from pointers that have moved."""
        first = None if self.first is None else self.first - inputs
        second = None if self.second is None else self.second - inputs
        return Pair(first, second, self.word - words)

    @property
    def is_padded(self) -> bool:
        """Whether one of both is padding."""
        return self.first is None or self.second is None


@dataclass(frozen=True)
class SpreadText:
    """The instructions for a line: some before a loop, a round of it, and some behind it.

    The loop ends when r1 has moved by `words` words.
    """

    before: tuple[str, ...]
    loop: tuple[str, ...]
    rounds: int
    behind: tuple[str, ...]
    words: int
    is_padded: bool


def spread_text(pairs: Sequence[Pair], plane_bytes: int, at_once: int) -> SpreadText | None:
    """Return the instructions for the pairs of a line, None where places are too far apart.

    A round of the loop does `at_once` pairs; there is none if that were less than two rounds.
    """
    head = 1 if pairs[0].is_padded and len(pairs) > 1 else 0
    inner = [pair for pair in pairs[head:] if not pair.is_padded]
    rounds = len(inner) // at_once
    is_padded = any(pair.is_padded for pair in pairs)
    writer = _Writer(plane_bytes)
    if rounds < 2:
        text = SpreadText((), (), 0, writer.text(pairs), 0, is_padded)
        return None if writer.is_too_far else _with_third(text, writer)
    inputs = _distance(inner[0], inner[at_once])
    words = 4 * at_once
    before = writer.text(pairs[:head])
    loop = writer.text(inner[:at_once])
    left = pairs[head + rounds * at_once :]
    behind = writer.text([pair.moved(rounds * inputs, rounds * words) for pair in left])
    if writer.is_too_far or inputs > LONGEST_OFFSET:
        return None
    moves = [f"addw r0, r0, #{inputs}", f"addw r1, r1, #{words}"]
    moves += [f"addw lr, lr, #{words}"] if writer.has_third else []
    loop = (".p2align 2", "1:", *loop, *moves, "cmp.w r1, r2", "bne.w 1b")
    return _with_third(
        SpreadText(before, loop, rounds, behind, rounds * at_once, is_padded), writer
    )


def _with_third(text: SpreadText, writer: _Writer) -> SpreadText:
    if not writer.has_third:
        return text
    return replace(text, before=(f"addw lr, r1, #{2 * writer.plane_bytes}", *text.before))


def _distance(one: Pair, other: Pair) -> int:
    assert one.first is not None
    assert other.first is not None
    return other.first - one.first


class _Writer:
    """Writes the instructions for some pairs; `is_too_far`: some place could not be reached."""

    def __init__(self, plane_bytes: int) -> None:
        self.plane_bytes = plane_bytes
        self.has_third = 4 * plane_bytes > LONGEST_OFFSET
        self.is_too_far = False

    def text(self, pairs: Sequence[Pair]) -> tuple[str, ...]:
        """Return the instructions, each pair's loads before the stores of the pair before."""
        text: list[str] = []
        loaded, others, made = ("r4", "r5"), ("r8", "r9"), ("r6", "r10")
        stores: list[str] = []
        for pair in pairs:
            text += [*self._loads(pair, loaded), *stores]
            first = _PADDING if pair.first is None else loaded[0]
            second = _PADDING if pair.second is None else loaded[1]
            text += [
                f"pkhbt {made[0]}, {first}, {second}, lsl #16",
                f"pkhtb {made[1]}, {second}, {first}, asr #16",
                f"sxtab16 {loaded[0]}, r3, {made[0]}",
                f"sxtab16 {made[0]}, r3, {made[0]}, ror #8",
                f"sxtab16 {loaded[1]}, r3, {made[1]}",
                f"sxtab16 {made[1]}, r3, {made[1]}, ror #8",
            ]
            results = (loaded[0], made[0], loaded[1], made[1])
            stores = [self._store(r, n, pair.word) for n, r in enumerate(results)]
            loaded, others = others, loaded
        return (*text, *stores)

    def _loads(self, pair: Pair, registers: tuple[str, str]) -> list[str]:
        places = zip((pair.first, pair.second), registers, strict=True)
        found = [(place, register) for place, register in places if place is not None]
        self.is_too_far |= any(not -255 <= place <= LONGEST_OFFSET for place, _ in found)
        return [f"ldr.w {register}, [r0, #{place}]" for place, register in found]

    def _store(self, register: str, channel: int, word: int) -> str:
        base, first = ("lr", 2) if self.has_third and channel > 1 else ("r1", 0)
        place = (channel - first) * self.plane_bytes + word
        self.is_too_far |= not -255 <= place <= LONGEST_OFFSET
        return f"str.w {register}, [{base}, #{place}]"
