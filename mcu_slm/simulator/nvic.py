"""Which exception is next: the nested vectored interrupt controller, SysTick, and their priorities.

Source: Armv7-M Architecture Reference Manual, B1.5 (exception model), B3.3 (SysTick), B3.4 (NVIC).
Plain integers only; the core's registers come as arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

RESET, NMI, HARD_FAULT, MEM_MANAGE, BUS_FAULT, USAGE_FAULT = 1, 2, 3, 4, 5, 6
SVCALL, PENDSV, SYSTICK = 11, 14, 15
FIRST_INTERRUPT: Final = 16
_FIXED_PRIORITY: Final = {RESET: -3, NMI: -2, HARD_FAULT: -1}
_THREAD_PRIORITY: Final = 256


@dataclass(frozen=True)
class Masks:
    """The core's three mask registers."""

    primask: int = 0
    basepri: int = 0
    faultmask: int = 0


@dataclass
class Nvic:
    """Pending, enabled and active exceptions.

    A peripheral's request is a level: while its line is high and it is not active, it is pending.
    """

    priority_bits: int = 4
    enabled: set[int] = field(default_factory=set)
    pending: set[int] = field(default_factory=set)
    active: list[int] = field(default_factory=list)
    priority: dict[int, int] = field(default_factory=dict)
    group_bits: int = 0  # AIRCR.PRIGROUP
    _high: set[int] = field(default_factory=set)

    def set_line(self, interrupt: int, high: bool) -> None:
        """Raise or lower a peripheral's request line (interrupt 0 is exception 16)."""
        number = FIRST_INTERRUPT + interrupt
        if not high:
            self._high.discard(number)  # what is pending stays so, as on the chip
            return
        self._high.add(number)
        if number not in self.active:
            self.pending.add(number)

    def next_exception(self, masks: Masks) -> int | None:
        """Return the exception that pre-empts what runs now."""
        number = self._most_urgent()
        if number is None:
            return None
        limit = self.execution_priority(masks)
        return number if self._group_priority(number) < limit else None

    def would_wake(self, masks: Masks) -> bool:
        """Whether WFI ends: a pending exception that PRIMASK alone may hold back."""
        return self.next_exception(Masks(0, masks.basepri, masks.faultmask)) is not None

    def execution_priority(self, masks: Masks) -> int:
        """Return the priority of what runs now; lower is more urgent."""
        level = min((self._group_priority(n) for n in self.active), default=_THREAD_PRIORITY)
        if masks.basepri:
            level = min(level, self._group(masks.basepri))
        if masks.primask & 1:
            level = min(level, 0)
        if masks.faultmask & 1:
            level = min(level, -1)
        return level

    def enter(self, number: int) -> None:
        """Make an exception active."""
        self.pending.discard(number)
        self.active.append(number)

    def leave(self) -> int:
        """End the innermost exception and return its number."""
        number = self.active.pop()
        if number in self._high:
            self.pending.add(number)
        return number

    def priority_of(self, number: int) -> int:
        """Return an exception's priority byte as software sees it."""
        return self.priority.get(number, 0)

    def set_priority(self, number: int, value: int) -> None:
        """Store a priority byte; the chip keeps only its upper bits."""
        self.priority[number] = value & (0xFF << (8 - self.priority_bits)) & 0xFF

    def _most_urgent(self) -> int | None:
        ready = [n for n in self.pending if n < FIRST_INTERRUPT or n in self.enabled]
        return min(ready, key=self._rank, default=None)

    def _rank(self, number: int) -> tuple[int, int]:
        return _FIXED_PRIORITY.get(number, self.priority.get(number, 0)), number

    def _group_priority(self, number: int) -> int:
        fixed = _FIXED_PRIORITY.get(number)
        return self._group(self.priority.get(number, 0)) if fixed is None else fixed

    def _group(self, priority: int) -> int:
        """Drop the sub-priority bits, which order pending exceptions but do not pre-empt."""
        return priority & ~((2 << self.group_bits) - 1)


@dataclass
class Clock:
    """Board time in core clocks: one per executed instruction, plus the time spent waiting."""

    instructions: Callable[[], int]
    idle: int = 0

    @property
    def now(self) -> int:
        """Clocks since power-on."""
        return self.instructions() + self.idle


class SysTick:
    """The core's 24-bit down counter, driven by `Clock`."""

    ENABLE, TICKINT, CLKSOURCE, COUNTFLAG = 1, 2, 4, 1 << 16
    CTRL, LOAD, VAL, CALIB = 0xE010, 0xE014, 0xE018, 0xE01C

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._control = 0
        self._reload = 0
        self._wraps_at: int | None = None
        self._flag = False
        self._due = False  # an interrupt that `advance` has not told yet

    @property
    def next_event(self) -> int | None:
        """When the counter reaches zero next, if that interrupts."""
        if self._due:
            return self._clock.now
        return self._wraps_at if self._control & self.TICKINT else None

    def advance(self) -> bool:
        """Let time pass; return whether an interrupt became due since the last call."""
        self._pass_time()
        was_due, self._due = self._due, False
        return was_due

    def _pass_time(self) -> None:
        if self._wraps_at is None or self._clock.now < self._wraps_at:
            return
        self._flag = True
        late = self._clock.now - self._wraps_at
        self._wraps_at += (late // self._period + 1) * self._period
        self._due = self._due or bool(self._control & self.TICKINT)

    def read(self, offset: int) -> int:
        """Read one of the four registers.

        The core takes interrupts between blocks only. Until it has taken a due one, the counter
        reads 0, so that no code sees a new round before its interrupt.
        """
        self._pass_time()
        if offset == self.CTRL:
            value = self._control | (self.COUNTFLAG if self._flag else 0)
            self._flag = False
            return value
        if offset == self.LOAD:
            return self._reload
        if offset == self.VAL and self._wraps_at is not None and not self._due:
            return ((self._wraps_at - self._clock.now) // self._divider) % (self._reload + 1)
        return 0

    def write(self, offset: int, value: int) -> None:
        """Write one of the four registers."""
        if offset == self.CTRL:
            was_on = self._control & self.ENABLE
            self._control = value & 7
            if not value & self.ENABLE or not self._reload:
                self._wraps_at = None
            elif not was_on:
                self._wraps_at = self._clock.now + self._period
        elif offset == self.LOAD:
            self._reload = value & 0xFFFFFF
        elif offset == self.VAL:
            self._flag = False
            if self._wraps_at is not None:
                self._wraps_at = self._clock.now + self._period

    @property
    def _divider(self) -> int:
        return 1 if self._control & self.CLKSOURCE else 8

    @property
    def _period(self) -> int:
        return (self._reload + 1) * self._divider
