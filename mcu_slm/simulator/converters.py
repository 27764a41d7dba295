"""Analog-digital converters by generation, as strict as the manuals.

What firmware has not set up does not happen: without clock, regulator or calibration a converter
does not get ready, with another trigger or without DMA it gives nothing. An input whose sampling
time was left at its least, or that is not preselected where it must be, gives zero. A converter set
to more than 12 bits gives larger numbers. A conversion takes no time.

Source: ST RM0008, RM0038, RM0091, RM0316, RM0351, RM0367, RM0390, RM0433, RM0444 and RM0456,
chapter "Analog-to-digital converter".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mcu_slm.boards.sampling_chain import SamplingChain
from mcu_slm.simulator.block import Block
from mcu_slm.simulator.nvic import Clock

_BLOCK_BYTES: Final = 0x100
_SCAN: Final = 1 << 8
_OVERRUN_FIRST, _OVERRUN_LATER = 1 << 5, 1 << 4
_REGULATOR_S: Final = 10e-6
_CALIBRATION_CLOCKS: Final = 200
_START_CLOCKS: Final = 50


class Converter(Block):
    """What all generations have in common."""

    results = 0x40  # offset of the data register
    feature = "interrupts, watchdogs or injected conversions of a converter"

    def __init__(
        self, chain: SamplingChain, clock: Clock, reset_hz: int, is_clocked: Callable[[], bool]
    ) -> None:
        self._chain = chain
        self._clock = clock
        self._regulator_clocks = int(_REGULATOR_S * reset_hz)  # core clocks, on the slowest clock
        self._common = chain.common - chain.base if chain.common else None
        size = _BLOCK_BYTES if self._common is None else max(_BLOCK_BYTES, self._common + 4)
        super().__init__(chain.base, size, is_clocked)

    @property
    def results_address(self) -> int:
        """Address of the register that DMA reads."""
        return self.base + self.results

    @property
    def is_triggered(self) -> bool:
        """Whether the timer starts conversions whose results go to DMA."""
        raise NotImplementedError

    @property
    def channels(self) -> list[int]:
        """The channels that one trigger converts, in order."""
        raise NotImplementedError

    def note_overrun(self) -> None:
        """Hear that a result was not fetched."""
        raise NotImplementedError

    def result_of(self, _channel: int, value: int) -> int:
        """Return what the data register shows of a channel's 12 bits."""
        return value

    @property
    def _common_is_set(self) -> bool:
        return self._common is None or self.get(self._common) == self._chain.common_value


class FirstConverter(Converter):
    """STM32F4 and F7. Status bits are cleared by writing zeros."""

    results = 0x4C
    _sr, _cr1, _cr2 = 0x00, 0x04, 0x08
    _sampling: tuple[int, ...] = (0x10, 0x0C)
    _sequence: tuple[int, ...] = (
        0x34,
        0x30,
        0x2C,
    )  # SQR3 has the first ranks, the last of them their number
    _mask, _wanted = (3 << 28) | (3 << 8) | 1, (1 << 28) | (3 << 8) | 1
    _trigger_bits = 4

    def is_foreign(self, offset: int, value: int) -> bool:
        """Return whether a write asks for more than triggered sequences."""
        return offset == self._cr1 and value & ~_SCAN != 0

    def put(self, offset: int, value: int) -> None:
        """Take what is written to a register."""
        super().put(offset, value & self.get(offset) if offset == self._sr else value)

    @property
    def is_triggered(self) -> bool:
        """Whether the timer starts conversions whose results go to DMA."""
        trigger = self.get(self._cr2) >> self._chain.trigger_bit & ((1 << self._trigger_bits) - 1)
        return (
            self._common_is_set
            and self.get(self._cr2) & self._mask == self._wanted
            and trigger == self._chain.timer.trigger
            and not self.get(self._sr) & _OVERRUN_FIRST
        )

    @property
    def channels(self) -> list[int]:
        """The channels that one trigger converts, in order."""
        last = self.get(self._sequence[-1])
        count = (last >> 20 & 15) + 1 if self.get(self._cr1) & _SCAN else 1
        fields = [self.get(offset) for offset in self._sequence]
        return [fields[n // 6] >> 5 * (n % 6) & 31 for n in range(count)]

    def note_overrun(self) -> None:
        """Hear that a result was not fetched."""
        self.values[self._sr] = self.get(self._sr) | _OVERRUN_FIRST

    def result_of(self, channel: int, value: int) -> int:
        """Return what the data register shows of a channel's 12 bits."""
        times = self.get(self._sampling[channel // 10])
        return value if times >> 3 * (channel % 10) & 7 else 0


class FirstConverterOfF1(FirstConverter):
    """STM32F1: calibrated by hand, one edge, and no flag that tells of an overrun."""

    _mask, _wanted = (1 << 20) | (1 << 8) | 1, (1 << 20) | (1 << 8) | 1
    _trigger_bits = 3
    _cal, _rstcal = 1 << 2, 1 << 3

    def reset(self) -> None:
        """Take all registers back to their reset values."""
        super().reset()
        self._on_at: int | None = None
        self._busy_until = 0
        self._calibrated = False

    def get(self, offset: int) -> int:
        """Return what a register shows."""
        value = super().get(offset)
        if offset == self._cr2 and self._clock.now >= self._busy_until:
            value &= ~(self._cal | self._rstcal)
        return value

    def put(self, offset: int, value: int) -> None:
        """Take what is written to a register."""
        if offset == self._cr2:
            self._control(value)
        super().put(offset, value)

    def _control(self, value: int) -> None:
        now = self._clock.now
        if not value & 1:
            self._on_at, self._calibrated = None, False
        elif self._on_at is None:
            self._on_at = now
        is_up = self._on_at is not None and now - self._on_at >= self._regulator_clocks // 10
        if value & (self._cal | self._rstcal):
            self._busy_until = now + _CALIBRATION_CLOCKS if is_up else 1 << 62
            self._calibrated |= is_up and bool(value & self._cal)

    @property
    def is_triggered(self) -> bool:
        """Whether the timer starts conversions whose results go to DMA."""
        return super().is_triggered and self._calibrated

    def note_overrun(self) -> None:
        """Do nothing: the result is gone, and nothing tells of it."""


class FirstConverterOfL1(FirstConverter):
    """STM32L1: ADONS tells that it is on; there are more channels."""

    results = 0x58
    _sampling = (0x14, 0x10, 0x0C)
    _sequence = (0x40, 0x3C, 0x38, 0x34, 0x30)
    _adons = 1 << 6

    def reset(self) -> None:
        """Take all registers back to their reset values."""
        super().reset()
        self._on_at = 0

    def get(self, offset: int) -> int:
        """Return what a register shows."""
        value = super().get(offset)
        if offset == self._sr:
            value |= self._adons if self._is_on else 0
        return value

    @property
    def _is_on(self) -> bool:
        return bool(super().get(self._cr2) & 1) and self._clock.now >= self._on_at

    def put(self, offset: int, value: int) -> None:
        """Take what is written to a register."""
        if offset == self._cr2 and value & 1 and not super().get(self._cr2) & 1:
            self._on_at = self._clock.now + _START_CLOCKS
        super().put(offset, value)

    @property
    def is_triggered(self) -> bool:
        """Whether the timer starts conversions whose results go to DMA."""
        return super().is_triggered and self._is_on


class LaterConverter(Converter):
    """What generations 2 and 3 have in common: the bits of CR and ISR."""

    _isr, _ier, _cr, _cfgr = 0x00, 0x04, 0x08, 0x0C
    _aden, _addis, _adstart, _adstp, _adcal = 1 << 0, 1 << 1, 1 << 2, 1 << 4, 1 << 31
    _settings: tuple[int, ...] = ()  # that may not be changed while it converts
    _power = 1 << 28
    _powered = 1 << 28

    def reset(self) -> None:
        """Take all registers back to their reset values."""
        super().reset()
        self._up_at: int | None = None
        self._calibrated_at: int | None = None
        self._ready_at: int | None = None
        self._is_ready = False

    def get(self, offset: int) -> int:
        """Return what a register shows."""
        now = self._clock.now
        if self._calibrated_at is not None and now >= self._calibrated_at:
            self.values[self._cr] &= ~self._adcal
        if self._ready_at is not None and now >= self._ready_at:
            self.values[self._isr] = self.values.get(self._isr, 0) | 1
            self._ready_at, self._is_ready = None, True
        return super().get(offset)

    def is_foreign(self, offset: int, value: int) -> bool:
        """Return whether a write asks for more than triggered sequences."""
        return offset == self._ier and value != 0

    def put(self, offset: int, value: int) -> None:
        """Take what is written to a register."""
        if offset == self._isr:
            self.values[offset] = self.get(offset) & ~value
        elif offset == self._cr:
            self._control(value, self.get(offset))
        elif not (offset in self._settings and self.get(self._cr) & self._adstart):
            super().put(offset, value)

    def _control(self, value: int, before: int) -> None:
        self._supply(value, before)
        state = before & (self._aden | self._adstart | self._adcal)
        if value & self._adcal and not state & self._aden:
            state |= self._adcal
            if self._is_up:  # else it never ends
                self._calibrated_at = self._clock.now + _CALIBRATION_CLOCKS
        can_start = self._calibrated_at is not None and not state & self._adcal and self._is_up
        if value & self._aden and can_start and not state & self._aden:
            state |= self._aden
            self._ready_at = self._clock.now + _START_CLOCKS
        if value & self._adstp:
            state &= ~self._adstart
        if value & self._addis and not state & self._adstart:
            state &= ~self._aden
            self._is_ready, self._ready_at = False, None
        if value & self._adstart and self._is_ready:
            state |= self._adstart
        actions = self._aden | self._addis | self._adstart | self._adstp | self._adcal
        self.values[self._cr] = value & ~actions | state

    def _supply(self, value: int, before: int) -> None:
        """Let the regulator follow its bits."""
        if value & self._power != self._powered:
            self._up_at = self._calibrated_at = None
        elif before & self._power == 0:
            self._up_at = self._clock.now + self._regulator_clocks

    @property
    def _is_up(self) -> bool:
        is_up = self._up_at is not None and self._clock.now >= self._up_at
        return is_up and self._has_clock

    @property
    def _has_clock(self) -> bool:
        raise NotImplementedError

    @property
    def is_triggered(self) -> bool:
        """Whether the timer starts conversions whose results go to DMA."""
        runs = self.get(self._cr) & self._adstart and not self.get(self._isr) & _OVERRUN_LATER
        cfgr = self.get(self._cfgr)
        trigger = cfgr >> self._chain.trigger_bit & 31 >> (self._chain.trigger_bit - 5)
        rising_with_dma = cfgr & (3 << 10 | 3) == 1 << 10 | 3
        return bool(runs) and rising_with_dma and trigger == self._chain.timer.trigger

    def note_overrun(self) -> None:
        """Hear that a result was not fetched."""
        self.values[self._isr] = self.get(self._isr) | _OVERRUN_LATER


class SecondConverter(LaterConverter):
    """STM32F0, G0, L0 and WL: channels in the order of their numbers, a clock of CFGR2."""

    _cfgr2, _smpr, _chselr = 0x10, 0x14, 0x28
    _settings = (_chselr, 0x0C, 0x14)
    _clock_modes, _bus_by_4 = 3 << 30, 2 << 30
    _configured = 1 << 13

    def put(self, offset: int, value: int) -> None:
        """Take what is written to a register."""
        changes = offset == self._chselr and self.get(offset) != value
        super().put(offset, value)
        if changes and self._chain.has_configuration_flag:
            self.values[self._isr] = self.get(self._isr) | self._configured

    def _supply(self, value: int, before: int) -> None:
        if self._chain.has_regulator:
            super()._supply(value, before)
        else:
            self._up_at = 0

    @property
    def _has_clock(self) -> bool:
        return self.get(self._cfgr2) & self._clock_modes == self._bus_by_4

    @property
    def channels(self) -> list[int]:
        """The channels that one trigger converts, in order."""
        chosen = self.get(self._chselr)
        return [n for n in range(19) if chosen >> n & 1]

    def result_of(self, _channel: int, value: int) -> int:
        """Return what the data register shows of a channel's 12 bits."""
        return value if self.get(self._smpr) & 7 else 0


class ThirdConverter(LaterConverter):
    """All others: deep power down, a clock of its common register, ranks."""

    _sampling = (0x14, 0x18)
    _pcsel = 0x1C
    _sequence = (0x30, 0x34, 0x38, 0x3C)
    _settings = (0x0C, *_sampling, _pcsel, *_sequence)
    _power = 3 << 28
    _deep_power_down = 1 << 29

    def reset(self) -> None:
        """Take all registers back to their reset values."""
        super().reset()
        self.values[self._cr] = self._deep_power_down

    @property
    def _has_clock(self) -> bool:
        others = self._chain.control_bits
        return self._common_is_set and self.values[self._cr] & others == others

    @property
    def channels(self) -> list[int]:
        """The channels that one trigger converts, in order."""
        fields = [self.get(offset) for offset in self._sequence]
        places = [fields[n // 5] >> 6 * (n % 5) & 31 for n in range(20)]
        return places[1 : 2 + (fields[0] & 15)]

    def result_of(self, channel: int, value: int) -> int:
        """Return what the data register shows of a channel's 12 bits."""
        times = self.get(self._sampling[channel // 10])
        connected = self.get(self._pcsel) >> channel & 1 or not self._chain.has_preselection
        if not (times >> 3 * (channel % 10) & 7 and connected):
            return 0
        is_12_bits = self.get(self._cfgr) & 0x1C == self._chain.resolution_bits
        return value if is_12_bits else value << 4 & 0xFFFF


CONVERTERS: Final[dict[str, type[Converter]]] = {
    "v1": FirstConverter,
    "v1_f1": FirstConverterOfF1,
    "v1_l1": FirstConverterOfL1,
    "v2": SecondConverter,
    "v3": ThirdConverter,
}
