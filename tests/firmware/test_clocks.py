"""Register values of the clock tree, against figures worked out by hand from the manuals."""

from __future__ import annotations

import dataclasses

import pytest

from mcu_slm import boards
from mcu_slm.errors import BoardError
from mcu_slm.firmware.clocks import clock_settings

pytestmark = pytest.mark.unit


def test_nucleo_f446re_runs_at_180_mhz_in_over_drive() -> None:
    clock = clock_settings(boards.load_board("nucleo_f446re"))
    assert (clock.pll_m, clock.pll_n, clock.pll_p) == (4, 180, 2)
    assert clock.pll_q == 8  # 45 MHz: the highest that does not exceed 48 MHz
    assert (clock.ppre1, clock.ppre2) == (5, 4)
    assert clock.console_hz == 45_000_000
    assert clock.flash_wait_states == 5
    assert clock.over_drive


def test_olimex_h405_runs_at_168_mhz_without_over_drive() -> None:
    clock = clock_settings(boards.load_board("olimex_stm32_h405"))
    assert (clock.pll_m, clock.pll_n, clock.pll_p, clock.pll_q) == (4, 168, 2, 7)
    assert clock.console_hz == 42_000_000
    assert clock.flash_wait_states == 5
    assert not clock.over_drive


@pytest.mark.parametrize("crystal_mhz", [4, 8, 12, 16, 20, 24, 25, 26])
@pytest.mark.parametrize("core_mhz", [48, 72, 84, 96, 100, 120, 150, 168, 180])
def test_settings_keep_the_limits_of_the_chip(crystal_mhz: int, core_mhz: int) -> None:
    board = dataclasses.replace(
        boards.load_board("nucleo_f446re"),
        crystal_hz=crystal_mhz * 1_000_000,
        clock_hz=core_mhz * 1_000_000,
    )
    facts, clock = board.chip.clock, clock_settings(board)
    pll_input_hz = board.crystal_hz / clock.pll_m
    vco_hz = pll_input_hz * clock.pll_n
    assert vco_hz / clock.pll_p == board.clock_hz
    assert facts.pll_input_min_hz <= pll_input_hz <= facts.pll_input_max_hz
    assert facts.pll_vco_min_hz <= vco_hz <= facts.pll_vco_max_hz
    assert vco_hz / clock.pll_q <= 48_000_000
    assert board.clock_hz / clock.apb1_divider <= facts.apb1_max_hz
    assert board.clock_hz / clock.apb2_divider <= facts.apb2_max_hz
    assert board.clock_hz <= (clock.flash_wait_states + 1) * facts.flash_hz_per_wait_state


def test_nucleo_h743zi2_runs_at_400_mhz() -> None:
    clock = clock_settings(boards.load_board("nucleo_h743zi2"))
    assert (clock.pll_m, clock.pll_n, clock.pll_p) == (1, 100, 2)
    assert clock.pll_input_range == 3  # 8 to 16 MHz
    assert (clock.hpre, clock.ppre) == (8, 4)  # 200 and 100 MHz
    assert clock.console_hz == 100_000_000
    assert (clock.flash_wait_states, clock.flash_programming_delay) == (2, 2)


@pytest.mark.parametrize("crystal_mhz", [4, 8, 16, 24, 25])
@pytest.mark.parametrize("core_mhz", [64, 100, 140, 185, 200, 280, 370, 400])
def test_h7_settings_keep_the_limits_of_the_chip(crystal_mhz: int, core_mhz: int) -> None:
    board = dataclasses.replace(
        boards.load_board("nucleo_h743zi2"),
        crystal_hz=crystal_mhz * 1_000_000,
        clock_hz=core_mhz * 1_000_000,
    )
    facts, clock = board.chip.clock, clock_settings(board)
    pll_input_hz = board.crystal_hz / clock.pll_m
    edges = (1_000_000, 2_000_000, 4_000_000, 8_000_000, 16_000_001)
    assert edges[clock.pll_input_range] <= pll_input_hz < edges[clock.pll_input_range + 1]
    vco_hz = pll_input_hz * clock.pll_n
    assert vco_hz / clock.pll_p == board.clock_hz
    assert clock.pll_p % 2 == 0
    assert facts.pll_vco_min_hz <= vco_hz <= facts.pll_vco_max_hz
    ahb_hz = board.clock_hz / clock.ahb_divider
    assert ahb_hz <= facts.ahb_max_hz
    assert ahb_hz / clock.apb_divider == clock.console_hz <= facts.apb_max_hz
    chosen = [clock.flash_wait_states, clock.flash_programming_delay]
    slower = [list(row[1:]) for row in facts.flash_latencies if row[0] < ahb_hz]
    assert all(row < chosen for row in slower)
    assert len(slower) == [list(row[1:]) for row in facts.flash_latencies].index(chosen)


@pytest.mark.parametrize("name", boards.list_boards())
def test_unreachable_clock_is_refused(name: str) -> None:
    board = dataclasses.replace(boards.load_board(name), clock_hz=139_999_999)
    with pytest.raises(BoardError, match="no PLL setting gives 139,999,999 Hz"):
        clock_settings(board)
