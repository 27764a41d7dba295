"""Commands and their help texts: parse arguments, call the pipeline, print.

Heavy modules are imported inside the commands, so that `mcu-slm --help` answers at once and needs
no optional package. With `--json` a command prints one JSON object on stdout and nothing else.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from mcu_slm import __version__, options
from mcu_slm.command import app, command, print_json
from mcu_slm.errors import UsageError
from mcu_slm.options import (
    BoardName,
    Bus,
    CompilerName,
    Export,
    Fast,
    Force,
    Hop,
    Json,
    Kernels,
    Optimize,
    ProjectFile,
    RangeG,
    Runs,
    Seed,
    Sensor,
    TflmFolder,
    Without,
)

RUNS = Path("runs")


def main() -> None:
    """Run the command line."""
    app()


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mcu-slm {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


@command
def run(
    project: Annotated[Path | None, typer.Argument(help="Project file mcu_slm.toml.")] = None,
    model: Annotated[
        Path | None, typer.Option("--model", "-m", help="A .tflite from elsewhere instead.")
    ] = None,
    board: BoardName = None,
    runs: Runs = RUNS,
    force: Force = False,
    fast: Fast = False,
    compiler: CompilerName = None,
    kernels: Kernels = None,
    optimize: Optimize = None,
    without: Without = None,
    as_json: Json = False,
) -> None:
    """Go the whole way: train, convert, compile, build, prove, measure."""
    from mcu_slm import boards
    from mcu_slm.pipeline.run_folder import RunFolder
    from mcu_slm.pipeline.whole import run_model, run_project

    if (project is None) == (model is None):
        raise UsageError(
            "mcu-slm run",
            "neither a project nor a model" if project is None else "a project and a model",
            "one of them",
            "Run: mcu-slm run PROJECT.toml, or: mcu-slm run --model FILE.tflite --board NAME",
        )
    with options.reporter(as_json) as reporter:
        arm = options.arm_compiler(compiler)
        if model is not None:
            if board is None:
                raise options.no_board()
            folder = RunFolder(runs / model.stem, reporter, force)
            outcome = run_model(
                model,
                boards.load_board(board),
                folder,
                arm,
                choices=options.chosen(kernels, optimize, without),
            )
        else:
            assert project is not None
            settings = options.project(project, board, fast=fast)
            folder = RunFolder(runs / settings.project.name, reporter, force)
            outcome = run_project(settings, folder, arm, options.chosen(kernels, optimize, without))
    if as_json:
        print_json(outcome.to_json())
        return
    from mcu_slm.console import screen, show_outcome

    show_outcome(screen(), outcome)


@command
def windows(project: ProjectFile, export: Export, as_json: Json = False) -> None:
    """Write a project's windows for another model to answer ([teacher] soft_labels)."""
    from mcu_slm.pipeline.windows import export_windows

    with options.reporter(as_json) as reporter:
        facts = export_windows(options.project(project), export, reporter)
    if as_json:
        print_json(facts)


@command
def train(
    project: ProjectFile,
    runs: Runs = RUNS,
    force: Force = False,
    fast: Fast = False,
    as_json: Json = False,
) -> None:
    """Train teacher and student; continue where an interrupted training stopped."""
    from mcu_slm.pipeline import training
    from mcu_slm.pipeline.run_folder import RunFolder

    settings = options.project(project, fast=fast)
    with options.reporter(as_json) as reporter:
        folder = RunFolder(runs / settings.project.name, reporter, force)
        facts = training.train(settings, training.load_recordings(settings, folder), folder)
    if as_json:
        print_json({"run": str(folder.folder), **facts})


@command
def convert(
    project: Annotated[Path, typer.Argument(help="Project file mcu_slm.toml, after training.")],
    runs: Runs = RUNS,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Write the trained student as a fully INT8 model.tflite."""
    from mcu_slm.files import sha256_file
    from mcu_slm.pipeline import training
    from mcu_slm.pipeline.run_folder import RunFolder

    settings = options.project(project)
    with options.reporter(as_json) as reporter:
        folder = RunFolder(runs / settings.project.name, reporter, force)
        training.convert(settings, training.load_recordings(settings, folder), folder)
    if as_json:
        print_json({"model": str(folder.model), "sha256": sha256_file(folder.model)})


@command
def forecast(
    project: ProjectFile,
    recording: Annotated[Path, typer.Argument(help="What came before: .csv, .parquet or .wav.")],
    steps: Annotated[int, typer.Option("--steps", "-n", min=1, help="Samples to predict.")] = 32,
    runs: Runs = RUNS,
    as_json: Json = False,
) -> None:
    """Print as CSV what a trained token model expects after the end of a recording."""
    from mcu_slm.pipeline.forecasting import forecast_recording
    from mcu_slm.pipeline.run_folder import RunFolder

    settings = options.project(project)
    with options.reporter(True) as reporter:  # the table is all that goes to stdout
        folder = RunFolder(runs / settings.project.name, reporter, False)
        found = forecast_recording(settings, folder, recording, steps)
    if as_json:
        print_json({"channels": found.channels, "samples": found.rows})
        return
    typer.echo(found.csv(), nl=False)


@command
def firmware(
    model: Annotated[Path, typer.Argument(help="A .tflite file, a run folder or a project file.")],
    board: BoardName = None,
    form: Annotated[
        str,
        typer.Option(
            "--as",
            help="project (bare metal, for a board), or without one: library, cmake, platformio, "
            "zephyr, arduino, cubemx.",
        ),
    ] = "project",
    core: Annotated[
        str | None,
        typer.Option("--core", help="Without a board: the core to choose kernels for."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder, not for a run's own project.")
    ] = None,
    runtime: Annotated[
        str,
        typer.Option("--runtime", help="generated (C per layer) or tflm (its interpreter)."),
    ] = "generated",
    tflm_dir: TflmFolder = None,
    arena_bytes: Annotated[
        int | None,
        typer.Option("--arena-bytes", min=16, help="The interpreter's arena; else measured."),
    ] = None,
    runs: Runs = RUNS,
    force: Force = False,
    kernels: Kernels = None,
    optimize: Optimize = None,
    without: Without = None,
    sensor: Sensor = None,
    hop: Hop = None,
    range_g: RangeG = 4,
    bus: Bus = "",
    as_json: Json = False,
) -> None:
    """Generate the firmware project around a model, or the model as a library."""
    from mcu_slm import boards
    from mcu_slm.firmware import find_tflm_folder
    from mcu_slm.pipeline.forms import write_form
    from mcu_slm.pipeline.interpreter import write_interpreter_project
    from mcu_slm.pipeline.targets import open_target

    choices = options.chosen(kernels, optimize, without)
    if runtime != "generated":
        with options.reporter(as_json) as reporter:
            if runtime != "tflm" or form != "project":
                raise UsageError(
                    "--runtime", f"{runtime} as {form}", "generated, or tflm as project"
                )
            find_tflm_folder(tflm_dir)  # without it nothing could be built
            opened = open_target(model, board, runs, reporter, force)
            project = write_interpreter_project(opened, out, arena_bytes)
        if as_json:
            print_json({"project": str(project.folder), "kept": project.kept})
        return
    if form == "project":
        for name, value, remedy in (
            ("--core", core, "Leave it out: the board says which core it has."),
            ("--out", out, "A project lies in its run's folder: choose that with --runs."),
        ):
            if value is not None:
                raise UsageError(name, "given for a project", "a form without a board", remedy)
        with options.reporter(as_json) as reporter:
            target = open_target(model, board, runs, reporter, force)
            kept = target.generate(choices, options.sensor(sensor, hop, range_g, bus))
        if as_json:
            print_json({"project": str(target.run.firmware), "kept": kept})
            return
        for path in kept:
            typer.echo(f"kept your file {path}")
        return
    found = boards.load_board(board) if board else None
    with options.reporter(as_json) as reporter:
        target = open_target(model, None, runs, reporter, force)
        written = write_form(target, form, core, found, out, choices)
    if as_json:
        print_json({"folder": str(written.folder), "form": form, "written": written.written})


@command
def build(
    target: Annotated[Path, typer.Argument(help="A run folder or a firmware project.")],
    preset: Annotated[
        str, typer.Option("--preset", help="Debug, Release or MinSizeRel.")
    ] = "Release",
    compiler: CompilerName = None,
    nested: Annotated[
        bool,
        typer.Option("--nested-interrupts", help="Your interrupts have different priorities."),
    ] = False,
    tflm_dir: TflmFolder = None,
    as_json: Json = False,
) -> None:
    """Build a firmware project; only what changed is compiled. It fits the board, or fails."""
    from mcu_slm.firmware import build as build_project
    from mcu_slm.firmware import find_tflm, project_board
    from mcu_slm.pipeline.evidence import EVIDENCE

    project = target / "firmware" if (target / EVIDENCE).is_file() else target
    arm = options.arm_compiler(compiler)
    board = project_board(project)
    tree = find_tflm(tflm_dir) if tflm_dir else None
    result = build_project(project, board, preset, arm, interrupts_nest=nested, tflm=tree)
    if as_json:
        print_json({**result.to_json(), "elf": str(result.elf), "bin": str(result.bin)})
        return
    for line in result.lines():
        typer.echo(line)


@command
def verify(
    target: Annotated[Path, typer.Argument(help="A .tflite file, a run folder or a project file.")],
    board: BoardName = None,
    legs: Annotated[
        str | None, typer.Option("--legs", help="Comma-separated: tflm,numpy,host,sim,litert.")
    ] = None,
    inputs: Annotated[
        Path | None, typer.Option("--inputs", help="int8 windows in an .npy file.")
    ] = None,
    random: Annotated[
        int | None, typer.Option("--random", min=1, help="Number of random windows.")
    ] = None,
    code: Annotated[
        Path | None, typer.Option("--code", help="Prove this folder of generated C.")
    ] = None,
    seed: Seed = 1,
    runs: Runs = RUNS,
    as_json: Json = False,
) -> None:
    """Prove that every leg gives the judge's bytes; exit code 1 where one differs."""
    from mcu_slm.pipeline.targets import open_target, prove

    with options.reporter(as_json) as reporter:
        opened = open_target(target, board, runs, reporter, force=False)
        wanted = None if legs is None else tuple(leg.strip() for leg in legs.split(","))
        proof = prove(opened, wanted, inputs, random, seed, code)
    if as_json:
        results = {leg.leg: leg.to_json() for leg in proof.legs}
        fields = {"model": str(opened.path), "sha256": opened.model.sha256}
        print_json({**fields, "complete": proof.complete, "legs": results})
    else:
        from mcu_slm.console import leg_table, screen

        screen().print(leg_table(proof.legs))
    if proof.differs:
        raise typer.Exit(1)


@command
def bench(
    target: Annotated[Path, typer.Argument(help="A .tflite file or a run folder.")],
    board: BoardName = None,
    compiler: CompilerName = None,
    kernels: Kernels = None,
    optimize: Optimize = None,
    without: Without = None,
    runs: Runs = RUNS,
    as_json: Json = False,
) -> None:
    """Measure one inference of the firmware on the board simulator, layer by layer."""
    from mcu_slm.pipeline.targets import measure_target, open_target

    with options.reporter(as_json) as reporter:
        opened = open_target(target, board, runs, reporter, force=False)
        facts = measure_target(
            opened, options.arm_compiler(compiler), options.chosen(kernels, optimize, without)
        )
    if as_json:
        print_json(facts)
        return
    from mcu_slm.console import WIDTH_OF_COSTS, cost_table, screen

    screen(WIDTH_OF_COSTS).print(cost_table(facts))


@command
def simulate(
    board: Annotated[str, typer.Argument(help="A board, or that of the firmware's project.")],
    elf: Annotated[Path, typer.Argument(help="The firmware.")],
    tcp: Annotated[
        int, typer.Option("--tcp", min=0, max=65535, help="TCP port of the board's UART.")
    ] = 5555,
) -> None:
    """Run a firmware on the board simulator and serve its UART on TCP, until Ctrl-C."""
    from mcu_slm.firmware import board_of_elf
    from mcu_slm.simulator.board import BoardSimulator
    from mcu_slm.simulator.server import serve_tcp

    simulator = BoardSimulator(board_of_elf(board, elf), elf)

    def ready(port: int) -> None:
        typer.echo(f"{board} runs; its UART is at socket://127.0.0.1:{port} (Ctrl-C ends)")
        typer.echo("Simulated: the firmware's cycle counter counts executed instructions.")

    try:
        serve_tcp(simulator, "127.0.0.1", tcp, ready=ready)
    except KeyboardInterrupt:
        typer.echo("")


@command
def flash(
    target: Annotated[Path, typer.Argument(help="A run folder, or an .elf inside one.")],
    board: BoardName = None,
    method: Annotated[
        str, typer.Option("--method", help="swd (debug probe) or uart (ST boot loader).")
    ] = "swd",
    port: Annotated[
        str | None, typer.Option("--port", help="Serial port for --method uart.")
    ] = None,
    probe: Annotated[
        str | None, typer.Option("--probe", help="Part of the debug probe's id.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, touch nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Flash a proven firmware: erase, write, read back. An unproven image is refused."""
    from mcu_slm import boards
    from mcu_slm.device import flash as flash_device
    from mcu_slm.firmware import project_board
    from mcu_slm.pipeline.gate import find_run, require_proof

    folder, elf = find_run(target)
    require_proof(folder, elf)
    chosen = boards.load_board(board) if board else project_board(folder / "firmware")
    with options.reporter(as_json) as reporter:
        report = flash_device(
            elf,
            chosen,
            method=cast(Any, method),  # checked there, with a message
            port=port,
            probe=probe,
            dry_run=dry_run,
            progress=lambda step, share: reporter.step(step, 100 * share, 100),
        )
    if as_json:
        print_json(
            {"dry_run": dry_run, "board": chosen.name, "elf": str(elf), "lines": report.lines()}
        )
        return
    for line in report.lines():
        typer.echo(line)


@command
def monitor(
    port: Annotated[str | None, typer.Option("--port", help="Device or pyserial URL.")] = None,
    baud: Annotated[int, typer.Option("--baud", min=1, help="Baud rate.")] = 115200,
    period_ms: Annotated[
        int | None,
        typer.Option(
            "--period-ms",
            min=0,
            max=65535,
            help="Shortest time between predictions; by default each window of a sensor that "
            "samples, and one a second of a stand-in.",
        ),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option("--seconds", min=0.0, help="Stop after this time.")
    ] = None,
    elf: Annotated[
        Path | None,
        typer.Option("--elf", help="The firmware's ELF file, to name function and line of faults."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
) -> None:
    """Show a board's predictions as they come, until Ctrl-C."""
    from mcu_slm.device import choose_port
    from mcu_slm.device import monitor as watch

    url = choose_port(port)
    try:
        for event in watch(url, baud=baud, period_ms=period_ms, seconds=seconds, elf=elf):
            if as_json:
                fields = (
                    *("kind", "seconds", "text", "label", "scores"),
                    *("value", "unit", "alarm", "rate_hz", "cycles"),
                )
                typer.echo(json.dumps({name: getattr(event, name) for name in fields}))
            else:
                typer.echo(f"{event.seconds:8.2f} s  {event.text}")
            sys.stdout.flush()
    except KeyboardInterrupt:
        typer.echo("")


@command
def schema() -> None:
    """Print the JSON schema of project files, for editors: every key, explained."""
    from mcu_slm.config import json_schema

    print_json(json_schema())


@command
def ops(as_json: Json = False) -> None:
    """List the operators: element types, kernels, and what is refused and why."""
    from mcu_slm import listings

    typer.echo(listings.operators(as_json=as_json))


# Their place in the help is behind the commands above.
from mcu_slm import cli_boards, cli_models  # noqa: E402, F401
