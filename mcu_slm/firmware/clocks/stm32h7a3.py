"""STM32H7A3 and H7B3: the clocks of H7, and a supply that the board decides."""

from __future__ import annotations

from dataclasses import dataclass

from mcu_slm.boards import Board
from mcu_slm.firmware.clocks import stm32h7


@dataclass(frozen=True)
class H7A3ClockSettings(stm32h7.H7ClockSettings):
    """What `system_clock.c` writes to the clock registers, and which regulator feeds the core."""

    supply_name: str
    supply_bit: str


def clock_settings(board: Board) -> H7A3ClockSettings:
    """Compute PLL, bus dividers and wait states for a board.

    Raises:
        BoardError: no setting of the PLL gives exactly `clock_hz`.

    Source: RM0455, chapters RCC, PWR (PWR_CR3) and Flash.
    """
    settings = stm32h7.clock_settings(board)
    name, bit = {"ldo": ("linear", "LDOEN"), "smps": ("switching", "SMPSEN")}[board.supply]
    return H7A3ClockSettings(**vars(settings), supply_name=name, supply_bit=bit)
