"""From a model to a firmware project around TensorFlow Lite Micro's interpreter."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from mcu_slm import tflite
from mcu_slm.arena_report import arena_bytes
from mcu_slm.compile import compile_for_interpreter
from mcu_slm.firmware import FirmwareProject, generate
from mcu_slm.pipeline import deployment, whole
from mcu_slm.pipeline.targets import Target

FOLDER: Final = "tflm"
_MEASURED: Final = (
    "What the interpreter took on the machine that generated this, with reference kernels."
)
_GIVEN: Final = "As --arena-bytes said."


def write_interpreter_project(
    target: Target, out: Path | None = None, arena: int | None = None
) -> FirmwareProject:
    """Write a board's project that runs the model in the interpreter, beside the run's own.

    Raises:
        UsageError: No board, or edited files in the folder.
        UnsupportedOperatorError: More than one input or output, or one that is not int8.
        ToolError: The interpreter is not installed here, and no size of the arena was given.
    """
    board = target.require_board()
    run, model = target.run, target.model
    folder = out or run.folder / FOLDER
    run.reporter.start("firmware", f"generating the project for {board.name} around TFLM")
    size = arena_bytes(model.raw) if arena is None else arena
    # The interpreter reads the file as it is, constants not folded.
    operators = {node.op for node in tflite.read_model(model.raw).nodes}
    with tempfile.TemporaryDirectory(prefix="mcu-slm-tflm-") as name:
        compiled = compile_for_interpreter(
            *(model.graph, model.raw, Path(name), operators, size),
            _MEASURED if arena is None else _GIVEN,
        )
        windows = whole.run_windows(run, model)
        known, answers = deployment.known_answers(run, model, windows, compiled)
        title = deployment.project_name(run.name)
        project = generate(*(Path(name), board, known, answers, folder, title), force=run.force)
    run.reporter.finish("firmware", f"project in {folder}, arena {size:,} bytes")
    return project
