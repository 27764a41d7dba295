"""Sources of sensors' buses for every board that says where one is connected: compiled, not linked.

`make boards` (MCU_SLM_EVERY_BUILD=1) compiles them with both compilers.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mcu_slm import boards, tflite
from mcu_slm.compile import compile_model
from mcu_slm.errors import ToolError
from mcu_slm.firmware import SensorChoice, templates
from mcu_slm.firmware.contexts import Subject
from mcu_slm.firmware.sensors import sampling_for
from mcu_slm.metadata import read_info
from mcu_slm.toolchain import WARNING_FLAGS, compile_objects, find_arm_compiler
from tests.answers.models import answering

pytestmark = pytest.mark.emulator

BOARDS = {name: boards.load_board(name) for name in boards.list_boards()}
WIRED = [
    (name, bus)
    for name, board in BOARDS.items()
    for bus, wires in (("i2c", board.i2c), ("spi", board.spi))
    if wires is not None
]
COMPILERS = ("gcc", "zig") if os.environ.get("MCU_SLM_EVERY_BUILD") else ("gcc",)
# Where the firmware's structure has a register: as the family says, whom the simulator believes.
PLACES = """#include <stddef.h>

#include "registers.h"
"""
PLACE = """_Static_assert(offsetof(struct rcc_registers, {register}) == {offset}, "{register}");
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, graph = tmp_path_factory.mktemp("model"), answering("classification")
    compile_model(graph, tflite.write_model(graph), folder)
    return folder


def test_boards_with_a_bus_are_many() -> None:
    assert len(WIRED) > 50
    families = {BOARDS[name].chip.family.name for name, _ in WIRED}
    assert families == {board.chip.family.name for board in BOARDS.values()}


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize(("name", "bus"), WIRED, ids="-".join)
def test_sources_of_the_bus_compile_without_a_warning(
    model: Path, tmp_path: Path, name: str, bus: str, compiler: str
) -> None:
    try:
        arm = find_arm_compiler(compiler)
    except ToolError as error:
        pytest.skip(f"not run: {error}")
    board, info = BOARDS[name], read_info(answering("classification").metadata)
    sampling = sampling_for(SensorChoice("lis3dh", bus=bus), board, model, info)
    subject = Subject(board, "demo", "ab" * 32, ("model.c",), sampling)
    for file in templates.render_all(subject):
        if file.path.startswith("src/"):
            path = tmp_path / file.path
            path.parent.mkdir(exist_ok=True)
            path.write_text(file.text)
    (tmp_path / "src" / "bus_places.c").write_text(places(board))
    sources = sorted([*tmp_path.glob("src/bus_*.c"), *tmp_path.glob("src/spi_*.c")])
    assert len(sources) == (4 if bus == "i2c" else 5)
    flags = (*arm.compile_flags(board.chip.core, board.chip.fpu, "-Os"), *WARNING_FLAGS)
    objects = compile_objects(arm, sources, tmp_path, tmp_path / "build", flags)
    assert all(one.rebuilt for one in objects)


def places(board: boards.Board) -> str:
    """Return C that compiles where RCC and its enable registers lie where the family says."""
    family = board.chip.family
    base = family.place("RCC+0x00").address
    assert family.clock_enables
    lines = [
        PLACE.format(register=enable.register, offset=family.place(enable.place).address - base)
        for enable in family.clock_enables
    ]
    return PLACES + "".join(lines)
