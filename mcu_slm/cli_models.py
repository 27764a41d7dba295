"""Commands about one model file: compile it, check it, make it out of a Keras model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mcu_slm import options
from mcu_slm.command import command, print_json
from mcu_slm.options import BoardName, Json, Kernels, Optimize, Overwrite, Without


@command
def compile(
    model: Annotated[Path, typer.Argument(help="A fully INT8 .tflite file.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the generated C.")],
    kernels: Kernels = None,
    optimize: Optimize = None,
    without: Without = None,
    board: BoardName = None,
    force: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Compile a flatbuffer to C files that any project can add.

    Without --board the kernels are those that every core runs; with one they use what it has.
    """
    from mcu_slm import boards
    from mcu_slm.compile import budget_of, compile_model
    from mcu_slm.pipeline.deployment import read_model

    source = read_model(model)
    choices = options.choices(kernels, optimize, without)
    found = boards.load_board(board) if board else None
    core = found.chip.core if found else None
    family = choices.family(core)
    compiled = compile_model(
        *(source.graph, source.raw, out, family, choices.optimize, core),
        without=choices.without,
        budget=budget_of(found) if found else None,
        force=force,
    )
    sizes = ("arena_bytes", "state_bytes", "weight_bytes", "spent_weight_bytes", "table_bytes")
    names = ("model_sha256", "kernel_family", "optimize", *sizes, "macs", "sources")
    facts = {name: getattr(compiled, name) for name in names}
    if as_json:
        print_json({"out": str(out), **facts})
        return
    more = compiled.spent_weight_bytes
    spent = f" ({more:,} of them for speed)" if more else ""
    typer.echo(f"{len(compiled.files)} files in {out}, {family} kernels")
    typer.echo(
        f"arena {compiled.arena_bytes:,} bytes, state {compiled.state_bytes:,}, weights "
        f"{compiled.weight_bytes:,}{spent}, tables "
        f"{compiled.table_bytes:,}, {compiled.macs:,} multiply-accumulates"
    )


@command
def check(
    model: Annotated[Path, typer.Argument(help="A .tflite file from anywhere.")],
    as_json: Json = False,
) -> None:
    """Check a .tflite file, structure and meaning, before anything native reads it."""
    from mcu_slm.pipeline.check import check_file

    checked = check_file(model)
    if as_json:
        print_json(checked.to_json())
        return
    for line in checked.lines():
        typer.echo(line)


@command
def quantize(
    model: Annotated[Path, typer.Argument(help="A .keras file or the folder of a SavedModel.")],
    data: Annotated[
        Path,
        typer.Option("--data", help="Windows as in training: .npz, .npy, or a project file .toml."),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The .tflite file to write.")],
    windows: Annotated[
        int, typer.Option("--windows", min=1, help="Windows to calibrate on, drawn evenly.")
    ] = 256,
    array: Annotated[
        str | None, typer.Option("--array", help="Array of the .npz; else the first that fits.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Convert a Keras model to a fully INT8 .tflite with TensorFlow's own converter."""
    from mcu_slm.pipeline.quantization import quantize_file

    with options.reporter(as_json) as reporter:
        written = quantize_file(model, data, out, windows, array, reporter)
    if as_json:
        print_json(written.to_json())
        return
    for line in written.lines():
        typer.echo(line)
