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


def test_nucleo_f401re_runs_at_84_mhz_from_scale_2() -> None:
    clock = clock_settings(boards.load_board("nucleo_f401re"))
    assert (clock.pll_m, clock.pll_n, clock.pll_p, clock.pll_q) == (5, 210, 4, 7)
    # 336 MHz: at 168 MHz this chip's PLL would be too slow, and with / 4 the N would be too low
    assert (clock.apb1_divider, clock.apb2_divider) == (2, 1)
    assert clock.console_hz == 42_000_000
    assert clock.flash_wait_states == 2
    assert clock.highest_voltage == "0x00008000u"
    assert not clock.over_drive


def test_nucleo_f411re_runs_at_100_mhz() -> None:
    clock = clock_settings(boards.load_board("nucleo_f411re"))
    assert (clock.pll_m, clock.pll_n, clock.pll_p, clock.pll_q) == (4, 100, 2, 5)
    assert (clock.apb1_divider, clock.apb2_divider) == (2, 1)
    assert (clock.console_hz, clock.flash_wait_states) == (50_000_000, 3)


def test_nucleo_f429zi_runs_at_180_mhz_in_over_drive() -> None:
    clock = clock_settings(boards.load_board("nucleo_f429zi"))
    assert (clock.pll_m, clock.pll_n, clock.pll_p, clock.pll_q) == (4, 180, 2, 8)
    assert (clock.console_hz, clock.flash_wait_states) == (45_000_000, 5)
    assert clock.over_drive


def test_stm32f4discovery_runs_at_168_mhz_without_over_drive() -> None:
    clock = clock_settings(boards.load_board("stm32f4discovery"))
    assert (clock.pll_m, clock.pll_n, clock.pll_p, clock.pll_q) == (4, 168, 2, 7)
    assert (clock.console_hz, clock.flash_wait_states) == (42_000_000, 5)
    assert not clock.over_drive
    assert clock.prefetch_broken_revision == "0x1000u"


def test_f7_boards_run_at_216_mhz_in_over_drive() -> None:
    factors = {"nucleo_f746zg": (4, 216), "nucleo_f767zi": (4, 216), "stm32f746g_disco": (25, 432)}
    consoles = {"nucleo_f746zg": 54, "nucleo_f767zi": 54, "stm32f746g_disco": 108}
    for name, (m, n) in factors.items():
        clock = clock_settings(boards.load_board(name))
        assert (clock.pll_m, clock.pll_n, clock.pll_p, clock.pll_q) == (m, n, 2, 9)
        assert (clock.ppre1, clock.ppre2) == (5, 4)
        assert clock.console_hz == consoles[name] * 1_000_000
        assert clock.flash_wait_states == 7
        assert clock.over_drive


def test_f7_enters_over_drive_only_beyond_180_mhz() -> None:
    board = dataclasses.replace(boards.load_board("nucleo_f767zi"), clock_hz=180_000_000)
    clock = clock_settings(board)
    assert (clock.over_drive, clock.flash_wait_states, clock.pll_n) == (False, 5, 180)


def without_crystal(name: str) -> boards.Board:
    return dataclasses.replace(boards.load_board(name), crystal_hz=0, crystal_bypass=False)


def test_without_a_crystal_the_internal_oscillator_feeds_the_pll() -> None:
    clock = clock_settings(without_crystal("nucleo_f446re"))
    assert (clock.pll_source, clock.has_crystal) == ("HSI", False)
    assert (clock.pll_m, clock.pll_n, clock.pll_p) == (8, 180, 2)  # 16 MHz / 8 * 180 / 2
    assert clock.summary.startswith("16 MHz internal oscillator / 8 * 180 / 2 = 180 MHz")
    clock = clock_settings(without_crystal("nucleo_h743zi2"))
    assert (clock.pll_source, clock.has_crystal) == ("HSI", False)
    assert (clock.pll_m, clock.pll_n, clock.pll_p) == (4, 50, 2)  # 64 MHz / 4 * 50 / 2


MAIN_PLL_MHZ = [
    *(("nucleo_f401re", mhz) for mhz in (48, 72, 84)),
    *(("nucleo_f411re", mhz) for mhz in (48, 72, 84, 96, 100)),
    *(("nucleo_f446re", mhz) for mhz in (48, 72, 84, 96, 100, 120, 150, 168, 180)),
    *(("nucleo_f767zi", mhz) for mhz in (48, 96, 108, 180, 200, 216)),
]


@pytest.mark.parametrize(("name", "core_mhz"), MAIN_PLL_MHZ)
@pytest.mark.parametrize("crystal_mhz", [4, 8, 12, 16, 20, 24, 25, 26])
def test_settings_keep_the_limits_of_the_chip(name: str, core_mhz: int, crystal_mhz: int) -> None:
    board = dataclasses.replace(
        boards.load_board(name),
        crystal_hz=crystal_mhz * 1_000_000,
        clock_hz=core_mhz * 1_000_000,
    )
    facts, clock = board.chip.clock, clock_settings(board)
    pll_input_hz = board.crystal_hz / clock.pll_m
    vco_hz = pll_input_hz * clock.pll_n
    assert vco_hz / clock.pll_p == board.clock_hz
    assert facts.pll_input_min_hz <= pll_input_hz <= facts.pll_input_max_hz
    assert facts.pll_vco_min_hz <= vco_hz <= facts.pll_vco_max_hz
    assert facts.pll_n_min <= clock.pll_n <= 432
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


def test_nucleo_h7a3zi_q_runs_at_280_mhz_from_the_switching_regulator() -> None:
    board = boards.load_board("nucleo_h7a3zi_q")
    clock = clock_settings(board)
    assert (clock.pll_m, clock.pll_n, clock.pll_p) == (1, 70, 2)
    assert clock.pll_input_range == 3  # 8 to 16 MHz
    assert (clock.hpre, clock.ppre) == (0, 4)  # 280 and 140 MHz
    assert clock.console_hz == 140_000_000
    assert (clock.flash_wait_states, clock.flash_programming_delay) == (6, 3)
    assert clock.supply_bit == "SMPSEN"
    assert clock_settings(dataclasses.replace(board, supply="ldo")).supply_bit == "LDOEN"


H7_CORES_MHZ = [
    *(("nucleo_h743zi2", mhz) for mhz in (64, 100, 140, 185, 200, 280, 370, 400)),
    *(("nucleo_h7a3zi_q", mhz) for mhz in (50, 80, 100, 140, 150, 200, 250, 280)),
]


@pytest.mark.parametrize("crystal_mhz", [4, 8, 16, 24, 25])
@pytest.mark.parametrize(("name", "core_mhz"), H7_CORES_MHZ)
def test_h7_settings_keep_the_limits_of_the_chip(
    name: str, core_mhz: int, crystal_mhz: int
) -> None:
    board = dataclasses.replace(
        boards.load_board(name),
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


# crystal (0: none) -> predivider, multiplier, its code, divider; PPRE1; console clock; wait states.
MULTIPLIER_PLLS = [
    ("bluepill_f103c8", 8, 72, (1, 9, 7, 1), 4, 72, 2),  # USART1 is on APB2
    ("bluepill_f103c8", 16, 72, (2, 9, 7, 1), 4, 72, 2),
    ("nucleo_f030r8", 8, 48, (1, 6, 4, 1), 0, 48, 1),
    ("nucleo_f030r8", 0, 48, (2, 12, 10, 1), 0, 48, 1),
    ("nucleo_f030r8", 8, 24, (1, 3, 1, 1), 0, 24, 0),
    ("nucleo_f072rb", 8, 48, (1, 6, 4, 1), 0, 48, 1),
    ("nucleo_f072rb", 0, 48, (1, 6, 4, 1), 0, 48, 1),
    ("nucleo_f103rb", 8, 72, (1, 9, 7, 1), 4, 36, 2),
    ("nucleo_f103rb", 0, 64, (2, 16, 14, 1), 4, 32, 2),
    ("nucleo_f303re", 8, 72, (1, 9, 7, 1), 4, 36, 2),
    ("nucleo_f303re", 0, 72, (1, 9, 7, 1), 4, 36, 2),
    ("nucleo_l053r8", 0, 32, (1, 4, 1, 2), 0, 32, 1),
    ("nucleo_l053r8", 8, 32, (1, 8, 3, 2), 0, 32, 1),
    ("nucleo_l152re", 0, 32, (1, 4, 1, 2), 0, 32, 1),
    ("nucleo_l152re", 24, 32, (1, 4, 1, 3), 0, 32, 1),
    ("nucleo_l152re", 8, 16, (1, 4, 1, 2), 0, 16, 0),
]


@pytest.mark.parametrize(
    ("name", "crystal_mhz", "core_mhz", "pll", "ppre1", "console_mhz", "wait_states"),
    MULTIPLIER_PLLS,
)
def test_settings_of_a_multiplier_pll(
    name: str,
    crystal_mhz: int,
    core_mhz: int,
    pll: tuple[int, int, int, int],
    ppre1: int,
    console_mhz: int,
    wait_states: int,
) -> None:
    board = dataclasses.replace(
        boards.load_board(name),
        crystal_hz=crystal_mhz * 1_000_000,
        clock_hz=core_mhz * 1_000_000,
    )
    clock = clock_settings(board)
    factors = clock.pll_predivider, clock.pll_multiplier, clock.pll_multiplier_field
    assert (*factors, clock.pll_divider) == pll
    assert (clock.ppre1, clock.ppre2) == (ppre1, 0)
    assert clock.console_hz == console_mhz * 1_000_000
    assert clock.flash_wait_states == wait_states
    assert clock.oscillator == ("HSE" if crystal_mhz else "HSI")
    assert clock.half_of_internal == (pll[0] == 2 and not crystal_mhz)


@pytest.mark.parametrize(
    "name",
    ["nucleo_f030r8", "nucleo_f072rb", "nucleo_f103rb", "nucleo_f303re", "nucleo_l053r8"],
)
@pytest.mark.parametrize("crystal_mhz", [0, 4, 8, 12, 16, 24])
def test_settings_of_a_multiplier_pll_keep_the_limits_of_the_chip(
    name: str, crystal_mhz: int
) -> None:
    board = dataclasses.replace(boards.load_board(name), crystal_hz=crystal_mhz * 1_000_000)
    facts, reached = board.chip.clock, 0
    for core_mhz in range(1, board.chip.max_clock_hz // 1_000_000 + 1):
        asked = dataclasses.replace(board, clock_hz=core_mhz * 1_000_000)
        try:
            clock = clock_settings(asked)
        except BoardError:
            continue
        reached += 1
        pll_input_hz = (board.crystal_hz or facts.internal_hz) / clock.pll_predivider
        vco_hz = pll_input_hz * clock.pll_multiplier
        assert vco_hz / clock.pll_divider == asked.clock_hz
        assert facts.pll_input_min_hz <= pll_input_hz <= facts.pll_input_max_hz
        assert facts.pll_vco_min_hz <= vco_hz <= facts.pll_vco_max_hz
        assert asked.clock_hz / clock.apb1_divider <= facts.apb1_max_hz
        assert asked.clock_hz / clock.apb2_divider <= facts.apb2_max_hz
        assert asked.clock_hz <= (clock.flash_wait_states + 1) * facts.flash_hz_per_wait_state
    assert reached > 1


@pytest.mark.parametrize("name", boards.list_boards())
def test_the_baud_rate_is_met_on_both_clocks(name: str) -> None:
    board = boards.load_board(name)
    factor = 256 if board.console.usart.low_power else 1
    for clock_hz in (clock_settings(board).console_hz, board.chip.reset_clock_hz):
        divider = round(clock_hz * factor / board.console.baud)
        assert clock_hz * factor / divider == pytest.approx(board.console.baud, rel=0.012)


@pytest.mark.parametrize("name", ["nucleo_u575zi_q", "b_u585i_iot02a"])
def test_u5_boards_run_at_160_mhz_from_the_internal_oscillator(name: str) -> None:
    clock = clock_settings(boards.load_board(name))
    assert (clock.pll_source, clock.has_crystal) == ("MSIS", False)
    assert (clock.pll_m, clock.pll_n, clock.pll_r) == (1, 80, 2)
    assert clock.pll_input_range == 2  # 4 to 8 MHz
    assert clock.console_hz == 160_000_000
    assert clock.flash_wait_states == 4
    assert (clock.needs_boost, clock.boost_divider, clock.boost_field) == (True, 1, 0)
    assert clock.smps


@pytest.mark.parametrize(("crystal_mhz", "field"), [(0, 0), (4, 0), (16, 0), (32, 1), (48, 2)])
@pytest.mark.parametrize("core_mhz", [32, 48, 64, 80, 96, 160])
def test_u5_settings_keep_the_limits_of_the_chip(
    crystal_mhz: int, field: int, core_mhz: int
) -> None:
    board = dataclasses.replace(
        boards.load_board("nucleo_u575zi_q"),
        crystal_hz=crystal_mhz * 1_000_000,
        clock_hz=core_mhz * 1_000_000,
    )
    facts, clock = board.chip.clock, clock_settings(board)
    source_hz = board.crystal_hz or 4_000_000
    pll_input_hz = source_hz / clock.pll_m
    assert 1 <= clock.pll_m <= 16
    assert 4_000_000 <= pll_input_hz <= 16_000_000
    assert clock.pll_input_range == (3 if pll_input_hz >= 8_000_000 else 2)
    vco_hz = pll_input_hz * clock.pll_n
    assert vco_hz / clock.pll_r == board.clock_hz
    assert facts.pll_vco_min_hz <= vco_hz <= facts.pll_vco_max_hz
    assert clock.needs_boost == (core_mhz > 55)
    assert clock.boost_field == field
    assert 4_000_000 <= source_hz / clock.boost_divider <= 16_000_000
    assert board.clock_hz <= (clock.flash_wait_states + 1) * 32_000_000


def test_nucleo_h563zi_runs_at_250_mhz() -> None:
    board = boards.load_board("nucleo_h563zi")
    clock = clock_settings(board)
    assert (clock.pll_source, clock.pll_m, clock.pll_n, clock.pll_p) == ("HSE", 2, 125, 2)
    assert clock.pll_input_range == 2  # 4 to 8 MHz
    assert clock.console_hz == 250_000_000
    assert (clock.flash_wait_states, clock.flash_programming_delay) == (5, 2)
    slower = clock_settings(dataclasses.replace(board, clock_hz=168_000_000))
    assert (slower.flash_wait_states, slower.flash_programming_delay) == (3, 1)
    without = clock_settings(without_crystal("nucleo_h563zi"))
    assert (without.pll_source, without.pll_m, without.pll_n, without.pll_p) == ("HSI", 8, 125, 2)


@pytest.mark.parametrize("name", boards.list_boards())
def test_unreachable_clock_is_refused(name: str) -> None:
    board = dataclasses.replace(boards.load_board(name), clock_hz=139_999_999)
    with pytest.raises(BoardError, match="no PLL setting gives 139,999,999 Hz"):
        clock_settings(board)
