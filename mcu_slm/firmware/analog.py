"""Analog inputs: a timer starts the converter, DMA writes two halves of a buffer in turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mcu_slm.boards import Board
from mcu_slm.boards.facts import port_and_number
from mcu_slm.errors import BoardError, UsageError

_MOST_VALUES: Final = 1024  # of both halves, so that a small chip can hold them
_SLOWEST_HZ: Final = 1.0
_FASTEST_HZ: Final = 20_000.0

# Inputs of ADC1 by pin. ST: "pinouts and pin description" of the data sheets.
_F4_CHANNELS: Final = {
    **{f"PA{n}": n for n in range(8)},
    "PB0": 8,
    "PB1": 9,
    **{f"PC{n}": 10 + n for n in range(6)},
}
_CHANNELS_OF: Final = {"stm32f4": _F4_CHANNELS}


@dataclass(frozen=True)
class Input:
    """One analog input: port and number of its pin, and its channel of the converter."""

    pin: str
    port: int
    number: int
    channel: int


@dataclass(frozen=True)
class Settings:
    """What fills `adc_settings.h`. `half_samples` are samples in one half of the buffer."""

    inputs: tuple[Input, ...]
    half_samples: int
    rate_millihertz: int


def plan(
    name: str, board: Board, channels: int, hop: int, rate_hz: float, _range_g: int
) -> tuple[tuple[str, ...], Settings]:
    """Return the folders of templates for the converter, and its settings.

    A half of the buffer holds a hop where it can: the model then has the time of a hop to answer.

    Raises:
        BoardError: The board has no such inputs, or the family has no code for its converter.
        UsageError: The rate is out of reach.
    """
    folder = f"adc_{board.chip.family.name}"
    pins = () if board.adc is None else board.adc.pins
    if board.chip.family.name not in _CHANNELS_OF:
        raise BoardError(
            f"chip family {board.chip.family.name!r}",
            "there is no code for its analog-digital converter",
            f"one of {', '.join(_CHANNELS_OF)}",
            "Choose --sensor stream, or write src/source.h for it.",
        )
    if len(pins) < channels:
        raise BoardError(
            f"board {board.name}",
            f"it names {len(pins)} analog inputs",
            f"{channels}, one for each channel of the model",
            'Add a table [adc] with pins = ["PA0", ...] to its board file.',
        )
    if not _SLOWEST_HZ <= rate_hz <= _FASTEST_HZ:
        raise UsageError(
            f"sensor {name}",
            f"the model was trained at {rate_hz:g} Hz",
            f"{_SLOWEST_HZ:g} to {_FASTEST_HZ:g} Hz",
            "Resample the recordings.",
        )
    inputs = tuple(_input(board, pin) for pin in pins[:channels])
    half = max(1, min(hop, _MOST_VALUES // (2 * channels)))
    return (folder,), Settings(inputs, half, round(1000 * rate_hz))


def _input(board: Board, pin: str) -> Input:
    channels = _CHANNELS_OF[board.chip.family.name]
    if pin not in channels:
        raise BoardError(
            f"board {board.name}: adc.pins",
            f"{pin} is no input of ADC1",
            f"one of {', '.join(channels)}",
            "Correct the board file.",
        )
    return Input(pin, *port_and_number(pin), channels[pin])
