"""The divider of SPI keeps the bus within its limit, on both clocks of every board."""

from __future__ import annotations

import pytest

from mcu_slm import boards
from mcu_slm.errors import BoardError
from mcu_slm.firmware.clocks import port_hz
from mcu_slm.firmware.spi_divider import SpiDivider, divider_for

pytestmark = pytest.mark.unit
LIMIT_HZ = 5_000_000


@pytest.mark.parametrize(
    "clock_hz", [1, 2_097_152, 10_000_000, 10_000_001, 84_000_000, 1_280_000_000]
)
def test_the_least_divider_within_the_limit_is_taken(clock_hz: int) -> None:
    divider = divider_for(clock_hz)
    assert clock_hz / 2 ** (divider.code + 1) <= LIMIT_HZ
    assert divider.code == 0 or clock_hz / 2**divider.code > LIMIT_HZ
    assert divider.code <= 7


def test_a_clock_that_no_divider_fits_is_told() -> None:
    with pytest.raises(BoardError, match=r"5,000,000 Hz or less from 1,280,000,001 Hz"):
        divider_for(1_280_000_001)


def test_it_says_what_it_is_for() -> None:
    assert SpiDivider(90_000_000, 4).summary == "2.8125 MHz from 90 MHz"


@pytest.mark.parametrize("name", boards.list_boards())
def test_every_port_of_every_board_has_a_divider_on_both_clocks(name: str) -> None:
    board = boards.load_board(name)
    assert board.chip.spis
    for port in board.chip.spis:
        for clock_hz in (port_hz(board, port), board.chip.reset_clock_hz):
            assert LIMIT_HZ / 10 < divider_for(clock_hz).bus_hz <= LIMIT_HZ
        # What feeds the port must run after a clock that did not start, too: no PLL.
        assert (port.clock == "HSI") == (
            board.chip.family.name in ("stm32h5", "stm32h7", "stm32h7a3")
        )
