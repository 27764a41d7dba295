"""What the templates of analog inputs place in registers, computed from a chip's `[analog]`."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from mcu_slm.boards import Chip
from mcu_slm.boards.sampling_chain import SamplingDma
from mcu_slm.firmware.register_fields import FieldValue, word

_CSELR: Final = 0xA8  # of a controller with requests of its own
_STREAM_SHIFTS: Final = (0, 6, 16, 22)  # of the flags of streams 0 to 3, and 4 to 7


@dataclass(frozen=True)
class TimerPeriod:
    """A timer's registers PSC and ARR for one rate."""

    timer_hz: int
    psc: int
    arr: int

    @property
    def megahertz(self) -> str:
        """The timer's clock, for a comment."""
        return f"{self.timer_hz / 1e6:g}"


@dataclass(frozen=True)
class DmaRegisters:
    """Addresses of a channel or stream and of its flags, and where its request is chosen.

    `route` is where that is not in the channel's own registers; None where there is no choice.
    """

    name: str
    number: int
    registers: str
    status: str
    clear: str
    flag_shift: int
    request: int
    route: FieldValue | None


def setup_steps(chip: Chip) -> tuple[FieldValue, ...]:
    """Return the fields that must hold a value before anything samples."""
    chain = chip.sampling_chain
    assert chain is not None  # the board was chosen because it has one
    return tuple(
        FieldValue.at(chip.family, field.place, field.value, field.name) for field in chain.fields
    )


def timer_period(timer_hz: int, rate_millihertz: int, bits: int) -> TimerPeriod:
    """Return the prescaler and period that are nearest to a rate."""
    clocks = Fraction(1000 * timer_hz, rate_millihertz)
    psc = int(clocks) >> bits
    return TimerPeriod(timer_hz, psc, round(clocks / (psc + 1)) - 1)


def dma_registers(dma: SamplingDma) -> DmaRegisters:
    """Return a channel's addresses. Source: the maps of registers in the reference manuals."""
    if dma.generation == "stream":
        registers = dma.base + 0x10 + 0x18 * dma.channel
        high = dma.channel // 4
        flags = (dma.base + 4 * high, dma.base + 8 + 4 * high, _STREAM_SHIFTS[dma.channel % 4])
        index = dma.channel
    elif dma.generation == "channel":
        index = dma.channel - 1
        registers = dma.base + 8 + 20 * index
        flags = (dma.base, dma.base + 4, 4 * index)
    else:
        registers = dma.base + 0x50 + 0x80 * dma.channel
        flags = (registers + 0x10, registers + 0x0C, 0)
        index = dma.channel
    return DmaRegisters(
        dma.name,
        dma.channel,
        word(registers),
        word(flags[0]),
        word(flags[1]),
        flags[2],
        dma.request,
        _route(dma, index),
    )


def _route(dma: SamplingDma, index: int) -> FieldValue | None:
    if dma.selector == "CSELR":
        fields = (dma.base + _CSELR, 0xF << 4 * index, dma.request << 4 * index)
        return FieldValue.of(f"{dma.name}_CSELR", *fields)
    if dma.selector == "DMAMUX":
        fields = (dma.mux_base + 4 * index, 0xFFFF_FFFF, dma.request)
        return FieldValue.of(f"DMAMUX_C{index}CR", *fields)
    return None
