"""The whole way: from a project file, or from somebody else's flatbuffer, to a proven firmware."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mcu_slm import boards
from mcu_slm.boards import Board
from mcu_slm.compile import Choices, recorded_choices
from mcu_slm.config import Project
from mcu_slm.errors import ProofError
from mcu_slm.files import write_atomic
from mcu_slm.firmware import BuildResult, SensorChoice, recorded_sensor
from mcu_slm.pipeline import deployment, training
from mcu_slm.pipeline.deployment import Model, Windows
from mcu_slm.pipeline.report import report_of
from mcu_slm.pipeline.run_folder import RunFolder
from mcu_slm.toolchain import ArmCompiler
from mcu_slm.verify import GATES, Proof

PROJECT_LEGS = ("torch", *GATES, "litert")
MODEL_LEGS = (*GATES, "litert")
SYNTHETIC_WINDOWS = 64
SYNTHETIC_SIM_WINDOWS = 8


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a run gave."""

    run: RunFolder
    board: Board
    proof: Proof
    build: BuildResult
    cost: dict[str, Any]
    training: dict[str, Any] | None

    def to_json(self) -> dict[str, Any]:
        """Return the fields for `--json`."""
        return {
            "run": str(self.run.folder),
            "board": self.board.name,
            "complete": self.proof.complete,
            "int8_accuracy": self.proof.accuracy,
            "training": self.training,
            "cost": self.cost,
            "elf": str(self.build.elf),
            "legs": {leg.leg: leg.to_json() for leg in self.proof.legs},
        }


def run_project(
    project: Project,
    run: RunFolder,
    compiler: ArmCompiler | None = None,
    choices: Choices | None = None,
) -> Outcome:
    """Take a project file the whole way.

    Raises:
        McuSlmError: Whatever a stage raises.
        ProofError: Some byte differs; layer and element are named.
        BudgetError: The model does not fit the project's budget.
    """
    board = boards.load_board(project.board.name)
    settings = project.verify
    seed = project.project.seed
    compiled = project.compile
    wanted = replace(
        choices or Choices(compiled.kernels, compiled.optimize, tuple(compiled.without)),
        flash_bytes=project.budget.flash_bytes,
        ram_bytes=project.budget.ram_bytes,
    )
    firmware = project.firmware
    sensor = SensorChoice(
        firmware.sensor, firmware.hop_samples or 0, firmware.range_g, firmware.bus
    )
    counts = (settings.sim_windows, settings.random_windows)
    remember_settings(run, board, *counts, seed, wanted, sensor)
    recordings = training.load_recordings(project, run)
    facts = training.train(project, recordings, run)
    training.convert(project, recordings, run)
    model = deployment.read_model(run.model)
    windows = run_windows(run, model)
    outcome = deploy(run, model, windows, board, PROJECT_LEGS, compiler, facts)
    deployment.check_budget(outcome.cost, project.budget)
    return outcome


def run_windows(run: RunFolder, model: Model, seed: int | None = None) -> Windows:
    """Return the windows that a run's proof goes through.

    Its test windows, or synthetic ones for a model from elsewhere.
    """
    settings = run.evidence.fields.get("settings", {})
    seed = int(settings.get("seed", 1)) if seed is None else seed
    sim_windows = int(settings.get("sim_windows", SYNTHETIC_SIM_WINDOWS))
    extra = int(settings.get("random_windows", SYNTHETIC_WINDOWS))
    if run.windows.is_file():
        return deployment.test_windows(run, model, sim_windows, extra, seed)
    return deployment.synthetic_windows(model, extra, sim_windows, seed)


def run_model(
    path: Path,
    board: Board,
    run: RunFolder,
    compiler: ArmCompiler | None = None,
    seed: int = 1,
    choices: Choices | None = None,
) -> Outcome:
    """Take a model from elsewhere from its flatbuffer on."""
    model = deployment.read_model(path)
    remember_settings(run, board, SYNTHETIC_SIM_WINDOWS, SYNTHETIC_WINDOWS, seed, choices)
    adopt_model(run, path, model)
    windows = run_windows(run, model)
    return deploy(run, model, windows, board, MODEL_LEGS, compiler)


def adopt_model(run: RunFolder, path: Path, model: Model) -> None:
    """Copy a model from elsewhere into its run folder.

    Windows of another model must not stay beside it.
    """
    if path.resolve() == run.model.resolve():
        return
    if run.model.is_file() and run.model.read_bytes() != model.raw:
        run.windows.unlink(missing_ok=True)
    write_atomic(run.model, model.raw)


def remember_settings(
    run: RunFolder,
    board: Board,
    sim_windows: int,
    random_windows: int,
    seed: int,
    choices: Choices | None = None,
    sensor: SensorChoice | None = None,
) -> None:
    """Keep what `verify` and `flash` need to know when they are given the run folder alone."""
    settings = {
        "board": board.name,
        "sim_windows": sim_windows,
        "random_windows": random_windows,
        "seed": seed,
        "compile": (choices or _recorded_choices(run)).to_json(),
        "sensor": (sensor or _recorded_sensor(run)).to_json(),
    }
    run.evidence.set("settings", settings)


def choose(run: RunFolder, choices: Choices | None) -> None:
    """Keep what a user chose about the generated code; None leaves what was chosen before.

    The project's limits stay.
    """
    settings = run.evidence.fields.get("settings", {})
    if choices is None:
        return
    known = _recorded_choices(run)
    wanted = replace(choices, flash_bytes=known.flash_bytes, ram_bytes=known.ram_bytes)
    if settings.get("compile") != wanted.to_json():
        run.evidence.set("settings", {**settings, "compile": wanted.to_json()})


def choose_sensor(run: RunFolder, sensor: SensorChoice | None) -> None:
    """Keep which sensor a user chose; None leaves what was chosen before."""
    settings = run.evidence.fields.get("settings", {})
    if sensor is not None and settings.get("sensor") != sensor.to_json():
        run.evidence.set("settings", {**settings, "sensor": sensor.to_json()})


def _recorded_sensor(run: RunFolder) -> SensorChoice:
    return recorded_sensor(run.evidence.fields.get("settings", {}).get("sensor"))


def _recorded_choices(run: RunFolder) -> Choices:
    return recorded_choices(run.evidence.fields.get("settings", {}).get("compile"))


def deploy(
    run: RunFolder,
    model: Model,
    windows: Windows,
    board: Board,
    legs: tuple[str, ...],
    compiler: ArmCompiler | None = None,
    training_facts: dict[str, Any] | None = None,
) -> Outcome:
    """Compile, generate, build, prove and measure."""
    deployment.firmware(run, model, board, windows)
    result = deployment.build(run, board, compiler=compiler)
    proof = deployment.verify(run, model, windows, legs, board, result)
    raise_if_different(proof)
    cost = deployment.bench(run, model, board, result, windows.windows[0])
    evidence = run.evidence
    write_atomic(run.report, report_of(run.name, board, evidence))
    return Outcome(run, board, proof, result, cost, training_facts)


def raise_if_different(proof: Proof) -> None:
    """Raise for the first leg whose bytes differ.

    Raises:
        ProofError: Names leg, layer, element and values.
    """
    for leg in proof.legs:
        if leg.status == "differs" and not leg.information:
            raise ProofError(
                f"leg {leg.leg}",
                leg.reason,
                "0 differing bytes",
                "Not verified. If generated code was edited, restore it with --force.",
                leg=leg.leg,
            )
