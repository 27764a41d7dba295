"""Register values of clock trees whose PLL drives the core by its output R."""

from __future__ import annotations

import dataclasses

import pytest

from mcu_slm import boards
from mcu_slm.firmware.clocks import clock_settings

pytestmark = pytest.mark.unit

# source (0: none but the oscillator inside), core clock -> M, N, R; wait states; boost; two steps.
MNR_PLLS = [
    ("b_l475e_iot01a", 0, 80, (1, 10, 2), 4, False, False),
    ("nucleo_g071rb", 0, 64, (1, 8, 2), 2, False, False),
    ("nucleo_g071rb", 8, 16, (1, 12, 6), 0, False, False),
    ("nucleo_g474re", 24, 170, (6, 85, 2), 4, True, True),
    ("nucleo_g474re", 24, 150, (4, 50, 2), 4, False, True),
    ("nucleo_g474re", 0, 80, (2, 20, 2), 2, False, False),
    ("nucleo_l432kc", 0, 80, (1, 10, 2), 4, False, False),
    ("nucleo_l476rg", 8, 48, (1, 12, 2), 2, False, False),
    ("nucleo_l476rg", 8, 16, (1, 8, 4), 0, False, False),
    ("nucleo_l4r5zi", 0, 120, (2, 30, 2), 5, True, True),
    ("nucleo_l4r5zi", 0, 80, (2, 20, 2), 3, False, False),
    ("nucleo_l552ze_q", 0, 110, (1, 55, 2), 5, False, True),
    ("nucleo_l552ze_q", 16, 80, (2, 20, 2), 3, False, False),
    ("nucleo_wb55rg", 32, 64, (2, 8, 2), 3, False, False),
    ("nucleo_wl55jc", 0, 48, (1, 6, 2), 2, False, False),
    ("nucleo_wl55jc", 32, 48, (2, 6, 2), 2, False, False),
]


@pytest.mark.parametrize(
    ("name", "crystal_mhz", "core_mhz", "factors", "wait_states", "boost", "two_steps"), MNR_PLLS
)
def test_settings_of_a_pll_that_drives_the_core_by_r(
    name: str,
    crystal_mhz: int,
    core_mhz: int,
    factors: tuple[int, int, int],
    wait_states: int,
    boost: bool,
    two_steps: bool,
) -> None:
    board = dataclasses.replace(
        boards.load_board(name), crystal_hz=crystal_mhz * 1_000_000, clock_hz=core_mhz * 1_000_000
    )
    clock = clock_settings(board)
    assert (clock.pll_m, clock.pll_n, clock.pll_r) == factors
    assert clock.core_hz == clock.console_hz == board.clock_hz
    assert clock.flash_wait_states == wait_states
    assert (clock.boost, clock.two_steps) == (boost, two_steps)
    assert clock.has_crystal == (crystal_mhz > 0)


def test_only_port_g_needs_vddio2() -> None:
    needing = {name for name, *_ in MNR_PLLS if clock_settings(boards.load_board(name)).uses_vddio2}
    assert needing == {"nucleo_l4r5zi", "nucleo_l552ze_q"}
    board = boards.load_board("nucleo_l4r5zi")
    usart = next(usart for usart in board.chip.usarts if usart.name == "USART1")
    console = boards.Console(usart, "PA9", "PA10", 115_200)
    for pin, uses in (("PC7", False), ("PG1", False), ("PG2", True)):
        led = boards.Led(pin, active_high=True)
        assert (
            clock_settings(dataclasses.replace(board, console=console, led=led)).uses_vddio2 == uses
        )


MNR_CORES_MHZ = [
    *(("nucleo_g071rb", mhz) for mhz in (16, 24, 32, 48, 64)),
    *(("nucleo_g474re", mhz) for mhz in (24, 48, 80, 100, 144, 150, 160, 170)),
    *(("nucleo_l476rg", mhz) for mhz in (16, 24, 32, 40, 48, 64, 80)),
    *(("nucleo_l4r5zi", mhz) for mhz in (20, 48, 80, 96, 100, 120)),
    *(("nucleo_l552ze_q", mhz) for mhz in (24, 48, 64, 80, 96, 110)),
    *(("nucleo_wb55rg", mhz) for mhz in (16, 32, 48, 64)),
    *(("nucleo_wl55jc", mhz) for mhz in (16, 24, 32, 48)),
]


@pytest.mark.parametrize("crystal_mhz", [0, 4, 8, 16, 24, 32, 48])
@pytest.mark.parametrize(("name", "core_mhz"), MNR_CORES_MHZ)
def test_mnr_settings_keep_the_limits_of_the_chip(
    name: str, core_mhz: int, crystal_mhz: int
) -> None:
    board = dataclasses.replace(
        boards.load_board(name), crystal_hz=crystal_mhz * 1_000_000, clock_hz=core_mhz * 1_000_000
    )
    facts, clock = board.chip.clock, clock_settings(board)
    pll_input_hz = (board.crystal_hz or facts.internal_hz) / clock.pll_m
    vco_hz = pll_input_hz * clock.pll_n
    assert vco_hz / clock.pll_r == board.clock_hz
    assert 1 <= clock.pll_m <= facts.pll_m_max
    assert facts.pll_n_min <= clock.pll_n <= facts.pll_n_max
    assert clock.pll_r in facts.pll_r_dividers
    assert facts.pll_input_min_hz <= pll_input_hz <= facts.pll_input_max_hz
    assert facts.pll_vco_min_hz <= vco_hz <= facts.pll_vco_max_hz
    per_wait_state = facts.flash_hz_per_wait_state
    if clock.boost:
        per_wait_state = facts.boost_flash_hz_per_wait_state
    assert 0 <= clock.flash_wait_states * per_wait_state < board.clock_hz
    assert board.clock_hz <= (clock.flash_wait_states + 1) * per_wait_state
