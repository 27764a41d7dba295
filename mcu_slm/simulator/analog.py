"""The sampling chain of an STM32F4: timer 2 triggers ADC1, whose results DMA2 stream 0 stores.

One model, since none of the three means anything alone here. What firmware has not set up does not
happen: no clock, no trigger, no DMA request, no channel. A conversion takes no time. Memory that
DMA does not reach gives a transfer error.

Source: ST RM0390 and RM0090, chapters "General-purpose timers (TIM2 to TIM5)", "Analog-to-digital
converter" and "DMA controller".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mcu_slm.simulator.nvic import Clock

TIMER_BASE, ADC_BASE, DMA_BASE = 0x40000000, 0x40012000, 0x40026400
_RCC: Final = 0x40023800
_CFGR, _AHB1ENR, _APB1ENR, _APB2ENR = _RCC + 0x08, _RCC + 0x30, _RCC + 0x40, _RCC + 0x44
_CLOCKED: Final = ((_AHB1ENR, 1 << 22), (_APB1ENR, 1 << 0), (_APB2ENR, 1 << 8))
_CR1, _CR2, _EGR, _PSC, _ARR = 0x00, 0x04, 0x14, 0x28, 0x2C  # timer
_SR, _ADC_CR1, _ADC_CR2, _SQR1, _SQR2, _SQR3, _DR = 0x00, 0x04, 0x08, 0x2C, 0x30, 0x34, 0x4C
_LISR, _LIFCR, _SCR, _NDTR, _PAR, _M0AR = 0x00, 0x08, 0x10, 0x14, 0x18, 0x1C  # DMA2, stream 0
_OVERRUN: Final = 1 << 5
_SCAN: Final = 1 << 8
_TRIGGERED: Final = (1 << 28) | (6 << 24) | (1 << 9) | (1 << 8) | 1  # by timer 2, with DMA, on
_TRIGGER_MASK: Final = (3 << 28) | (15 << 24) | (1 << 9) | (1 << 8) | 1
_STREAM_ON: Final = (1 << 13) | (1 << 11) | (1 << 10) | (1 << 8) | 1  # 16 bits, circular, on
_STREAM_MASK: Final = (7 << 25) | (3 << 13) | (3 << 11) | (1 << 10) | (3 << 6) | (1 << 8) | 1
_TRANSFER_ERROR, _HALF, _WHOLE = 1 << 3, 1 << 4, 1 << 5

Signal = Callable[[int, int], int]
"""What an analog channel shows at a sample's number: 0 to 4095."""


class _Block:
    """One of the three blocks of registers, as a device."""

    next_event: int | None = None

    def __init__(self, base: int, size_bytes: int) -> None:
        self.base = base
        self.size_bytes = size_bytes
        self.reset()

    def reset(self) -> None:
        self.values: dict[int, int] = {}

    def advance(self) -> None:
        """Nothing happens here: the timer moves the chain."""

    def read(self, offset: int) -> int:
        return self.values.get(offset, 0)

    def write(self, offset: int, value: int) -> None:
        self.values[offset] = value


class _Dma(_Block):
    """DMA2: flags are cleared by writing ones; the count is reloaded when it reaches zero."""

    def reset(self) -> None:
        super().reset()
        self.loaded = 0

    def write(self, offset: int, value: int) -> None:
        if offset == _LIFCR:
            self.values[_LISR] = self.values.get(_LISR, 0) & ~value
        elif offset != _LISR:
            super().write(offset, value)
            self.loaded = value if offset == _NDTR else self.loaded

    def store(self, value: int, write_memory: Callable[[int, bytes], bool]) -> bool:
        """Store one value; return whether the stream takes more."""
        if self.read(_SCR) & _STREAM_MASK != _STREAM_ON or not self.loaded:
            return False
        if self.read(_PAR) != ADC_BASE + _DR:
            return False
        done = self.loaded - self.read(_NDTR)
        if not write_memory(self.read(_M0AR) + 2 * done, value.to_bytes(2, "little")):
            self._raise(_TRANSFER_ERROR)
            self.values[_SCR] &= ~1
            return False
        done += 1
        if 2 * done == self.loaded:
            self._raise(_HALF)
        if done == self.loaded:
            self._raise(_WHOLE)
            done = 0
        self.values[_NDTR] = self.loaded - done
        return True

    def _raise(self, flag: int) -> None:
        self.values[_LISR] = self.read(_LISR) | flag


class _Adc(_Block):
    """ADC1: status bits are cleared by writing zeros."""

    def write(self, offset: int, value: int) -> None:
        if offset == _SR:
            value &= self.read(_SR)
        super().write(offset, value)

    @property
    def is_triggered(self) -> bool:
        """Whether the timer starts conversions whose results go to DMA."""
        waits = self.read(_ADC_CR2) & _TRIGGER_MASK == _TRIGGERED
        return waits and not self.read(_SR) & _OVERRUN

    @property
    def channels(self) -> list[int]:
        """The channels that one trigger converts, in order."""
        count = (self.read(_SQR1) >> 20 & 15) + 1 if self.read(_ADC_CR1) & _SCAN else 1
        fields = (self.read(_SQR3), self.read(_SQR2), self.read(_SQR1))
        return [fields[n // 6] >> 5 * (n % 6) & 31 for n in range(count)]


class AnalogChain(_Block):
    """Timer 2, which moves the other two blocks; `signal` is what the pins show.

    Args:
        clock: Board time.
        register: Gives another register of the chip, for clocks.
        write_memory: Stores what DMA transfers; False where it does not reach.
    """

    def __init__(
        self,
        clock: Clock,
        register: Callable[[int], int],
        write_memory: Callable[[int, bytes], bool],
    ) -> None:
        self._clock = clock
        self._register = register
        self._write_memory = write_memory
        self._adc = _Adc(ADC_BASE, 0x400)
        self._dma = _Dma(DMA_BASE, 0x400)
        self.signal: Signal = lambda _channel, _number: 0
        self.conversions = 0
        super().__init__(TIMER_BASE, 0x400)

    @property
    def blocks(self) -> tuple[_Block, ...]:
        """All three, as devices."""
        return self, self._adc, self._dma

    def reset(self) -> None:
        """Stop the timer."""
        super().reset()
        self._due: int | None = None

    @property
    def next_event(self) -> int | None:  # type: ignore[override]
        """When the timer overflows next, if it runs."""
        return self._due

    def advance(self) -> None:
        """Let time pass."""
        while self._due is not None and self._clock.now >= self._due:
            self._due += self._period
            self._trigger()

    def write(self, offset: int, value: int) -> None:
        """Write a register of the timer."""
        super().write(offset, value)
        if offset == _CR1:
            self._due = self._clock.now + self._period if value & 1 else None
        elif offset == _EGR and self._due is not None:
            self._due = self._clock.now + self._period

    @property
    def _period(self) -> int:
        """Core clocks from overflow to overflow; the timer runs at twice a divided APB1."""
        field = self._register(_CFGR) >> 10 & 7
        clocks = 1 if field < 4 else 1 << (field - 4)
        return max(1, clocks * (self.read(_PSC) + 1) * (self.read(_ARR) + 1))

    def _trigger(self) -> None:
        clocked = all(self._register(address) & bit for address, bit in _CLOCKED)
        if not clocked or self.read(_CR2) >> 4 & 7 != 2 or not self._adc.is_triggered:
            return
        for channel in self._adc.channels:
            value = self.signal(channel, self.conversions) & 0xFFF
            if not self._dma.store(value, self._write_memory):
                self._adc.values[_SR] = self._adc.read(_SR) | _OVERRUN
                return
        self.conversions += 1
