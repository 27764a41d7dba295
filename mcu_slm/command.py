"""The command line's application, and how a function becomes one of its commands."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import typer

from mcu_slm.errors import McuSlmError

P = ParamSpec("P")
R = TypeVar("R")
INTERRUPTED = 130

app = typer.Typer(
    name="mcu-slm",
    help="Tiny sequence models on STM32: from recordings to firmware proven byte for byte.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def command(function: Callable[P, R]) -> Callable[P, R]:
    """Register a command whose errors become one message and an exit code, never a trace."""

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except McuSlmError as error:
            if kwargs.get("as_json"):
                print_json({"error": error.to_json()})
            if error.values.get("diff"):
                typer.echo(error.values["diff"], err=True)
            typer.secho(f"error: {error}", fg=typer.colors.RED, err=True)
            raise typer.Exit(error.exit_code) from error
        except KeyboardInterrupt:
            typer.secho("interrupted; run the same command again to continue", err=True)
            raise typer.Exit(INTERRUPTED) from None

    return app.command()(guarded)


def print_json(value: Any) -> None:
    """Print a value as the one JSON object of a command."""
    typer.echo(json.dumps(value, indent=2, default=str))
