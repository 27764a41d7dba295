"""TIMINGR keeps what the bus asks for, by the inequalities of the reference manual."""

from __future__ import annotations

import pytest

from mcu_slm import boards
from mcu_slm.errors import BoardError
from mcu_slm.firmware.clocks import bus_hz, port_hz
from mcu_slm.firmware.i2c_timing import I2cTiming, timing_for
from mcu_slm.firmware.i2c_v1_timing import first_timing_for

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


FIRST_CLOCKS = (2_097_152, 4_000_000, 8_000_000, *range(10_000_000, 50_000_001, 1_000_000))


@pytest.mark.parametrize("clock", FIRST_CLOCKS)
def test_the_timing_of_the_first_generation_keeps_the_limits_of_its_mode(clock: int) -> None:
    timing = first_timing_for(clock)
    fast, divider = timing.ccr >> 15, timing.ccr & 0xFFF
    assert fast == (clock >= 10_000_000)
    assert timing.bus_hz == (400_000 if fast else 88_000)
    low_min, high_min, rise, _, _ = LIMITS[400_000 if fast else 100_000]
    high, low = divider / clock, (2 if fast else 1) * divider / clock
    assert high >= high_min
    assert low >= low_min
    assert 0.7 * timing.bus_hz <= 1 / (low + high) <= timing.bus_hz + 1
    assert divider >= (1 if fast else 4)  # what the manual allows
    assert timing.mhz == clock // 1_000_000
    assert timing.trise == int(rise * timing.mhz * 1e6 + 1e-9) + 1


@pytest.mark.parametrize("clock", [1_999_999, 50_000_001])
def test_a_clock_that_the_first_generation_cannot_have_is_told(clock: int) -> None:
    with pytest.raises(BoardError, match=rf"the port's clock is {clock:,} Hz.*2,000,000 to 50,000"):
        first_timing_for(clock)


def test_ports_run_from_their_bus_or_an_oscillator() -> None:
    nucleo = boards.load_board("nucleo_f303re")
    assert port_hz(nucleo, nucleo.i2c_port) == 8_000_000 < bus_hz(nucleo, "APB1") == 36_000_000
    assert port_hz(nucleo, nucleo.spi_port) == bus_hz(nucleo, "APB2") == 72_000_000
    assert bus_hz(boards.load_board("b_u585i_iot02a"), "APB1") == 160_000_000
    assert bus_hz(boards.load_board("nucleo_f746zg"), "APB1") == 54_000_000
    assert bus_hz(boards.load_board("nucleo_f746zg"), "APB2") == 108_000_000
    fast = boards.load_board("nucleo_h743zi2")
    assert bus_hz(fast, "APB1") == bus_hz(fast, "APB2") == 100_000_000
    assert port_hz(fast, fast.spi_port) == 64_000_000  # not the PLL: it may stand still


@pytest.mark.parametrize("name", boards.list_boards())
def test_every_port_of_every_board_has_a_timing_on_both_clocks(name: str) -> None:
    board = boards.load_board(name)
    assert board.chip.i2cs
    for port in board.chip.i2cs:
        timing = timing_for if port.generation == 2 else first_timing_for
        clocked_by_bus = port.clock == "APB1"
        assert (timing(port_hz(board, port)).bus_hz == 400_000) == clocked_by_bus
        assert timing(board.chip.reset_clock_hz).bus_hz in (88_000, 100_000, 400_000)
