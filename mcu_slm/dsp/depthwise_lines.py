"""The assembly that makes output lines of a depthwise convolution, word after word of the inputs.

lr stands at a line of the planes, r12 at an output line. s6 is where the loop over words ends, s7
that over lines. Just before stores the inputs of the next word are loaded.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass

from mcu_slm.dsp.depthwise_parts import Part
from mcu_slm.dsp.depthwise_planes import Planes
from mcu_slm.dsp.depthwise_registers import LONGEST_OFFSET, NoScheduleError, Registers, moved
from mcu_slm.dsp.depthwise_taps import Taps
from mcu_slm.dsp.depthwise_words import Uses, words_of

_LONGEST_STEP = 255
_LONGEST_PERIOD = 6
_FEWEST_ROUNDS = 2
_OUTPUTS_OF_A_ROUND = 8

Rounds = list[tuple[list[str], int, str]]
"""Instructions, how often they are done for a line, and what for."""


@dataclass(frozen=True)
class Segment:
    """Output lines from `output` on whose windows have the same `taps` inside the planes.

    `line`: the line of the planes that the first one of them meets first.
    """

    taps: tuple[int, ...]
    line: int
    output: int
    count: int


class Line:
    """The lines of a segment. lr has moved `at` bytes into a line, r12 `stored` bytes."""

    def __init__(
        self,
        registers: Registers,
        planes: Planes,
        taps: Taps,
        segment: Segment,
        *,
        any_lines: bool,
        loops: bool,
    ) -> None:
        self._registers, self._planes, self._segment = registers, planes, segment
        self._any_lines, self._loops = any_lines, loops
        self._repeats = segment.count > 1 or any_lines
        self._words = words_of(planes, taps)
        self._line_bytes = 4 * planes.pairs * planes.across.stride
        self._steps_by_stores = 0 < planes.output_step <= _LONGEST_STEP
        self._is_looped = False
        self.at = self.stored = 0

    def parts(self) -> list[Part]:
        """Return the instructions; `at` and `stored` then say how far lr and r12 have moved."""
        registers, count = self._registers, self._segment.count
        registers.begin_line(self._segment.taps)
        before = []
        if self._repeats and not self._any_lines:
            spare = registers.free[0]
            before = [f"addw {spare}, lr, #{count * self._line_bytes}", f"vmov s7, {spare}"]
        before += [f"ldr.w {r}, [lr, #{self._place(0, t)}]" for t, r in registers.inputs.items()]
        if self._repeats:
            before += [".p2align 2", "2:"]
        found = [Part(tuple(before), 1, note="the first inputs")]
        times = 1 if self._any_lines else count
        for text, rounds, note in self._line():
            found.append(Part(tuple(text), times * rounds, self._any_lines, note))
        if self._repeats:
            self.at = count * self._line_bytes
            self.stored = count * self._planes.output_line
        return found

    def _line(self) -> Rounds:
        """Return what one line takes."""
        words = self._words
        first, last = words.steady
        at_once, rounds = self._rounds(first, last + 1) if self._loops else (0, 0)
        if rounds < _FEWEST_ROUNDS:
            for word in range(words.count):
                self._step(word, words.real_uses(word), is_last=word == words.count - 1)
            return [([*self._taken(), *self._end()], 1, "a line")]
        return self._looped_line(last + 1 - rounds * at_once, last + 1, at_once)

    def _looped_line(self, first: int, end: int, at_once: int) -> Rounds:
        """Return a line whose words from `first` to before `end` are done in rounds of a loop."""
        registers, words = self._registers, self._words
        self._is_looped = True
        bound = registers.held.get("end", registers.free[-1])
        registers.text.append(f"addw {bound}, lr, #{4 * end}")
        if "end" not in registers.held:
            registers.text.append(f"vmov s6, {bound}")
        for word in range(first):
            is_before = word == first - 1
            self._step(word, words.uses(word), moves=is_before, restarts=is_before)
        head = [*self._taken(), ".p2align 2", "1:"]
        stored, state = self.stored, registers.state(first * words.at_once)
        for word in range(first, first + at_once):
            self._step(word, words.uses(word), moves=word == first + at_once - 1)
        if registers.state((first + at_once) * words.at_once) != state:
            raise NoScheduleError
        self._close(at_once)
        loop, rounds = self._taken(), (end - first) // at_once
        self.stored += (rounds - 1) * (self.stored - stored)
        self._leave(end, (rounds - 1) * at_once * words.at_once)
        tail = [*self._taken(), *self._end()]
        return [
            (head, 1, "the beginning of a line"),
            (loop, rounds, f"{at_once} words of it at a time"),
            (tail, 1, "the end of a line"),
        ]

    def _taken(self) -> list[str]:
        text, self._registers.text = self._registers.text, []
        return text

    def _rounds(self, first: int, end: int) -> tuple[int, int]:
        """Return how many words a round of the loop does, and how many rounds there are.

        Rounds are of about eight outputs, best so that no words are left.
        """
        period = self._period(first) if end > first else 0
        most = min(_OUTPUTS_OF_A_ROUND // self._words.at_once, (end - first) // _FEWEST_ROUNDS)
        choices = [n for n in range(1, max(most, period) + 1) if period and n % period == 0]
        if not choices:
            return 0, 0
        at_once = max(choices, key=lambda n: ((end - first) % n == 0, n))
        return at_once, (end - first) // at_once

    def _period(self, first: int) -> int:
        """Return after how many words every register has its role again, 0 if that takes long."""
        trial = copy(self)
        trial._registers = self._registers.copied()
        trial._is_looped = True
        for word in range(first):
            trial._step(word, self._words.uses(word))
        states = []
        for word in range(first, first + _LONGEST_PERIOD + 1):
            states.append(trial._registers.state(word * self._words.at_once))
            trial.stored = word * self._words.at_once * self._planes.output_step
            trial._step(word, self._words.uses(word))
        return next((n for n, state in enumerate(states) if n and state == states[0]), 0)

    def _step(
        self,
        word: int,
        uses: Uses,
        *,
        moves: bool = False,
        restarts: bool = False,
        is_last: bool = False,
    ) -> None:
        """Add a word's products, store what ends with it, and load the next word.

        `moves`: lr moves on to the next word; `restarts`: that goes where a line's first word goes,
        if it can, for a loop may end with such a word; `is_last`: the line ends.
        """
        registers = self._registers
        for tap in self._segment.taps:
            if tap not in registers.inputs:
                self._load(tap, word)
            registers.multiply(tap, uses)
        last = self._words.last if self._is_looped else self._words.last_real
        done = sorted(output for output in registers.sums if last(output) == word)
        if done:
            registers.rescale(done)
        if is_last:
            self._store_and_begin(done)
        else:
            wanted = self._first_registers() if restarts else {}
            self._store_and_load(done, word + 1, wanted, moves=moves)

    def _store_and_load(
        self, done: list[int], word: int, wanted: dict[int, str], *, moves: bool
    ) -> None:
        """Store outputs, and before that load a word as far as there are registers for it."""
        registers = self._registers
        for tap in self._segment.taps:
            while not registers.free and done:
                self._store(done.pop(0))
            if not registers.free:
                break
            register = wanted.get(tap)
            self._load(tap, word, register if register in registers.free else None, moves=moves)
            moves = False
        if moves:
            raise NoScheduleError
        for output in done:
            self._store(output)

    def _first_registers(self) -> dict[int, str]:
        """Return where the inputs of a line's first word stand."""
        return dict(zip(self._segment.taps, self._registers.pool, strict=False))

    def _store_and_begin(self, done: list[int]) -> None:
        """Store the last outputs of a line, and before that load the first word of the next one."""
        by = self._line_bytes - self.at if self._repeats else 0
        if abs(by) > _LONGEST_STEP:
            self._registers.text += moved("lr", by, self._registers.free[-1])
            by = 0
        if self._repeats:
            self.at = self._line_bytes
            for tap, register in self._first_registers().items():
                while register not in self._registers.free and done:
                    self._store(done.pop(0))
                if register not in self._registers.free:
                    raise NoScheduleError
                self._registers.free.remove(register)
                place = f"#{by}]!" if by else f"#{self._place(0, tap) + self.at}]"
                self._registers.text.append(f"ldr.w {register}, [lr, {place}")
                by = 0
        for output in done:
            self._store(output)

    def _load(self, tap: int, word: int, wanted: str | None = None, *, moves: bool = False) -> None:
        registers = self._registers
        register = registers.take() if wanted is None else wanted
        if wanted is not None:
            registers.free.remove(wanted)
        place = self._place(word, tap)
        if moves:
            self.at = 4 * word
        registers.text.append(f"ldr.w {register}, [lr, #{place}]{'!' if moves else ''}")
        registers.inputs[tap] = register

    def _place(self, word: int, tap: int) -> int:
        lines = (tap - self._segment.taps[0]) * self._planes.across.dilation
        return 4 * (word + lines * self._planes.pairs) - self.at

    def _store(self, output: int) -> None:
        registers, step = self._registers, self._planes.output_step
        register, spare = registers.sums.pop(output), [*registers.free]
        registers.free.append(register)
        if self._steps_by_stores:
            registers.text.append(f"strb.w {register}, [r12], #{step}")
            self.stored += step
            return
        if output * step - self.stored > LONGEST_OFFSET:
            if self._is_looped or not spare:
                raise NoScheduleError
            registers.text += moved("r12", output * step - self.stored, spare[0])
            self.stored = output * step
        registers.text.append(f"strb.w {register}, [r12, #{output * step - self.stored}]")

    def _close(self, at_once: int) -> None:
        """End the loop over words; lr has moved, r12 does so unless stores have moved it."""
        registers = self._registers
        end = registers.held.get("end", "")
        if not end:
            if not registers.free:
                raise NoScheduleError
            end = registers.free[0]
            registers.fetch(end, "s6")
        if not self._steps_by_stores:
            by = at_once * self._words.at_once * self._planes.output_step
            if by > LONGEST_OFFSET:
                raise NoScheduleError
            registers.text += moved("r12", by, "")
            self.stored += by
        registers.text += [f"cmp.w lr, {end}", "bne.w 1b"]

    def _leave(self, end: int, passed: int) -> None:
        """Finish a line whose loop ended before the word `end`, `passed` outputs further on."""
        registers, words = self._registers, self._words
        self.at, self._is_looped = 4 * end, False
        registers.sums = {o + passed: register for o, register in registers.sums.items()}
        for output in [o for o in registers.sums if o >= words.outputs]:
            registers.free.append(registers.sums.pop(output))
        left = sorted(o for o in registers.sums if words.last_real(o) < end)
        if left:
            registers.rescale(left)
        is_next_line = self._repeats and self.at == self._line_bytes
        if words.count <= end and not (
            is_next_line and registers.inputs == self._first_registers()
        ):
            registers.free += registers.inputs.values()
            self._store_and_begin(left)
            return
        for output in left:
            self._store(output)
        for word in range(end, words.count):
            self._step(word, words.real_uses(word), is_last=word == words.count - 1)

    def _end(self) -> list[str]:
        """Return the end of the loop over lines."""
        if not self._repeats:
            return []
        spare = self._registers.free[0]
        by = self._planes.output_line - self.stored
        back = moved("r12", by, self._registers.free[-1])
        return [f"vmov {spare}, s7", *back, f"cmp.w lr, {spare}", "bne.w 2b"]
