"""Every board: built with a compiler and a preset, booted, asked. `make boards` builds all of them.

A board has six builds. Here each takes its turn with one, so that compilers, presets and cores meet
in all ways; MCU_SLM_EVERY_BUILD=1 makes all six.
"""

from __future__ import annotations

import itertools
import os
from dataclasses import replace
from pathlib import Path

import pytest

from mcu_slm import boards, protocol
from mcu_slm.boards.families import ReadyFlag
from mcu_slm.errors import ToolError
from mcu_slm.firmware import build, generate
from mcu_slm.firmware.tool_contexts import PRESETS
from mcu_slm.protocol import Client
from mcu_slm.toolchain import find_arm_compiler
from tests.firmware.conftest import STANDIN

pytest.importorskip("unicorn")
from mcu_slm.simulator import BoardSimulator

pytestmark = [pytest.mark.emulator, pytest.mark.usefixtures("core_clock")]

_BUILDS = tuple(itertools.product(("gcc", "zig"), PRESETS))
_TURNS = [
    (board, *_BUILDS[(number + turn) % len(_BUILDS)])
    for number, board in enumerate(boards.list_boards())
    for turn in (range(len(_BUILDS)) if os.environ.get("MCU_SLM_EVERY_BUILD") else (0,))
]


_turns = pytest.mark.parametrize(("name", "compiler", "preset"), _TURNS)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, known):
    """Return a board and its firmware; each is built once."""
    elves: dict[tuple[str, ...], Path] = {}

    def build_once(name: str, compiler: str, preset: str) -> tuple[boards.Board, Path]:
        board, key = boards.load_board(name), (name, compiler, preset)
        if key not in elves:
            try:
                arm = find_arm_compiler(compiler)
            except ToolError as error:
                pytest.skip(f"not run: {error}")
            out = tmp_path_factory.mktemp(name)
            generate(STANDIN, board, *known, out, "demo")
            elves[key] = build(out, board, preset, arm).elf
        return board, elves[key]

    return build_once


@_turns
def test_board_boots_passes_its_self_test_and_serves(
    built, known, name: str, compiler: str, preset: str
) -> None:
    board, elf = built(name, compiler, preset)
    simulator = BoardSimulator(board, elf)
    client = Client(simulator.port)
    boot = next(event for event in client.events(1.0) if isinstance(event, protocol.Boot))
    assert boot.self_test_passed
    info = client.info()
    assert info.core_clock_hz == board.clock_hz
    assert info.clock_state == protocol.ClockState.FULL_SPEED
    for inputs, outputs in zip(*known, strict=True):
        assert client.infer(inputs).output.tolist() == outputs.tolist()
    stats = client.stats()
    assert 64 < stats.stack_used_bytes < stats.stack_reserved_bytes == board.stack_bytes
    assert simulator.unmodelled == {}


@_turns
@pytest.mark.parametrize("silent", ["source", "everything"])
def test_board_answers_on_the_reset_clock_where_the_clocks_do_not_start(
    built, name: str, compiler: str, preset: str, silent: str
) -> None:
    """A dead crystal, or a PLL that never runs where there is none; or no ready bit at all."""
    board, elf = built(name, compiler, preset)
    family = board.chip.family
    ready = tuple(flag for flag in family.ready if not _starts_the_clock(board, flag))
    assert len(ready) < len(family.ready)
    dead = replace(family, ready=() if silent == "everything" else ready)
    simulator = BoardSimulator(replace(board, chip=replace(board.chip, family=dead)), elf)
    client = Client(simulator.port)
    info = client.info()
    assert info.clock_state == protocol.ClockState.RESET_CLOCK
    assert info.core_clock_hz == board.chip.reset_clock_hz
    assert client.start().unique_id == ""
    assert client.self_test().passed
    assert simulator.unmodelled == {}


def _starts_the_clock(board: boards.Board, flag: ReadyFlag) -> bool:
    return flag.crystal if board.crystal_hz else flag.flag == "RCC+0x00:25"  # PLLRDY
