"""TIMINGR keeps what the bus asks for, by the inequalities of the reference manual."""

from __future__ import annotations

import pytest

from mcu_slm import boards
from mcu_slm.errors import BoardError
from mcu_slm.firmware.clocks import apb1_hz
from mcu_slm.firmware.i2c_timing import I2cTiming, port_hz, timing_for

pytestmark = pytest.mark.unit
# Bus in Hz: shortest low and high, longest rise, shortest set-up, latest data; seconds. UM10204.
LIMITS = {
    100_000: (4.7e-6, 4.0e-6, 1.0e-6, 250e-9, 3.45e-6),
    400_000: (1.3e-6, 0.6e-6, 0.3e-6, 100e-9, 0.9e-6),
}
FALL, FILTER_MIN, FILTER_MAX = 300e-9, 50e-9, 260e-9
CLOCKS = (2_097_000, 4, 8, 10, 16, 24, 32, 36, 42, 48, 54, 64, 80, 100, 110, 125, 160, 170, 216)


def seconds(timing: I2cTiming, ticks: int) -> float:
    return ticks * (timing.presc + 1) / timing.kernel_hz


@pytest.mark.parametrize("clock", CLOCKS)
def test_the_timing_keeps_the_limits_of_its_mode(clock: int) -> None:
    hz = clock if clock > 1000 else clock * 1_000_000
    timing, one = timing_for(hz), 1 / hz
    assert timing.bus_hz == (400_000 if hz >= 10_000_000 else 100_000)
    low_min, high_min, rise, setup, valid = LIMITS[timing.bus_hz]
    sync = FILTER_MIN + 2 * one
    low, high = (seconds(timing, half + 1) + sync for half in (timing.scll, timing.sclh))
    slack = 1e-12  # of floating point
    assert low >= low_min - slack
    assert high >= high_min - slack
    assert 0.9 * timing.bus_hz <= 1 / (low + high) <= timing.bus_hz + 1
    assert seconds(timing, timing.scldel + 1) >= rise + setup - slack
    hold = seconds(timing, timing.sdadel)
    assert hold >= FALL - FILTER_MIN - 3 * one - slack
    assert timing.sdadel == 0 or hold <= valid - rise - FILTER_MAX - 4 * one + slack
    assert max(timing.presc, timing.scldel, timing.sdadel) <= 15
    assert max(timing.scll, timing.sclh) <= 255


def test_the_fields_lie_where_the_manual_says() -> None:
    timing = I2cTiming(16_000_000, 400_000, presc=1, scldel=2, sdadel=3, sclh=4, scll=5)
    assert timing.word == "0x10230405u"
    assert timing.summary == "400 kHz from 16 MHz"


def test_a_clock_that_no_timing_fits_is_told() -> None:
    with pytest.raises(BoardError, match="no timing of the port gives 100,000 Hz from 500,000 Hz"):
        timing_for(500_000)


def test_ports_run_from_their_bus_or_an_oscillator() -> None:
    nucleo = boards.load_board("nucleo_f303re")
    assert port_hz(nucleo, nucleo.i2c_port) == 8_000_000 < apb1_hz(nucleo)
    assert apb1_hz(boards.load_board("b_u585i_iot02a")) == 160_000_000
    assert apb1_hz(boards.load_board("nucleo_f746zg")) == 54_000_000
    assert (
        apb1_hz(boards.load_board("nucleo_h743zi2")) < boards.load_board("nucleo_h743zi2").clock_hz
    )


@pytest.mark.parametrize("name", boards.list_boards())
def test_every_port_of_every_board_has_a_timing_on_both_clocks(name: str) -> None:
    board = boards.load_board(name)
    if not board.chip.i2cs:
        pytest.skip("its chip does not describe its ports")
    for port in board.chip.i2cs:
        clocked_by_bus = port.clock == "APB1"
        assert timing_for(port_hz(board, port)).bus_hz == (400_000 if clocked_by_bus else 100_000)
    assert timing_for(board.chip.reset_clock_hz).bus_hz in LIMITS
