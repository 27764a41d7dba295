"""From a model to one of the forms that need no board: compile, find known answers, write."""

from __future__ import annotations

import tempfile
from pathlib import Path

from mcu_slm.boards import Board
from mcu_slm.compile import Choices, budget_of, compile_model
from mcu_slm.errors import UsageError
from mcu_slm.firmware import GeneratedForm, generate_form
from mcu_slm.pipeline import deployment, whole
from mcu_slm.pipeline.targets import Target
from mcu_slm.toolchain import CORES


def write_form(
    target: Target,
    form: str,
    core: str | None = None,
    board: Board | None = None,
    out: Path | None = None,
    choices: Choices | None = None,
) -> GeneratedForm:
    """Write a model as a library of some kind, by default beside the run's firmware project.

    Kernels are portable ones, or those for the `core` or the `board` where one is named. What was
    chosen for the target's firmware project does not count here.

    Raises:
        UsageError: No such form or core, a core and a board, or edited files in the folder.
    """
    core = _core_of(board, core)
    chosen = choices or Choices()
    run, model = target.run, target.model
    folder = out or run.folder / form
    run.reporter.start("firmware", f"compiling to C, writing it as {form}")
    with tempfile.TemporaryDirectory(prefix="mcu-slm-form-") as name:
        staging = Path(name)
        compiled = compile_model(
            *(model.graph, model.raw, staging, chosen.family(core), chosen.optimize, core),
            without=chosen.without,
            budget=budget_of(board) if board else None,
        )
        windows = whole.run_windows(run, model)
        known, answers = deployment.known_answers(run, model, windows, compiled)
        title = deployment.project_name(run.name)
        written = generate_form(
            *(staging, form, known, answers, folder, title, core), force=run.force
        )
    run.reporter.finish("firmware", f"{form} in {folder}", skipped=not written.written)
    return written


def _core_of(board: Board | None, core: str | None) -> str | None:
    if core is None:
        return board.chip.core if board else None
    if board is not None:
        raise UsageError("--core", f"{core}, and the board {board.name}", "one of both")
    if core not in CORES:
        raise UsageError("--core", f"{core!r}", f"one of {', '.join(CORES)}")
    return core
