"""What several commands share: options as the command line knows them, and the reporter."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mcu_slm.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcu_slm.compile import Choices
    from mcu_slm.config import Project
    from mcu_slm.firmware import SensorChoice
    from mcu_slm.pipeline.run_folder import Reporter
    from mcu_slm.toolchain import ArmCompiler

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
BoardName = Annotated[
    str | None, typer.Option("--board", "-b", help="A board; see: mcu-slm boards.")
]
ProjectFile = Annotated[Path, typer.Argument(help="Project file mcu_slm.toml.")]
Export = Annotated[Path, typer.Option("--export", help="The .npz file to write.")]
Runs = Annotated[Path, typer.Option("--runs", help="Folder that holds the run folders.")]
Force = Annotated[
    bool, typer.Option("--force", help="Run every stage again; restore edited generated files.")
]
Overwrite = Annotated[
    bool, typer.Option("--force", help="Write over generated files that were edited.")
]
CompilerName = Annotated[str | None, typer.Option("--compiler", help="Arm compiler: gcc or zig.")]
TflmFolder = Annotated[
    Path | None,
    typer.Option("--tflm-dir", help="Checkout of tflite-micro, for --runtime tflm; or TFLM_DIR."),
]
Kernels = Annotated[
    str | None,
    typer.Option("--kernels", help="auto, portable or dsp; auto is what the core can do."),
]
Optimize = Annotated[
    str | None, typer.Option("--optimize", help="What to save: speed, size or ram.")
]
Without = Annotated[
    list[str] | None,
    typer.Option("--without", help="A compiler pass to leave out; may be given several times."),
]
Sensor = Annotated[
    str | None,
    typer.Option(
        "--sensor",
        help="Where windows come from: replay (known inputs), stream (raw counts from the host), "
        "adc, lsm6dso, ism330dhcx, lsm6dsl, lis3dh, mpu6050.",
    ),
]
Hop = Annotated[
    int | None,
    typer.Option("--hop", min=1, help="Samples from one window's start to the next."),
]
RangeG = Annotated[
    int, typer.Option("--range-g", help="Range of an accelerometer: 2, 4, 8 or 16 g.")
]
Bus = Annotated[
    str,
    typer.Option("--bus", help="Bus of an accelerometer: i2c or spi; by default the board's."),
]
Fast = Annotated[
    bool,
    typer.Option("--fast", help="Few epochs and one teacher: to see whether all of it works."),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of random inputs.")]


def choices(kernels: str | None, optimize: str | None, without: list[str] | None) -> Choices:
    """Return how a model becomes C: what a user chose, the defaults for the rest.

    Raises:
        UsageError: No such kernels or pass, or nothing to optimise for of that name.
    """
    from mcu_slm.compile import Choices

    default = Choices()
    named = default.without if without is None else tuple(without)
    return Choices(kernels or default.kernels, optimize or default.optimize, named)


def chosen(kernels: str | None, optimize: str | None, without: list[str] | None) -> Choices | None:
    """Return what a user chose, None for nothing: then what was chosen before stays."""
    return choices(kernels, optimize, without) if kernels or optimize or without else None


def sensor(name: str | None, hop: int | None, range_g: int, bus: str = "") -> SensorChoice | None:
    """Return which sensor a user chose, None for none: then what was chosen before stays.

    Raises:
        UsageError: No such sensor.
    """
    from mcu_slm.firmware import SensorChoice

    for option, is_given in (("--hop", hop is not None), ("--bus", bool(bus))):
        if name is None and is_given:
            raise UsageError(option, "no sensor was named", "a sensor", "Add: --sensor NAME")
    return None if name is None else SensorChoice(name, hop or 0, range_g, bus)


@contextmanager
def reporter(as_json: bool) -> Iterator[Reporter]:
    """Give a reporter that draws on the screen, or a silent one where stdout belongs to JSON."""
    from mcu_slm.pipeline.run_folder import Silence

    if as_json:
        yield Silence()
        return
    from rich.console import Console

    from mcu_slm.console import ScreenReporter

    screen = ScreenReporter(Console(soft_wrap=True))
    try:
        yield screen
    finally:
        screen.close()


def arm_compiler(name: str | None) -> ArmCompiler | None:
    """Return the compiler that a user named, None for whatever is installed."""
    from mcu_slm.toolchain import find_arm_compiler

    return None if name is None else find_arm_compiler(name)


def project(path: Path, board: str | None = None, *, fast: bool = False) -> Project:
    """Return a project file, for another board where one was named, with few epochs if `fast`."""
    from mcu_slm.config import load_project

    found = load_project(path)
    if fast:
        found = found.fast()
    if board is None or board == found.board.name:
        return found
    chosen = found.board.model_copy(update={"name": board})
    return found.model_copy(update={"board": chosen})


def no_board() -> UsageError:
    """Return the error for a command that needs a board and got none."""
    from mcu_slm.boards import list_boards

    return UsageError(
        "--board", "no board was named", f"one of {', '.join(list_boards())}", "Add: --board NAME"
    )
