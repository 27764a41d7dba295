"""Boards whose PLL multiplies by a listed factor: what start-up leaves in the registers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mcu_slm import boards, protocol
from mcu_slm.firmware import build, generate
from mcu_slm.protocol import Client
from tests.firmware.conftest import STANDIN

pytest.importorskip("unicorn")
from mcu_slm.simulator import BoardSimulator

pytestmark = [pytest.mark.emulator, pytest.mark.usefixtures("core_clock")]


@pytest.fixture(scope="module")
def booted(tmp_path_factory: pytest.TempPathFactory, known):
    """Boot the project of a board; each is built once."""
    elves: dict[str, Path] = {}

    def start(name: str) -> tuple[BoardSimulator, Client]:
        board = boards.load_board(name)
        if name not in elves:
            out = tmp_path_factory.mktemp("booted")
            generate(STANDIN, board, *known, out, "demo")
            elves[name] = build(out, board, "Release").elf
        simulator = BoardSimulator(board, elves[name])
        return simulator, Client(simulator.port)

    return start


@pytest.mark.parametrize(
    ("name", "cfgr", "value"),
    [
        ("nucleo_f030r8", 0x4002_1004, 0x0011_000A),  # HSE / 1 * 6
        ("nucleo_f072rb", 0x4002_1004, 0x0011_000A),
        ("bluepill_f103c8", 0x4002_1004, 0x001D_040A),  # HSE * 9, APB1 halved
        ("nucleo_f103rb", 0x4002_1004, 0x001D_040A),
        ("nucleo_f303re", 0x4002_1004, 0x001D_040A),
        ("nucleo_l053r8", 0x4002_100C, 0x0044_000F),  # HSI16 * 4 / 2
        ("nucleo_l152re", 0x4002_3808, 0x0044_000F),
    ],
)
def test_clock_configuration_is_that_of_the_manual(
    booted, name: str, cfgr: int, value: int
) -> None:
    simulator, client = booted(name)
    client.hello()
    assert simulator._peripherals.read(cfgr, 4) == value


@pytest.mark.parametrize(
    ("name", "changes", "cfgr", "value"),
    [
        ("nucleo_f030r8", {"crystal_hz": 0}, 0x4002_1004, 0x0028_000A),  # HSI / 2 * 12
        ("nucleo_f072rb", {"crystal_hz": 0}, 0x4002_1004, 0x0010_800A),  # HSI / 1 * 6
        ("nucleo_f103rb", {"crystal_hz": 0, "clock_hz": 64_000_000}, 0x4002_1004, 0x0038_040A),
        ("bluepill_f103c8", {"crystal_hz": 16_000_000}, 0x4002_1004, 0x001F_040A),  # PLLXTPRE
        ("nucleo_f303re", {"crystal_hz": 0}, 0x4002_1004, 0x001C_840A),
        ("nucleo_l053r8", {"crystal_hz": 8_000_000}, 0x4002_100C, 0x004D_000F),  # HSE * 8 / 2
        ("nucleo_l152re", {"crystal_hz": 8_000_000}, 0x4002_3808, 0x004D_000F),
    ],
)
def test_another_oscillator_feeds_the_pll(
    make_project, name: str, changes: dict[str, int], cfgr: int, value: int
) -> None:
    facts = replace(boards.load_board(name), crystal_bypass=False, **changes)
    simulator = BoardSimulator(facts, build(make_project(facts).folder, facts, "Debug").elf)
    info = Client(simulator.port).info()
    assert info.clock_state == protocol.ClockState.FULL_SPEED
    assert info.core_clock_hz == facts.clock_hz
    assert simulator._peripherals.read(cfgr, 4) == value
    assert simulator.unmodelled == {}


def test_the_pins_of_an_f1_are_set_its_own_way(booted) -> None:
    simulator, client = booted("nucleo_f103rb")
    client.hello()
    gpio_a = 0x4001_0800
    crl, odr = simulator._peripherals.read(gpio_a, 4), simulator._peripherals.read(gpio_a + 12, 4)
    assert crl >> 8 & 15 == 0x9  # PA2, TX: alternate function, push-pull, 10 MHz
    assert crl >> 12 & 15 == 0x8  # PA3, RX: input, pulled ...
    assert odr >> 3 & 1  # ... up
    assert crl >> 20 & 15 == 0x2  # PA5, LED: output, 2 MHz
    assert odr >> 5 & 1  # lit: the self-test passed


@pytest.mark.parametrize(
    ("name", "freeze", "bit", "clock"),
    [
        ("nucleo_f072rb", 0x4001_5808, 12, 0x4002_1018),  # DBGMCU has a clock bit in APB2ENR
        ("nucleo_f103rb", 0xE004_2004, 8, None),
        ("nucleo_f303re", 0xE004_2008, 12, None),
        ("nucleo_l053r8", 0x4001_5808, 12, 0x4002_1034),
        ("nucleo_l152re", 0xE004_2008, 12, None),
    ],
)
def test_the_watchdog_stands_still_at_a_breakpoint(
    booted, name: str, freeze: int, bit: int, clock: int | None
) -> None:
    simulator, client = booted(name)
    client.hello()
    registers = simulator._core.system if freeze >> 28 == 0xE else simulator._peripherals
    assert registers.read(freeze, 4) == 1 << bit
    if clock is not None:
        assert simulator._peripherals.read(clock, 4) >> 22 & 1
