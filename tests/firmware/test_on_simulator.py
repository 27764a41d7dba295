"""The unmodified firmware on the board simulator: protocol, faults, fallback, the user's seam."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mcu_slm import boards, protocol
from mcu_slm.errors import DeviceError
from mcu_slm.firmware import build, generate
from mcu_slm.protocol import Client, MessageType
from mcu_slm.toolchain import find_arm_compiler
from tests.firmware.conftest import CORE_BOARDS, STANDIN, standin_output

pytest.importorskip("unicorn")
from mcu_slm.simulator import BoardSimulator

pytestmark = [pytest.mark.emulator, pytest.mark.usefixtures("core_clock")]

WITH_CRYSTAL = [name for name in boards.list_boards() if boards.load_board(name).crystal_hz]
FAULTY_SENSOR = """
#include "sensor.h"
int recurse(int depth);
static int (*volatile again)(int) = recurse; /* or the compiler makes a loop of it */
int recurse(int depth)
{{
    volatile uint8_t room[128];
    room[depth & 127] = (uint8_t)depth; /* all of it is needed */
    return depth > 100000 ? 0 : again(depth + 1) + room[depth & 127];
}}
void sensor_start(void)
{{
}}
bool sensor_poll(void)
{{
    return false;
}}
bool sensor_is_healthy(void)
{{
    return true;
}}
bool sensor_read_window(int8_t *window)
{{
    {statement}
    return window != 0;
}}
"""


def connect(project: Path, board: str, compiler=None, **options) -> tuple[BoardSimulator, Client]:
    """Build a project of its own, for tests that change it."""
    facts = boards.load_board(board)
    return boot(facts, build(project, facts, "Release", compiler).elf, **options)


def boot(board: boards.Board, elf: Path, **options) -> tuple[BoardSimulator, Client]:
    simulator = BoardSimulator(board, elf, **options)
    return simulator, Client(simulator.port)


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory, known):
    """Boot the project as generated; each combination is built once."""
    elves: dict[tuple[str, str], Path] = {}

    def start(name: str = "nucleo_f446re", compiler=None, **options):
        board, compiler = boards.load_board(name), compiler or find_arm_compiler()
        key = name, compiler.kind
        if key not in elves:
            out = tmp_path_factory.mktemp("unchanged")
            generate(STANDIN, board, *known, out, "demo")
            elves[key] = build(out, board, "Release", compiler).elf
        return boot(board, elves[key], **options)

    return start


@pytest.mark.parametrize("board", CORE_BOARDS)
def test_board_boots_at_full_speed_and_answers_everything(unchanged, arm, board, known) -> None:
    simulator, client = unchanged(board, arm)
    hello = client.hello()
    assert (hello.board, hello.model_sha256) == (board, bytes(range(1, 33)).hex())
    info = client.info()
    assert info.core_clock_hz == boards.load_board(board).clock_hz
    assert info.clock_state == protocol.ClockState.FULL_SPEED
    assert info.labels == ("still", "walking", "rütteln")
    for inputs, outputs in zip(*known, strict=True):
        answer = client.infer(inputs)
        assert answer.output.tolist() == outputs.tolist()
        assert 0 < answer.cycles < 10_000
    assert client.self_test().vectors == len(known[0])
    stats = client.stats()
    assert (stats.inferences, stats.bad_frames, stats.receive_overruns) == (len(known[0]), 0, 0)
    assert 64 < stats.stack_used_bytes < 1024
    assert stats.stack_reserved_bytes == simulator.board.stack_bytes
    assert stats.last_cycles > 0
    assert simulator.unmodelled == {}


def test_a_cortex_m7_runs_with_both_caches_from_axi_sram(unchanged) -> None:
    simulator, client = unchanged("nucleo_h743zi2")
    client.hello()
    ccr = simulator._core.system.read(0xE000ED14, 4)
    assert ccr >> 16 & 3 == 3  # DC and IC
    assert simulator.symbol("mcu_slm_arena") in range(0x24000000, 0x24080000)
    assert simulator.symbol("_stack_bottom") == 0x24000000
    with pytest.raises(DeviceError, match="there is no memory"):
        simulator.read_memory(0, 4)  # this chip does not show its flash there


@pytest.mark.parametrize("name", ["nucleo_u575zi_q", "nucleo_h563zi"])
def test_a_cortex_m33_runs_with_prefetch_and_cache(unchanged, name: str) -> None:
    simulator, client = unchanged(name)
    client.hello()
    assert simulator._peripherals.read(0x40022000, 4) & 1 << 8  # FLASH_ACR.PRFTEN
    assert simulator._peripherals.read(0x40030400, 4) & 1  # ICACHE_CR.EN
    assert simulator.symbol("_stack_bottom") == 0x20000000
    with pytest.raises(DeviceError, match="there is no memory"):
        simulator.read_memory(0x1FFFFFFC, 4)  # where a stack that runs out arrives


@pytest.mark.parametrize("board", ["stm32f746g_disco", "nucleo_f767zi"])
def test_an_f7_has_its_stack_in_the_dtcm(unchanged, board: str) -> None:
    simulator, client = unchanged(board)
    client.hello()
    assert simulator._peripherals.read(0x40023C00, 4) == 1 << 9 | 1 << 8 | 7  # ART, prefetch
    assert simulator.symbol("_stack_bottom") == 0x20000000
    with pytest.raises(DeviceError, match="there is no memory"):
        simulator.read_memory(0x1FFFFFFC, 4)


@pytest.mark.parametrize(
    ("board", "register", "value"),
    [
        ("nucleo_f401re", 0x40007000, 0x8000),  # PWR_CR: scale 2
        ("nucleo_f429zi", 0x40007000, 0x3C000),  # PWR_CR: scale 1, over-drive
        ("nucleo_h563zi", 0x44020810, 0x30),  # PWR_VOSCR: scale 0
        ("nucleo_h563zi", 0x44020C34, 0x0101_027C),  # PLL1DIVR: N = 125, P = Q = R = 2
        ("nucleo_h7a3zi_q", 0x5802480C, 0x04),  # PWR_CR3: SMPSEN without LDOEN
        ("nucleo_h7a3zi_q", 0x58024818, 0xE000),  # PWR_SRDCR: scale 0, ready
        ("nucleo_u575zi_q", 0x46020808, 0x02),  # PWR_CR3: REGSEL
        ("nucleo_u575zi_q", 0x4602080C, 0x7C000),  # PWR_VOSR: range 1, ready, booster
    ],
)
def test_power_is_set_as_the_manual_says(unchanged, board: str, register: int, value: int) -> None:
    simulator, client = unchanged(board)
    client.hello()
    assert simulator._peripherals.read(register, 4) == value


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("nucleo_f446re", {"crystal_hz": 0}),
        ("nucleo_f767zi", {"crystal_hz": 0}),
        ("nucleo_h563zi", {"crystal_hz": 0}),
        ("nucleo_h743zi2", {"crystal_hz": 0}),
        ("nucleo_h7a3zi_q", {"crystal_hz": 0, "supply": "ldo"}),
        ("nucleo_u575zi_q", {"crystal_hz": 16_000_000, "supply": "ldo"}),
        ("nucleo_u575zi_q", {"crystal_hz": 32_000_000, "crystal_bypass": True}),
        ("nucleo_u575zi_q", {"clock_hz": 48_000_000}),  # too slow for the booster
        ("nucleo_f767zi", {"clock_hz": 180_000_000}),  # too slow for over-drive
    ],
)
def test_other_ways_to_full_speed(make_project, name: str, changes: dict[str, object]) -> None:
    facts = replace(boards.load_board(name), **{"crystal_bypass": False, **changes})
    simulator, client = boot(facts, build(make_project(facts).folder, facts, "Debug").elf)
    info = client.info()
    assert info.clock_state == protocol.ClockState.FULL_SPEED
    assert info.core_clock_hz == facts.clock_hz
    assert simulator.unmodelled == {}


def test_boot_event_comes_first(unchanged) -> None:
    simulator, client = unchanged()
    first = next(iter(client.events(1.0)))
    assert isinstance(first, protocol.Boot)
    assert first.self_test_passed
    assert simulator.board.name == first.hello.board


def test_stream_replays_the_known_inputs(unchanged, known) -> None:
    _, client = unchanged()
    client.stream(True, period_ms=20)
    events = []
    for event in client.events(5.0):
        if isinstance(event, protocol.Prediction):
            events.append(event)
        if len(events) == 7:
            break
    assert [event.index for event in events] == list(range(7))
    expected = [known[1][n % len(known[1])].tolist() for n in range(7)]
    assert [event.output.tolist() for event in events] == expected
    steps = {b.uptime_ms - a.uptime_ms for a, b in itertools.pairwise(events)}
    assert steps <= {20, 21}
    client.stream(False)


@pytest.mark.parametrize("board", CORE_BOARDS)
def test_noise_and_damage_do_not_stop_it(unchanged, board: str) -> None:
    simulator, client = unchanged(board)
    client.hello()
    chance = np.random.default_rng(5)
    damaged = bytearray(protocol.encode_frame(MessageType.INFER, 1, bytes(range(1, 25))))
    damaged[12] ^= 1
    for piece in (
        chance.bytes(200),
        bytes(damaged),
        protocol.encode_frame(MessageType.INFER, 2, bytes(700)),
    ):
        simulator.port.write(piece)
        simulator.run(seconds=1.0)
    list(client.events(0.2))  # refusals of what was no request
    assert client.hello().board == board
    stats = client.stats()
    assert stats.bad_frames >= 2
    assert stats.receive_overruns == 0
    inputs = np.arange(24, dtype=np.int8)
    assert client.infer(inputs).output.tolist() == standin_output(inputs[None])[0].tolist()


def test_wrong_length_is_refused(unchanged) -> None:
    _, client = unchanged()
    with pytest.raises(DeviceError, match="wrong length"):
        client.infer(np.zeros(25, np.int8))


@pytest.mark.parametrize("board", CORE_BOARDS)
def test_reset_boots_again(unchanged, board: str) -> None:
    _, client = unchanged(board)
    client.infer(np.zeros(24, np.int8))
    client.reset()
    boots = [event for event in client.events(0.5) if isinstance(event, protocol.Boot)]
    assert len(boots) == 2
    assert client.stats().inferences == 0


@pytest.mark.parametrize(
    ("statement", "cause"),
    [
        ("window[0] = *(volatile int8_t *)0x60000000;", "PRECISERR"),
        ('__asm volatile("udf #7");', "UNDEFINSTR"),
        ("((void (*)(void))0x08000100u)();", "INVSTATE"),
    ],
)
def test_fault_is_reported_then_the_board_restarts(
    make_project, statement: str, cause: str
) -> None:
    project = make_project().folder
    sensor = project / "src" / "sensor_replay.c"
    sensor.write_text(FAULTY_SENSOR.format(statement=statement))
    simulator, client = connect(project, "nucleo_f446re", on_fault="deliver")
    client.stream(True, period_ms=0)
    events = [event for event in client.events(0.5) if not isinstance(event, protocol.Text)]
    fault = next(event for event in events if isinstance(event, protocol.Fault))
    assert cause in fault.causes
    assert sum(isinstance(event, protocol.Boot) for event in events) == 2
    assert simulator.board.chip.ram.base < fault.sp < simulator.board.chip.ram.end
    assert client.self_test().passed


@pytest.mark.parametrize("board", ["nucleo_f030r8", "nucleo_l053r8"])
@pytest.mark.parametrize(
    "statement",
    [
        "window[0] = *(volatile int8_t *)0x60000000;",
        "*(volatile uint32_t *)(void *)(window + 1) = 0u;",  # Armv6-M: words lie at multiples of 4
    ],
)
def test_a_core_without_fault_registers_reports_the_place(
    make_project, arm, board: str, statement: str
) -> None:
    project = make_project(board).folder
    sensor = project / "src" / "sensor_replay.c"
    sensor.write_text(FAULTY_SENSOR.format(statement=statement))
    simulator, client = connect(project, board, arm, on_fault="deliver")
    client.stream(True, period_ms=0)
    events = [event for event in client.events(0.5) if not isinstance(event, protocol.Text)]
    fault = next(event for event in events if isinstance(event, protocol.Fault))
    assert "sensor_read_window" in str(simulator.symboliser.place(fault.pc))
    assert fault.causes == ()
    assert sum(isinstance(event, protocol.Boot) for event in events) == 2
    assert client.self_test().passed


def test_the_stand_in_sensor_can_be_replaced(make_project, arm) -> None:
    project = make_project().folder
    (project / "src" / "sensor_replay.c").unlink()
    (project / "src" / "imu.c").write_text(
        FAULTY_SENSOR.format(statement="for (int i = 0; i < 24; i++) { window[i] = 3; }")
    )
    assert make_project().deleted == ("src/sensor_replay.c",)
    _, client = connect(project, "nucleo_f446re", arm)
    client.stream(True, period_ms=0)
    predictions = (e for e in client.events(1.0) if isinstance(e, protocol.Prediction))
    expected = standin_output(np.full((1, 24), 3, np.int8))[0]
    assert next(predictions).output.tolist() == expected.tolist()


def test_stack_paint_shows_how_deep_it_went(make_project) -> None:
    project = make_project().folder
    (project / "src" / "sensor_replay.c").write_text(
        FAULTY_SENSOR.format(statement="window[0] = (int8_t)recurse(99990);")
    )
    _, client = connect(project, "nucleo_f446re")
    before = client.stats().stack_used_bytes
    client.stream(True, period_ms=0)
    next(e for e in client.events(2.0) if isinstance(e, protocol.Prediction))
    client.stream(False)
    used = client.stats().stack_used_bytes
    assert before + 1200 < used < 4096


@pytest.mark.parametrize("board", CORE_BOARDS)
def test_stack_overflow_is_reported_and_the_board_restarts(make_project, arm, board: str) -> None:
    project = make_project(board).folder
    sensor = project / "src" / "sensor_replay.c"
    sensor.write_text(FAULTY_SENSOR.format(statement="window[0] = (int8_t)recurse(0);"))
    _, client = connect(project, board, arm, on_fault="deliver")
    client.stream(True, period_ms=0)
    events = list(client.events(0.5))
    fault = next(event for event in events if isinstance(event, protocol.Fault))
    assert fault.sp < boards.load_board(board).chip.ram.base + 512
    assert sum(isinstance(event, protocol.Boot) for event in events) == 2
    assert client.self_test().passed
