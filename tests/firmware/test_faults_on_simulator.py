"""How a run ends and the next begins: fault records, causes of a reset, damaged flash."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest

from mcu_slm import boards, protocol
from mcu_slm.boards.reset import reset_flags_of
from mcu_slm.device import monitor
from mcu_slm.errors import DeviceError
from mcu_slm.firmware import build
from mcu_slm.protocol import Boot, Client, ErrorCode, Fault, ResetCause, Start
from tests.firmware.conftest import CORE_BOARDS, WEIGHTS
from tests.firmware.elf_patch import as_word, patched, with_bit_flipped
from tests.firmware.test_on_simulator import FAULTY_SENSOR, boot

pytest.importorskip("unicorn")
from mcu_slm.simulator import BoardSimulator, factory

pytestmark = [pytest.mark.emulator, pytest.mark.usefixtures("core_clock")]
ARMV6M = ("cortex-m0", "cortex-m0plus")  # these do not say why they faulted
UNDEFINED = '__asm volatile("udf #7");'


def faulty_elf(make_project, board: str, statement: str, compiler=None, preset="Release") -> Path:
    """Build a firmware whose sensor runs a statement when a window is wanted."""
    project = make_project(board).folder
    sensor = project / "src" / "sensor_replay.c"
    sensor.write_text(FAULTY_SENSOR.format(statement=statement))
    return build(project, boards.load_board(board), preset, compiler).elf


def events_after_streaming(client: Client, seconds: float = 0.5) -> list[protocol.Event]:
    client.stream(True, period_ms=0)
    return [event for event in client.events(seconds) if not isinstance(event, protocol.Text)]


@pytest.mark.parametrize("board", CORE_BOARDS)
def test_first_start_is_told_as_power_on_with_the_chips_number(make_project, board: str) -> None:
    facts = boards.load_board(board)
    simulator, client = boot(facts, build(make_project(board).folder, facts).elf)
    start = client.start()
    told = ResetCause.POWER | ResetCause.PIN
    if reset_flags_of(facts.chip.family).flag("brown_out"):
        told |= ResetCause.BROWN_OUT
    assert start.reset_causes == told
    assert start.reset_causes.text == "power-on"
    assert start.unique_id == factory.unique_id(facts.chip.family.unique_id)
    assert start.constants_intact
    assert start.constants_crc32 == zlib.crc32(WEIGHTS.astype(np.int8).tobytes())
    assert start.last_fault is None  # RAM held 0xA5 everywhere
    client.reset()
    starts = [event for event in client.events(0.2) if isinstance(event, Start)]
    assert starts[-1].reset_causes == ResetCause.SOFTWARE | ResetCause.PIN  # flags were cleared
    assert simulator.unmodelled == {}


@pytest.mark.parametrize("board", CORE_BOARDS)
def test_a_fault_is_told_again_after_the_reset_and_then_no_more(make_project, arm, board) -> None:
    elf = faulty_elf(make_project, board, UNDEFINED, arm)
    _, client = boot(boards.load_board(board), elf, on_fault="deliver")
    events = events_after_streaming(client)
    kinds = [type(event) for event in events]
    assert kinds == [Boot, Start, Fault, Boot, Start]
    first, fault, second = events[1], events[2], events[4]
    assert first.last_fault is None
    assert ("UNDEFINSTR" in fault.causes) == (boards.load_board(board).chip.core not in ARMV6M)
    assert second.last_fault == fault
    assert second.reset_causes & ResetCause.SOFTWARE
    assert client.start().last_fault == fault  # as long as this run lasts
    client.reset()
    assert [e.last_fault for e in client.events(0.2) if isinstance(e, Start)] == [None]


@pytest.mark.parametrize("board", CORE_BOARDS)
def test_a_stack_overflow_leaves_its_record(make_project, arm, board: str) -> None:
    elf = faulty_elf(make_project, board, "window[0] = (int8_t)recurse(0);", arm)
    simulator, client = boot(boards.load_board(board), elf, on_fault="deliver")
    events = events_after_streaming(client)
    fault = next(event for event in events if isinstance(event, Fault))
    assert events[-1].last_fault == fault
    assert fault.sp < simulator.board.chip.ram.base + 512
    assert fault.bfar < simulator.board.chip.ram.base
    assert client.self_test().passed


def test_damage_to_the_record_is_noticed(make_project) -> None:
    elf = faulty_elf(make_project, "nucleo_f446re", UNDEFINED)
    simulator, client = boot(boards.load_board("nucleo_f446re"), elf, on_fault="deliver")
    client.stream(True, period_ms=0)
    record = simulator.symbol("kept")
    with simulator.watch_returns({"fault_record_keep": lambda: _flip(simulator, record + 8)}):
        events = list(client.events(0.5))
    assert sum(isinstance(event, Fault) for event in events) == 1
    assert client.start().last_fault is None


def _flip(simulator: BoardSimulator, address: int) -> None:
    byte = simulator.read_memory(address, 1)[0]
    simulator._core.engine.write(address, bytes((byte ^ 1,)))


def test_the_monitor_names_function_and_line(make_project) -> None:
    elf = faulty_elf(make_project, "nucleo_f446re", UNDEFINED, preset="Debug")
    simulator, _ = boot(boards.load_board("nucleo_f446re"), elf, on_fault="deliver")
    lines = {}
    for event in monitor(
        "sim", period_ms=0, seconds=2.0, opener=lambda *_: simulator.port, elf=elf
    ):
        lines.setdefault(event.kind, event.text)
        if event.kind == "start" and "the run before" in event.text:
            lines["again"] = event.text
            break
    place = r"faulted in sensor_read_window at sensor_replay.c:"
    line = 1 + elf.parents[2].joinpath("src/sensor_replay.c").read_text().split(UNDEFINED)[0].count(
        "\n"
    )
    for text in (lines["fault"], lines["again"]):
        assert f"{place}{line}, called from " in text
        assert "UNDEFINSTR" in text
    assert "reset by software" in lines["again"]


@pytest.mark.parametrize("board", CORE_BOARDS)
def test_a_firmware_that_hangs_in_its_sensor_is_restarted(make_project, board: str) -> None:
    statement = 'for (;;) { __asm volatile(""); }'
    elf = faulty_elf(make_project, board, statement)
    simulator, client = boot(boards.load_board(board), elf)
    client.stream(True, period_ms=0)
    began = simulator.board_seconds
    starts: list[Start] = []
    while len(starts) < 2 and simulator.board_seconds < began + 20:
        simulator.run_slice(1.0)
        starts += [event for event in client.events(0.0) if isinstance(event, Start)]
    assert [start.reset_causes.text for start in starts] == [
        "power-on",
        "the watchdog: the firmware hung",
    ]
    # 4096 steps of 64 ticks of 32 kHz after the last feeding.
    assert 8.0 < simulator.board_seconds - began < 10.5
    assert client.stats().uptime_ms < 2000


def test_without_a_watchdog_it_hangs_for_ever(make_project) -> None:
    elf = faulty_elf(
        make_project, "nucleo_f446re", 'for (;;) { __asm volatile(""); }', preset="Debug"
    )
    simulator, client = boot(boards.load_board("nucleo_f446re"), elf)
    client.stream(True, period_ms=0)
    simulator.run_slice(12.0)
    assert sum(isinstance(event, Start) for event in client.events(0.0)) == 1


@pytest.mark.parametrize("board", CORE_BOARDS)
def test_a_flipped_weight_bit_is_told_and_nothing_is_predicted(
    make_project, tmp_path, board: str
) -> None:
    facts = boards.load_board(board)
    elf = build(make_project(board).folder, facts).elf
    change = with_bit_flipped(30, 0)
    damaged = patched(elf, "mcu_slm_standin_weights", change, tmp_path / "damaged.elf")
    _, client = boot(facts, damaged)
    start = client.start()
    assert not start.constants_intact
    weights = change(WEIGHTS.astype(np.int8).tobytes())
    assert start.found_crc32 == zlib.crc32(weights)
    for predict in (lambda: client.infer(np.zeros(24, np.int8)), lambda: client.stream(True)):
        with pytest.raises(DeviceError, match="the weights are damaged") as caught:
            predict()
        assert caught.value.values["code"] == ErrorCode.CONSTANTS_DAMAGED
    assert not any(isinstance(e, protocol.Prediction) for e in client.events(0.2))


def test_damage_that_no_known_answer_shows_is_found_by_the_crc(
    make_project, tmp_path, known
) -> None:
    facts = boards.load_board("nucleo_f446re")
    elf = build(make_project().folder, facts).elf
    raw = WEIGHTS.astype(np.int8).tobytes()
    byte, bit = next((n, b) for n in range(72) for b in range(8) if is_unseen(raw, n, b, known))
    change = with_bit_flipped(byte, bit)
    damaged = patched(elf, "mcu_slm_standin_weights", change, tmp_path / "damaged.elf")
    _, client = boot(facts, damaged)
    result = client.self_test()
    assert (result.passed, result.first_failing_vector) == (False, None)
    with pytest.raises(DeviceError, match="the weights are damaged"):
        client.infer(np.zeros(24, np.int8))
    boots = [event for event in client.events(0.2) if isinstance(event, Boot)]
    assert [event.self_test_passed for event in boots] == [False]


def is_unseen(raw: bytes, byte: int, bit: int, known) -> bool:
    """Whether the stand-in model gives its known answers with this bit flipped."""
    weights = np.frombuffer(with_bit_flipped(byte, bit)(raw), np.int8).reshape(3, 24)
    sums = known[0].astype(np.int32) @ weights.T.astype(np.int32)
    found = np.clip(np.trunc(sums / 256), -128, 127).astype(np.int8)
    return np.array_equal(found, known[1])


def test_a_wrong_known_answer_refuses_to_predict(make_project, tmp_path) -> None:
    facts = boards.load_board("nucleo_f446re")
    elf = build(make_project().folder, facts).elf
    change = with_bit_flipped(30, 7)
    crc32 = zlib.crc32(change(WEIGHTS.astype(np.int8).tobytes()))
    wrong = patched(elf, "mcu_slm_standin_weights", change, tmp_path / "weights.elf")
    # The CRC agrees: only the known answers can notice.
    wrong = patched(wrong, "mcu_slm_model_constants_crc32", as_word(crc32), tmp_path / "both.elf")
    _, client = boot(facts, wrong)
    boots = [event for event in client.events(0.2) if isinstance(event, Boot)]
    assert [event.self_test_passed for event in boots] == [False]
    assert client.start().constants_intact
    for predict in (lambda: client.infer(np.zeros(24, np.int8)), lambda: client.stream(True)):
        with pytest.raises(DeviceError, match="the self-test failed") as caught:
            predict()
        assert caught.value.values["code"] == ErrorCode.SELF_TEST_FAILED
    result = client.self_test()
    assert not result.passed
    assert result.first_failing_element == 1  # the second row of weights
    assert client.stats().inferences == 0
