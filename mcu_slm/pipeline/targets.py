"""What a user may point `verify`, `bench` and `firmware` at.

A flatbuffer, a run folder, a project file.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mcu_slm import boards
from mcu_slm.boards import Board
from mcu_slm.compile import Choices, compile_model
from mcu_slm.config import load_project
from mcu_slm.errors import UsageError
from mcu_slm.files import sha256_bytes
from mcu_slm.firmware import SensorChoice
from mcu_slm.manifest import load_compiled
from mcu_slm.pipeline import deployment, whole
from mcu_slm.pipeline.deployment import Model, Windows
from mcu_slm.pipeline.evidence import EVIDENCE
from mcu_slm.pipeline.run_folder import Reporter, RunFolder
from mcu_slm.toolchain import ArmCompiler
from mcu_slm.verify import Proof, Subject, load_windows, run_legs


@dataclass(frozen=True, eq=False)
class Target:
    """A model in its run folder; `board` is None where none was named and none is recorded."""

    path: Path
    run: RunFolder
    model: Model
    board: Board | None

    def generate(
        self, choices: Choices | None = None, sensor: SensorChoice | None = None
    ) -> tuple[str, ...]:
        """Write the firmware project; return the user's files that were kept."""
        board = self.require_board()
        whole.choose(self.run, choices)
        whole.choose_sensor(self.run, sensor)
        return deployment.firmware(
            self.run, self.model, board, whole.run_windows(self.run, self.model)
        )

    def require_board(self) -> Board:
        """Return the board.

        Raises:
            UsageError: None is known.
        """
        if self.board is None:
            names = ", ".join(boards.list_boards())
            raise UsageError(
                "--board", "no board was named", f"one of {names}", "Add: --board NAME"
            )
        return self.board


def open_target(
    path: Path, board_name: str | None, runs: Path, reporter: Reporter, force: bool
) -> Target:
    """Open what a path means.

    A run folder, a project file's run, or a flatbuffer (with a run folder of its own).

    Raises:
        UsageError: No such thing, or no run of that project yet.
        ModelError: Not a sound model.
        BoardError: No such board.
    """
    if path.suffix == ".toml":
        path = runs / load_project(path).project.name
    board = boards.load_board(board_name) if board_name else None
    if path.is_dir():
        run = RunFolder(path, reporter, force)
        if not (path / EVIDENCE).is_file() or not run.model.is_file():
            raise UsageError(
                str(path), "no run there", "a run folder", "Run: mcu-slm run PROJECT.toml"
            )
        return Target(path, run, deployment.read_model(run.model), board or _recorded_board(run))
    model = deployment.read_model(path)
    run = _run_of(path, model, board, runs, reporter, force)
    return Target(path, run, model, board)


def _run_of(
    path: Path, model: Model, board: Board | None, runs: Path, reporter: Reporter, force: bool
) -> RunFolder:
    """Return the run folder of a flatbuffer.

    The folder named like the file, when it holds this very model (its generated code, edited or
    not, is then what gets proved); a folder with the hash in its name when another model or board
    lives there.
    """
    run = RunFolder(runs / path.stem, reporter, force)
    same_model = not run.model.is_file() or run.model.read_bytes() == model.raw
    recorded = run.evidence.fields.get("settings", {}).get("board")
    same_board = board is None or recorded in (None, board.name)
    if same_model and same_board:
        return run
    suffix = sha256_bytes(model.raw)[:8] + (f"-{board.name}" if board else "")
    return RunFolder(runs / f"{path.stem}-{suffix}", reporter, force)


def _recorded_board(run: RunFolder) -> Board | None:
    name = run.evidence.fields.get("settings", {}).get("board")
    return boards.load_board(name) if isinstance(name, str) else None


def prove(
    target: Target,
    legs: tuple[str, ...] | None,
    inputs: Path | None,
    count: int | None,
    seed: int,
    code: Path | None,
) -> Proof:
    """Prove a target on its own windows, on given ones (`inputs`) or on `count` random ones.

    With a board the firmware is generated and built as needed; without one the generated C alone is
    proved, in a temporary folder.
    """
    windows = _windows(target, inputs, count, seed)
    if code is not None or target.board is None:
        return _prove_code(target, legs or ("tflm", "numpy", "host", "litert"), windows, code)
    run = replace(target.run, force=True)  # a proof that is asked for is run, not remembered
    if target.path.is_file():
        whole.adopt_model(target.run, target.path, target.model)
    if not target.run.evidence.fields.get("settings"):
        defaults = (whole.SYNTHETIC_SIM_WINDOWS, whole.SYNTHETIC_WINDOWS, seed)
        whole.remember_settings(target.run, target.board, *defaults)
    deployment.firmware(
        target.run, target.model, target.board, whole.run_windows(target.run, target.model)
    )
    chosen = legs or (whole.PROJECT_LEGS if windows.logits is not None else whole.MODEL_LEGS)
    built = deployment.build(target.run, target.board) if "sim" in chosen else None
    return deployment.verify(run, target.model, windows, chosen, target.board, built)


def _windows(target: Target, inputs: Path | None, count: int | None, seed: int) -> Windows:
    if inputs is not None and count is not None:
        raise UsageError("--inputs and --random", "both were given", "one of them")
    if inputs is not None:
        windows = load_windows(inputs, target.model.graph)
        return Windows(windows, tuple(range(len(windows))))
    if count is not None:
        return deployment.synthetic_windows(target.model, count, count, seed)
    return whole.run_windows(target.run, target.model, seed)


def _prove_code(
    target: Target, legs: tuple[str, ...], windows: Windows, code: Path | None
) -> Proof:
    model = target.model
    target.run.reporter.start(
        "verify", f"{len(windows.windows):,} windows through {', '.join(legs)}"
    )
    with tempfile.TemporaryDirectory(prefix="mcu-slm-verify-") as name:
        folder = code or Path(name) / "code"
        if code is None:
            compile_model(model.graph, model.raw, folder)
        compiled = load_compiled(folder)
        if compiled.model_sha256 != model.sha256:
            raise UsageError(
                f"--code {folder}", "generated from another model", f"{model.sha256[:12]}", ""
            )
        subject = Subject(
            model.graph,
            model.raw,
            windows.windows,
            windows.sim_rows,
            folder,
            compiled,
            Path(name) / "host",
            student_logits=windows.logits,
        )
        return run_legs(subject, legs, target.run.leg_progress())


def measure_target(
    target: Target, compiler: ArmCompiler | None, choices: Choices | None = None
) -> dict[str, Any]:
    """Build a target's firmware and measure one inference."""
    board = target.require_board()
    run = target.run
    if target.path.is_file():
        whole.adopt_model(run, target.path, target.model)
    if not run.evidence.fields.get("settings"):
        whole.remember_settings(run, board, whole.SYNTHETIC_SIM_WINDOWS, whole.SYNTHETIC_WINDOWS, 1)
    whole.choose(run, choices)
    windows = whole.run_windows(run, target.model)
    deployment.firmware(run, target.model, board, windows)
    built = deployment.build(run, board, compiler=compiler)
    return deployment.bench(run, target.model, board, built, windows.windows[0])
