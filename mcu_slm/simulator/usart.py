"""A USART as firmware sees it; generation 1 has SR and DR, generation 2 has ISR, RDR and TDR.

Sending takes no time. A received byte appears one character time (10 bits of the firmware's own
baud divider) after the one before was read, so nothing is ever overrun, however slow the firmware
is. Bytes sent before the receiver is switched on wait on the line.

Source: ST reference manuals, USART chapter: RM0390 (generation 1), RM0351 (generation 2).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mcu_slm.boards import Usart as UsartFacts
from mcu_slm.simulator.nvic import Clock

_RXNE, _TC, _TXE = 1 << 5, 1 << 6, 1 << 7
_RXNEIE, _TCIE, _TXEIE = 1 << 5, 1 << 6, 1 << 7
_DMA_BITS: Final = 3 << 6  # CR3: DMAR, DMAT
_IDLEIE: Final = 1 << 4
_BITS_PER_CHARACTER: Final = 10
_SHORTEST_CHARACTER: Final = 160  # clocks; an unset divider must not freeze time
_LONGEST_CHARACTER: Final = 200_000
_POLLS_THAT_WAIT: Final = 4
_CLOCKS_PER_POLL: Final = 64


@dataclass(frozen=True)
class _Layout:
    """Register offsets and the bits of CR1 that switch on port, receiver and transmitter."""

    status: int
    receive: int
    transmit: int
    cr1: int
    cr3: int
    brr: int
    enable: int
    receiver: int = 1 << 2
    transmitter: int = 1 << 3
    status_always: int = 0


_LAYOUTS: Final = {
    1: _Layout(0x00, 0x04, 0x04, 0x0C, 0x14, 0x08, 1 << 13),
    2: _Layout(0x1C, 0x24, 0x28, 0x00, 0x08, 0x0C, 1 << 0, status_always=3 << 21),  # TEACK, REACK
}


@dataclass(frozen=True)
class Wiring:
    """Whom a port tells what.

    Args:
        set_line: Raises or lowers the interrupt request.
        on_transmit: Takes each byte that the firmware sends.
        on_poll: Called when the firmware does nothing but ask for a byte and none is on the line.
        report: Takes the register and the name of a feature that is used and not modelled.
    """

    set_line: Callable[[int, bool], None]
    on_transmit: Callable[[int], None]
    on_poll: Callable[[], None]
    report: Callable[[int, str], None]


class SimulatedUsart:
    """One port; `facts` are its address, interrupt and generation."""

    def __init__(self, facts: UsartFacts, clock: Clock, wiring: Wiring) -> None:
        self.facts = facts
        self._layout = _LAYOUTS[facts.generation]
        self._clock = clock
        self._wiring = wiring
        self._line: deque[int] = deque()
        self.reset()

    def reset(self) -> None:
        """Take the registers back to their reset values; the line keeps its bytes."""
        self._registers: dict[int, int] = {}
        self._received: int | None = None
        self._arrives_at = 0
        self._polls = 0
        self._polled_at = 0

    # --- The host's side ----------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """Put bytes on the line towards the firmware."""
        if not self._line:
            self._arrives_at = self._clock.now + self._character
        self._line.extend(data)
        self._polls = 0

    @property
    def waiting(self) -> int:
        """Bytes that the firmware has not read yet."""
        return len(self._line) + (self._received is not None)

    @property
    def next_event(self) -> int | None:
        """When the next byte arrives, if one can."""
        if not self._line or self._received is not None or not self._on(self._layout.receiver):
            return None
        return self._arrives_at

    def advance(self) -> None:
        """Let time pass: the next byte may have arrived."""
        due = self.next_event
        if due is not None and self._clock.now >= due:
            self._received = self._line.popleft()
            self._update_line()

    # --- The firmware's side ------------------------------------------------------------------

    def read(self, offset: int) -> int:
        """Read a register."""
        if offset == self._layout.status:
            return self._read_status()
        self._polls = 0
        if offset == self._layout.receive:
            return self._take()
        return self._registers.get(offset, 0)

    def write(self, offset: int, value: int) -> None:
        """Write a register."""
        self._polls = 0
        if offset == self._layout.transmit:
            if self._on(self._layout.transmitter):
                self._wiring.on_transmit(value & 0xFF)
        elif offset != self._layout.status:  # its flags clear themselves here
            self._registers[offset] = value
            if offset == self._layout.cr3 and value & _DMA_BITS:
                self._wiring.report(self.facts.base + offset, f"{self.facts.name} with DMA")
            if offset == self._layout.cr1 and value & _IDLEIE:
                self._wiring.report(
                    self.facts.base + offset, f"{self.facts.name} idle-line interrupt"
                )
        self._update_line()

    def _read_status(self) -> int:
        self.advance()
        if self._received is None:
            self._note_poll()
            self.advance()
        flags = self._layout.status_always | _TC | _TXE
        return flags | (_RXNE if self._received is not None else 0)

    def _take(self) -> int:
        value, self._received = self._received or 0, None
        self._arrives_at = self._clock.now + self._character
        self._update_line()
        return value

    def _note_poll(self) -> None:
        """Firmware that only polls is waiting: let the time pass that it would spend."""
        now = self._clock.now
        self._polls = self._polls + 1 if now - self._polled_at <= _CLOCKS_PER_POLL else 1
        self._polled_at = now
        if self._polls < _POLLS_THAT_WAIT:
            return
        due = self.next_event
        if due is None:
            self._wiring.on_poll()
        elif due > now:
            self._clock.idle += due - now

    def _on(self, direction: int) -> bool:
        bits = self._layout.enable | direction
        return self._registers.get(self._layout.cr1, 0) & bits == bits

    @property
    def _character(self) -> int:
        """Clocks of one character, if the peripheral's clock is as fast as the core's."""
        divider = self._registers.get(self._layout.brr, 0) >> (8 if self.facts.low_power else 0)
        clocks = _BITS_PER_CHARACTER * divider
        return min(max(clocks, _SHORTEST_CHARACTER), _LONGEST_CHARACTER)

    def _update_line(self) -> None:
        enabled = self._registers.get(self._layout.cr1, 0)
        if not enabled & self._layout.enable:
            enabled = 0
        wanted = enabled & (_TXEIE | _TCIE) or (enabled & _RXNEIE and self._received is not None)
        self._wiring.set_line(self.facts.irq, bool(wanted))
