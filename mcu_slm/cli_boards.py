"""Commands about boards: list them, begin the file of another one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mcu_slm.command import command, print_json
from mcu_slm.options import Json


@command
def boards(as_json: Json = False) -> None:
    """List the boards."""
    from mcu_slm import listings

    typer.echo(listings.boards(as_json=as_json))


@command
def new_board(
    name: Annotated[str, typer.Argument(help="Its name, for example my_sensor_node.")],
    chip: Annotated[str, typer.Option("--chip", help="Its chip, for example stm32f446re.")],
    like: Annotated[
        str | None, typer.Option("--like", help="Board to copy; see: mcu-slm boards.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the files.")] = Path(),
    as_json: Json = False,
) -> None:
    """Begin the file of a board of your own from a shipped board.

    The chip's file is written too where there is none. What has to be looked up says TODO.
    """
    from mcu_slm.boards.new import new_board as create

    paths = create(name, chip, like, out)
    if as_json:
        print_json({"files": [str(path) for path in paths]})
        return
    for path in paths:
        typer.echo(f"wrote {path}")
    typer.echo(
        "Correct each fact against the documents, name them, then try the board:\n"
        f"  mcu-slm run --model some.tflite --board {paths[0]}"
    )
