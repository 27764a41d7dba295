"""Every board: built with a compiler and a preset, booted, asked. `make boards` builds all of them.

A board has six builds. Here each takes its turn with one, so that compilers, presets and cores meet
in all ways; MCU_SLM_EVERY_BUILD=1 makes all six.
"""

from __future__ import annotations

import itertools
import os

import pytest

from mcu_slm import boards, protocol
from mcu_slm.errors import ToolError
from mcu_slm.firmware import build
from mcu_slm.firmware.contexts import PRESETS
from mcu_slm.protocol import Client
from mcu_slm.toolchain import find_arm_compiler

pytest.importorskip("unicorn")
from mcu_slm.simulator import BoardSimulator

pytestmark = [pytest.mark.emulator, pytest.mark.usefixtures("core_clock")]

_BUILDS = tuple(itertools.product(("gcc", "zig"), PRESETS))
_TURNS = [
    (board, *_BUILDS[(number + turn) % len(_BUILDS)])
    for number, board in enumerate(boards.list_boards())
    for turn in (range(len(_BUILDS)) if os.environ.get("MCU_SLM_EVERY_BUILD") else (0,))
]


@pytest.mark.parametrize(("name", "compiler", "preset"), _TURNS, ids="-".join)
def test_board_boots_passes_its_self_test_and_serves(
    make_project, known, name: str, compiler: str, preset: str
) -> None:
    board = boards.load_board(name)
    try:
        arm = find_arm_compiler(compiler)
    except ToolError as error:
        pytest.skip(f"not run: {error}")
    elf = build(make_project(board).folder, board, preset, arm).elf
    simulator = BoardSimulator(board, elf)
    client = Client(simulator.port)
    boot = next(iter(client.events(1.0)))
    assert isinstance(boot, protocol.Boot)
    assert boot.self_test_passed
    info = client.info()
    assert info.core_clock_hz == board.clock_hz
    assert info.clock_state == protocol.ClockState.FULL_SPEED
    for inputs, outputs in zip(*known, strict=True):
        assert client.infer(inputs).output.tolist() == outputs.tolist()
    stats = client.stats()
    assert 64 < stats.stack_used_bytes < stats.stack_reserved_bytes == board.stack_bytes
    assert simulator.unmodelled == {}
