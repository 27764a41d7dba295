"""What samples analog inputs: a timer triggers a converter, whose results DMA stores.

One model, since none of the three means anything alone here. What firmware has not set up does not
happen: no clock, no trigger, no DMA request, no channel. A pin that is not analog gives zero.

Source: ST RM0390, chapter "General-purpose timers (TIM2 to TIM5)", and those of `converters.py` and
`sampling_dma.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mcu_slm.boards import Chip
from mcu_slm.boards.facts import port_and_number
from mcu_slm.boards.sampling_chain import RegisterField, SamplingChain
from mcu_slm.simulator.block import Block
from mcu_slm.simulator.converters import CONVERTERS
from mcu_slm.simulator.nvic import Clock
from mcu_slm.simulator.sampling_dma import CONTROLLERS, Memory

_CR1, _CR2, _EGR, _PSC, _ARR = 0x00, 0x04, 0x14, 0x28, 0x2C
_SR, _CNT = 0x10, 0x24
_MODELLED: Final = (_CR1, _CR2, _SR, _EGR, _CNT, _PSC, _ARR)
_TRGO_AT_UPDATE: Final = 2
_BLOCK_BYTES: Final = 0x400
_PORT_BYTES: Final = 0x400
_ASCR: Final = 0x2C
_AHB_DIVIDERS: Final = (2, 4, 8, 16, 64, 128, 256, 512)

Signal = Callable[[int, int], int]
"""What an analog channel shows at a sample's number: 0 to 4095."""


class AnalogChain(Block):
    """The timer, which moves the other two; `signal` is what the pins show.

    Args:
        chip: What the chip is, with its `sampling_chain`.
        clock: Board time.
        register: Gives another register of the chip.
        memory: What DMA reaches.
    """

    def __init__(
        self,
        chip: Chip,
        clock: Clock,
        register: Callable[[int], int],
        memory: Memory,
    ) -> None:
        chain = chip.sampling_chain
        assert chain is not None  # who attaches it asked
        self._chip = chip
        self._facts: SamplingChain = chain
        self._clock = clock
        self._register = register
        self.converter = CONVERTERS[chain.generation](
            chain, clock, chip.reset_clock_hz, lambda: self._hold(chain.setup)
        )
        self.dma = CONTROLLERS[chain.dma.generation](
            chain.dma, memory, self.converter.results_address, lambda: self._hold(chain.dma.setup)
        )
        self.signal: Signal = lambda _channel, _number: 0
        self.conversions = 0
        super().__init__(chain.timer.base, _BLOCK_BYTES, lambda: self._hold(chain.timer.setup))

    feature = "a timer that does more than start conversions"

    @property
    def blocks(self) -> tuple[Block, ...]:
        """All of them, as devices."""
        return self, self.converter, *self.dma.blocks

    def _hold(self, fields: tuple[RegisterField, ...]) -> bool:
        """Return whether clocks are on, and selectors as they must be."""
        return all(self._field(f.place) == f.value for f in fields)

    def _field(self, text: str) -> int:
        place = self._chip.family.place(text)
        return (self._register(place.address) & place.mask) // (place.mask & -place.mask)

    def reset(self) -> None:
        """Stop the timer."""
        super().reset()
        self._prescaler = 1
        self._due: int | None = None

    @property
    def next_event(self) -> int | None:  # type: ignore[override]
        """When the timer overflows next, if it runs."""
        return self._due

    def advance(self) -> None:
        """Let time pass."""
        while self._due is not None and self._clock.now >= self._due:
            self._prescaler = self.get(_PSC) + 1
            self._due += self._period
            self._trigger()

    def is_foreign(self, offset: int, value: int) -> bool:
        """Return whether a write asks for more than triggers."""
        return offset not in _MODELLED and value != 0

    def put(self, offset: int, value: int) -> None:
        """Take what is written to a register of the timer; PSC counts from an update on."""
        width = self._facts.timer.bits if offset == _ARR else 16 if offset == _PSC else 32
        super().put(offset, value & (1 << width) - 1)
        if offset == _CR1:
            self._due = self._clock.now + self._period if value & 1 else None
        elif offset == _EGR:
            self._prescaler = self.get(_PSC) + 1
            self._due = None if self._due is None else self._clock.now + self._period
            self._trigger()

    @property
    def _period(self) -> int:
        """Core clocks from overflow to overflow; the timer runs at twice a divided bus."""
        ahb, apb = (
            self._field(self._facts.timer.ahb_divider),
            self._field(self._facts.timer.apb_divider),
        )
        clocks = (_AHB_DIVIDERS[ahb - 8] if ahb >= 8 else 1) << max(0, apb - 4)
        return max(1, clocks * self._prescaler * (self.get(_ARR) + 1))

    def _trigger(self) -> None:
        converter = self.converter
        starts = self.get(_CR2) >> 4 & 7 == _TRGO_AT_UPDATE and converter.is_triggered
        if not (starts and self._hold(self._facts.fields)):
            return
        for channel in converter.channels:
            value = self.signal(channel, self.conversions) & 0xFFF
            shown = value if self._is_analog(channel) else 0
            if not self.dma.store(converter.result_of(channel, shown)):
                converter.note_overrun()
                return
        self.conversions += 1

    def _is_analog(self, channel: int) -> bool:
        """Return whether a channel's pin is connected to the converter and to nothing else."""
        pins = self._facts.pins
        if channel >= len(pins) or not pins[channel]:
            return False
        port, pin = port_and_number(pins[channel])
        gpio = self._chip.family.gpio.base + _PORT_BYTES * port
        if self._facts.generation == "v1_f1":
            return not self._register(gpio + 4 * (pin // 8)) >> 4 * (pin % 8) & 15
        is_connected = not self._facts.pins_have_switches or self._register(gpio + _ASCR) >> pin & 1
        return bool(is_connected) and self._register(gpio) >> 2 * pin & 3 == 3
