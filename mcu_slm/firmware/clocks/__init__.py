"""Clock settings: from oscillator and wanted clock to register values, a module per kind of PLL."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, Literal, Protocol

from mcu_slm.boards import Board, I2cPort, SpiPort
from mcu_slm.errors import BoardError
from mcu_slm.firmware.clocks import (
    mnr_pll,
    multiplier_pll,
    stm32f4,
    stm32f7,
    stm32h5,
    stm32h7,
    stm32h7a3,
    stm32u5,
)


class ClockSettings(Protocol):
    """What is known of every family's settings; its `system_clock.c` takes the rest."""

    @property
    def core_hz(self) -> int:
        """Core clock."""

    @property
    def console_hz(self) -> int:
        """Clock that the console's baud rate is divided from."""


_FAMILIES: Final[dict[str, Callable[[Board], ClockSettings]]] = {
    "stm32f0": multiplier_pll.clock_settings,
    "stm32f1": multiplier_pll.clock_settings,
    "stm32f3": multiplier_pll.clock_settings,
    "stm32f4": stm32f4.clock_settings,
    "stm32f7": stm32f7.clock_settings,
    "stm32g0": mnr_pll.clock_settings,
    "stm32g4": mnr_pll.clock_settings,
    "stm32h5": stm32h5.clock_settings,
    "stm32h7": stm32h7.clock_settings,
    "stm32h7a3": stm32h7a3.clock_settings,
    "stm32l0": multiplier_pll.clock_settings,
    "stm32l1": multiplier_pll.clock_settings,
    "stm32l4": mnr_pll.clock_settings,
    "stm32l5": mnr_pll.clock_settings,
    "stm32u5": stm32u5.clock_settings,
    "stm32wb": mnr_pll.clock_settings,
    "stm32wl": mnr_pll.clock_settings,
}


# Not every family divides; where there is one APB, it goes by either name.
_DIVIDERS: Final = {
    "AHB": ("ahb_divider",),
    "APB1": ("ahb_divider", "apb_divider", "apb1_divider"),
    "APB2": ("ahb_divider", "apb_divider", "apb2_divider"),
}


def clock_settings(board: Board) -> ClockSettings:
    """Compute PLL, bus dividers and wait states for a board.

    Raises:
        BoardError: no setting of the PLL gives exactly `clock_hz` from `crystal_hz`, or the
            family's clocks are not known.
    """
    family = board.chip.family.name
    if family not in _FAMILIES:
        raise BoardError(
            f"chip family {family!r}",
            "its clocks are not known",
            f"one of {', '.join(_FAMILIES)}",
            f"Add mcu_slm/firmware/clocks/{family}.py.",
        )
    return _FAMILIES[family](board)


def bus_hz(board: Board, bus: Literal["AHB", "APB1", "APB2"]) -> int:
    """Return the clock of a bus at the board's full speed.

    Raises:
        BoardError: as `clock_settings`.
    """
    settings = clock_settings(board)
    dividers = _DIVIDERS[bus]
    return settings.core_hz // math.prod(int(getattr(settings, name, 1)) for name in dividers)


def port_hz(board: Board, port: I2cPort | SpiPort) -> int:
    """Return the clock of a port at the board's full speed."""
    return board.chip.reset_clock_hz if port.clock == "HSI" else bus_hz(board, port.clock)


def timer_hz(board: Board) -> int:
    """Return the clock of the timers on APB1: that of the bus, doubled where the bus is divided.

    Raises:
        BoardError: as `clock_settings`.
    """
    ahb, apb = bus_hz(board, "AHB"), bus_hz(board, "APB1")
    return ahb if apb == ahb else 2 * apb
