"""Analog inputs: a timer starts the converter, DMA writes two halves of a buffer in turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mcu_slm.boards import Board
from mcu_slm.boards.facts import port_and_number
from mcu_slm.boards.sampling_chain import SamplingChain
from mcu_slm.errors import BoardError, UsageError
from mcu_slm.firmware.analog_registers import (
    DmaRegisters,
    TimerPeriod,
    dma_registers,
    setup_steps,
    timer_period,
)
from mcu_slm.firmware.clocks import bus_hz, timer_hz
from mcu_slm.firmware.register_fields import FieldValue

_MOST_VALUES: Final = 1024  # of both halves, so that a small chip can hold them
_SLOWEST_HZ: Final = 1.0
_FASTEST_HZ: Final = 20_000.0
_VALUE_BYTES: Final = 2
_LEAST_REGION_BYTES: Final = 32  # of the memory protection unit
_CACHED_CORES: Final = ("cortex-m7",)
_MOST_INPUTS: Final = 16  # ranks of a sequence
_IN_ORDER_OF_CHANNELS: Final = ("v2",)


@dataclass(frozen=True)
class Input:
    """One analog input: port and number of its pin, its channel of the converter, and its rank.

    The rank is its place among the results of one trigger, from 0.
    """

    pin: str
    port: int
    number: int
    channel: int
    rank: int


@dataclass(frozen=True)
class Settings:
    """What fills the templates. `half_samples` are samples in one half of the buffer.

    `region_bytes` is the power of two that the buffer fills up, where a data cache must be kept
    away from it. `serves_reset_clock` says whether the converter keeps up when the core fell back.
    """

    chain: SamplingChain
    inputs: tuple[Input, ...]
    half_samples: int
    rate_millihertz: int
    steps: tuple[FieldValue, ...]
    timer: TimerPeriod
    timer_on_reset_clock: TimerPeriod
    dma: DmaRegisters
    region_bytes: int
    serves_reset_clock: bool


def is_cached(board: Board) -> bool:
    """Return whether a data cache stands between the core and what DMA writes."""
    return board.chip.core in _CACHED_CORES


def plan(
    name: str, board: Board, channels: int, hop: int, rate_hz: float, _range_g: int
) -> tuple[tuple[str, ...], Settings]:
    """Return the folders of templates for the converter, and its settings.

    A half of the buffer holds a hop where it can: the model then has the time of a hop to answer.

    Raises:
        BoardError: The board has no such inputs, or nobody described the chip's converter.
        UsageError: The rate is out of reach.
    """
    chain = _chain_of(board)
    inputs = _inputs(board, chain, channels)
    half = max(1, min(hop, _MOST_VALUES // (2 * channels)))
    rate_millihertz = round(1000 * rate_hz)
    fastest = _fastest_hz(_converter_hz(board, chain), chain, channels)
    if not _SLOWEST_HZ <= rate_hz <= fastest:
        raise UsageError(
            f"sensor {name}",
            f"the model was trained at {rate_hz:g} Hz",
            f"{_SLOWEST_HZ:g} to {fastest:g} Hz for {channels} inputs",
            "Resample the recordings.",
        )
    reset_hz = board.chip.reset_clock_hz
    settings = Settings(
        chain,
        inputs,
        half,
        rate_millihertz,
        setup_steps(board.chip),
        timer_period(timer_hz(board), rate_millihertz, chain.timer.bits),
        timer_period(reset_hz, rate_millihertz, chain.timer.bits),
        dma_registers(chain.dma),
        _region_bytes(2 * half * channels),
        rate_hz <= _fastest_hz(_converter_hz(board, chain, reset_hz), chain, channels),
    )
    return _folders(board, chain), settings


def _chain_of(board: Board) -> SamplingChain:
    chain = board.chip.sampling_chain
    if chain is None:
        raise BoardError(
            f"chip family {board.chip.family.name!r}",
            "nobody described its analog-digital converter",
            "a table [analog] in the file of the family or of the chip",
            "Choose --sensor stream, or write src/source.h for it.",
        )
    return chain


def _folders(board: Board, chain: SamplingChain) -> tuple[str, ...]:
    special = {
        "adc_pins_f1": chain.generation == "v1_f1",
        "adc_pins_switched": chain.pins_have_switches,
        "adc_uncached": is_cached(board),
    }
    general = ("adc", f"adc_{chain.generation}", f"adc_dma_{chain.dma.generation}")
    return (*general, *(folder for folder, is_needed in special.items() if is_needed))


def _inputs(board: Board, chain: SamplingChain, channels: int) -> tuple[Input, ...]:
    pins = () if board.adc is None else board.adc.pins[:channels]
    if len(pins) < channels or channels > _MOST_INPUTS:
        raise BoardError(
            f"board {board.name}",
            f"it names {len(pins)} analog inputs",
            f"{channels}, one for each channel of the model, and {_MOST_INPUTS} at most",
            'Name them in the table [adc] of its board file: pins = ["PA0", ...].',
        )
    numbers = [chain.channels[pin] for pin in pins]  # the board was checked
    if chain.generation in _IN_ORDER_OF_CHANNELS:
        ranks = [sorted(numbers).index(number) for number in numbers]
    else:
        ranks = list(range(channels))
    return tuple(
        Input(pin, *port_and_number(pin), number, rank)
        for pin, number, rank in zip(pins, numbers, ranks, strict=True)
    )


def _converter_hz(board: Board, chain: SamplingChain, core_hz: int | None = None) -> float:
    """Return the converter's clock; with `core_hz` the one on the reset clock."""
    if chain.clock == "oscillator":
        return board.chip.clock.internal_hz / chain.clock_divider
    source = bus_hz(board, chain.clock) if core_hz is None else core_hz
    return source / chain.clock_divider


def _fastest_hz(converter_hz: float, chain: SamplingChain, channels: int) -> float:
    return min(_FASTEST_HZ, converter_hz / (chain.conversion_cycles * channels))


def _region_bytes(values: int) -> int:
    needed = max(_LEAST_REGION_BYTES, _VALUE_BYTES * values)
    return 1 << (needed - 1).bit_length()
