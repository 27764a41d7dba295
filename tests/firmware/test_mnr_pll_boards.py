"""Boards whose PLL drives the core by its output R: what start-up leaves in the registers."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from mcu_slm import boards, protocol
from mcu_slm.boards.clocks import MnrPllFacts
from mcu_slm.firmware import build
from mcu_slm.protocol import Client

pytest.importorskip("unicorn")
from mcu_slm.simulator import BoardSimulator

pytestmark = [pytest.mark.emulator, pytest.mark.usefixtures("core_clock")]

NAMES = [
    name
    for name in boards.list_boards()
    if isinstance(boards.load_board(name).chip.clock, MnrPllFacts)
]
# By hand from the manuals: PLLCFGR, CFGR, FLASH_ACR; [address, value] beside them.
REGISTERS = {
    "b_l475e_iot01a": (0x0100_0A02, 0x0F, 0x704, []),
    "nucleo_g071rb": (0x3000_0802, 0x12, 0x4_0702, []),
    "nucleo_g474re": (0x0100_5553, 0x0F, 0x4_0704, [(0x4000_7080, 0)]),  # CR5: boost
    "nucleo_l432kc": (0x0100_0A02, 0x0F, 0x704, []),
    "nucleo_l476rg": (0x0100_0A02, 0x0F, 0x704, []),
    "nucleo_l4r5zi": (0x0100_1E12, 0x0F, 0x705, [(0x4000_7080, 0), (0x4000_7004, 0x200)]),
    "nucleo_l552ze_q": (
        0x0100_3701,
        0x0F,
        0x05,
        [(0x4000_7000, 0), (0x4000_7004, 0x200), (0x4003_0400, 0x05)],  # range 0, IOSV, ICACHE
    ),
    "nucleo_wb55rg": (0x3000_0813, 0x7_000F, 0x703, [(0x5800_0108, 0x3_0080)]),  # C2HPRE
    "nucleo_wl55jc": (0x3000_0602, 0x7_000F, 0x702, []),
}
# What else can feed the PLL: changes of the board, PLLCFGR.
OTHER_SOURCES = [
    ("nucleo_g071rb", {"crystal_hz": 8_000_000}, 0x3000_1003),
    ("nucleo_g474re", {"crystal_hz": 0, "clock_hz": 150_000_000}, 0x0100_4B32),
    ("nucleo_l476rg", {"crystal_hz": 8_000_000}, 0x0100_1403),
    ("nucleo_l552ze_q", {"crystal_hz": 16_000_000, "clock_hz": 80_000_000}, 0x0100_1413),
    ("nucleo_wb55rg", {"crystal_hz": 0, "clock_hz": 32_000_000}, 0x5000_0602),
    ("nucleo_wl55jc", {"crystal_hz": 32_000_000}, 0x3000_0613),
]


@pytest.fixture(scope="module")
def elves(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {}


def boot(make_project, elves: dict[str, Path], board: boards.Board, **options):
    """Boot a board; its project is built once."""
    key = f"{board.name} {board.crystal_hz} {board.crystal_bypass} {board.clock_hz}"
    if key not in elves:
        elves[key] = build(make_project(board).folder, board, "Release").elf
    simulator = BoardSimulator(board, elves[key], **options)
    return simulator, Client(simulator.port)


def register(simulator: BoardSimulator, block: str, offset: int) -> int:
    family = simulator.board.chip.family
    return simulator._peripherals.read(family.place(f"{block}+0x{offset:02X}").address, 4)


@pytest.mark.parametrize("name", NAMES)
def test_clock_registers_are_those_of_the_manual(make_project, elves, name: str) -> None:
    pllcfgr, cfgr, acr, others = REGISTERS[name]
    simulator, client = boot(make_project, elves, boards.load_board(name))
    assert client.info().clock_state == protocol.ClockState.FULL_SPEED
    assert register(simulator, "RCC", 0x0C) == pllcfgr
    assert register(simulator, "RCC", 0x08) == cfgr
    assert register(simulator, "FLASH", 0x00) == acr
    for address, value in others:
        assert simulator._peripherals.read(address, 4) == value


@pytest.mark.parametrize("bypass", [False, True])
@pytest.mark.parametrize(("name", "changes", "pllcfgr"), OTHER_SOURCES)
def test_another_source_may_feed_the_pll(
    make_project, elves, name: str, changes: dict[str, int], pllcfgr: int, bypass: bool
) -> None:
    board = dataclasses.replace(boards.load_board(name), crystal_bypass=bypass, **changes)
    simulator, client = boot(make_project, elves, board)
    info = client.info()
    assert info.clock_state == protocol.ClockState.FULL_SPEED
    assert info.core_clock_hz == board.clock_hz
    assert register(simulator, "RCC", 0x0C) == pllcfgr
    assert simulator.unmodelled == {}


@pytest.mark.parametrize("name", NAMES)
def test_a_pll_that_never_locks_leaves_the_reset_clock(make_project, elves, name: str) -> None:
    board = boards.load_board(name)
    family = board.chip.family
    ready = tuple(flag for flag in family.ready if flag.flag != "RCC+0x00:25")
    assert len(ready) == len(family.ready) - 1
    chip = dataclasses.replace(board.chip, family=dataclasses.replace(family, ready=ready))
    simulator, client = boot(make_project, elves, dataclasses.replace(board, chip=chip))
    info = client.info()
    assert info.clock_state == protocol.ClockState.RESET_CLOCK
    assert info.core_clock_hz == board.chip.reset_clock_hz
    assert client.self_test().passed
    assert register(simulator, "RCC", 0x00) >> 24 & 1 == 0  # the PLL is off again


@pytest.mark.parametrize("name", NAMES)
def test_the_watchdog_stands_still_at_a_breakpoint(make_project, elves, name: str) -> None:
    board = boards.load_board(name)
    freeze = {"stm32g0": 0x4001_5808, "stm32l5": 0xE004_4008}.get(board.chip.family.name)
    if freeze is None:
        has_two_cores = board.chip.family.name in ("stm32wb", "stm32wl")
        freeze = 0xE004_203C if has_two_cores else 0xE004_2008
    simulator, client = boot(make_project, elves, board)
    client.hello()
    registers = simulator._core.system if freeze >> 28 == 0xE else simulator._peripherals
    assert registers.read(freeze, 4) == 1 << 12
    if board.chip.family.name == "stm32g0":
        assert register(simulator, "RCC", 0x3C) >> 27 & 1  # the debug unit has its clock


def test_a_debug_probe_finds_the_id_of_the_chip_where_the_family_has_it() -> None:
    elsewhere = {"nucleo_g071rb": 0x4001_5800, "nucleo_l552ze_q": 0xE004_4000}
    for name in NAMES:
        idcode = boards.load_board(name).chip.family.idcode
        assert idcode == elsewhere.get(name, 0xE004_2000)


@pytest.mark.parametrize("name", NAMES)
def test_console_pins_get_their_functions(make_project, elves, name: str) -> None:
    board = boards.load_board(name)
    simulator, client = boot(make_project, elves, board)
    client.hello()
    console = board.console
    for pin, function in (
        (console.tx_pin, console.alternate_function),
        (console.rx_pin, console.rx_alternate_function),
    ):
        port = board.chip.family.gpio.base + 0x400 * (ord(pin[1]) - ord("A"))
        number = int(pin[2:])
        mode = simulator._peripherals.read(port, 4)
        high_low = simulator._peripherals.read(port + 0x20 + number // 8 * 4, 4)
        assert mode >> 2 * number & 3 == 2
        assert high_low >> number % 8 * 4 & 15 == function
