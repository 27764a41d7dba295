"""A generated project around a hand-written stand-in model, so that no other stage is needed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from mcu_slm import boards, toolchain
from mcu_slm.errors import ToolError
from mcu_slm.firmware import FirmwareProject, generate


def _kind(board: boards.Board) -> tuple[str, str, int]:
    return board.chip.core, board.chip.fpu, board.console.usart.generation


# One board per core and kind of USART, for what does not depend on the family; every board has its
# turn in test_every_board.py.
CORE_BOARDS = sorted(
    {_kind(boards.load_board(name)): name for name in boards.list_boards()}.values()
)
STANDIN = Path(__file__).parent / "standin_model"
WEIGHTS = np.array(
    [
        [(n + 1) * (-1) ** n for n in range(24)],
        [7] * 8 + [-7] * 8 + [7] * 8,
        [100, 0, 0, -100, 0, 0] * 4,
    ]
)


def standin_output(inputs: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """What standin_model/model.c computes. Shapes: int8 [n, 24] -> int8 [n, 3]."""
    sums = inputs.astype(np.int32) @ WEIGHTS.T
    return np.clip(np.trunc(sums / 256), -128, 127).astype(np.int8)


@pytest.fixture(scope="session")
def known() -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int8]]:
    inputs = np.random.default_rng(20).integers(-128, 128, (5, 24)).astype(np.int8)
    inputs[0], inputs[1] = -128, 127
    return inputs, standin_output(inputs)


@pytest.fixture
def make_project(known, tmp_path: Path):
    def make(board="nucleo_f446re", out: Path | None = None, **changes) -> FirmwareProject:
        arguments = {
            "model_dir_source": STANDIN,
            "board": boards.load_board(board) if isinstance(board, str) else board,
            "known_inputs": known[0],
            "known_outputs": known[1],
            "out": out or tmp_path / "project",
            "project_name": "demo",
        }
        return generate(**(arguments | changes))

    return make


@pytest.fixture(params=["gcc", "zig"])
def arm(request: pytest.FixtureRequest) -> toolchain.ArmCompiler:
    try:
        return toolchain.find_arm_compiler(request.param)
    except ToolError as error:
        pytest.skip(str(error))
