"""The whole board: boot with endless ready-polls, serial port, reset, time."""

from __future__ import annotations

import pytest

from mcu_slm.errors import BoardError, DeviceError, McuSlmError
from mcu_slm.simulator import BoardSimulator

pytestmark = pytest.mark.emulator

VARIANTS = {"interrupts": (), "no tick": ("NO_TICK",), "polled": ("POLLED",)}
FRAME = bytes(range(256)) * 4 + bytes(128)


@pytest.fixture(params=VARIANTS)
def echo(request, board, build_firmware):
    simulator = BoardSimulator(board, build_firmware("echo.c", *VARIANTS[request.param]))
    simulator.port.timeout = 5.0
    assert simulator.port.read(6) == b"READY\n"
    return simulator


def ask(simulator, data):
    simulator.port.write(len(data).to_bytes(2, "little") + data)
    return simulator.port.read(len(data))


def test_it_boots_and_answers(echo):
    assert ask(echo, FRAME) == bytes((value + 1) & 0xFF for value in FRAME)
    assert echo.unmodelled == {}


def test_a_slow_reader_loses_no_byte(board, build_firmware):
    simulator = BoardSimulator(board, build_firmware("echo.c"))
    ask(simulator, FRAME)
    assert simulator.read_memory(simulator.symbol("lost"), 4) == bytes(4)


def test_two_runs_are_equal(board, build_firmware):
    def run():
        simulator = BoardSimulator(board, build_firmware("echo.c"))
        simulator.port.timeout = 5.0
        return simulator.port.read(6), ask(simulator, FRAME[:100]), simulator.instructions

    assert run() == run()


def test_reading_from_a_board_that_waits_returns_early(echo, core_clock):
    echo.port.timeout = 1.0
    begin = core_clock.now
    assert echo.port.read(1) == b""
    assert core_clock.now - begin < 0.1  # although a second may have passed on the board


def test_run_returns_when_the_board_waits(echo):
    assert echo.run(seconds=5.0)
    assert not echo.run(until=lambda s: s.port.buffered > 0, seconds=0.05)


def test_software_reset_boots_again(echo):
    before = echo.instructions
    echo.port.write(b"\xff\xff")
    assert echo.port.read(6) == b"READY\n"
    assert echo.instructions > before


def test_reset_from_outside_boots_again(echo):
    echo.reset()
    assert echo.port.read(6) == b"READY\n"


def test_a_dead_crystal_is_noticed_by_the_firmware(board, build_firmware):
    simulator = BoardSimulator(board, build_firmware("echo.c"), crystal_fails=True)
    assert simulator.port.read(6) == b"READY\n"
    assert simulator.read_memory(simulator.symbol("results"), 1) == b"\x01"


def test_board_time_goes_on_while_waiting(echo):
    before = echo.board_seconds
    echo.port.timeout = 0.25
    echo.port.read(1)
    if echo.image.path and "SysTick_Handler" in echo.image.symbols:
        passed = echo.board_seconds - before
        assert passed == pytest.approx(0.25, abs=0.01) or passed < 0.01  # without SysTick: at once


def test_unmodelled_registers_are_listed_with_their_place(board, build_firmware):
    simulator = BoardSimulator(board, build_firmware("touch.c"))
    simulator.run()
    assert simulator.unmodelled.keys() == {0x40010000, 0x40004414}
    assert "main" in simulator.unmodelled[0x40010000]
    assert simulator.unmodelled[0x40004414] == "USART2 with DMA"


def test_memory_that_firmware_did_not_write_is_not_zero(board, build_firmware):
    simulator = BoardSimulator(board, build_firmware("touch.c"))
    assert simulator.read_memory(board.chip.ram.base, 4) != bytes(4)


def test_reading_where_nothing_is_names_the_address(board, build_firmware):
    simulator = BoardSimulator(board, build_firmware("touch.c"))
    with pytest.raises(DeviceError, match=r"0x60000000.*no memory"):
        simulator.read_memory(0x60000000, 4)


def test_code_for_another_chip_is_refused(board, build_firmware):
    import dataclasses

    flash = dataclasses.replace(board.chip.flash, base=0x00400000)
    memories = (flash, *(m for m in board.chip.memories if m.kind != "flash"))
    other = dataclasses.replace(board, chip=dataclasses.replace(board.chip, memories=memories))
    with pytest.raises(McuSlmError, match="bytes for address 0x0800"):
        BoardSimulator(other, build_firmware("touch.c"))


def test_an_unknown_core_is_named(board, build_firmware):
    import dataclasses

    chip = dataclasses.replace(board.chip, core="cortex-x1")
    other = dataclasses.replace(board, chip=chip)
    with pytest.raises(BoardError, match="cortex-x1"):
        BoardSimulator(other, build_firmware("touch.c"))


def test_a_closed_port_refuses(echo):
    echo.port.close()
    assert not echo.port.is_open
    with pytest.raises(OSError, match="closed"):
        echo.port.read(1)


def test_looking_for_bytes_lets_the_board_run(board, build_firmware):
    simulator = BoardSimulator(board, build_firmware("echo.c"))
    assert any(simulator.port.in_waiting for _ in range(100))


def test_until_is_asked_after_each_byte(echo):
    echo.port.write(b"\x04\x00abcd")
    assert echo.run(until=lambda s: s.port.buffered == 2)
    assert echo.port.take() == b"bc"


def test_the_input_buffer_can_be_emptied(echo):
    echo.port.write(b"\x02\x00ab")
    echo.run()
    echo.port.reset_input_buffer()
    assert echo.port.buffered == 0
    assert ask(echo, b"x") == b"y"
