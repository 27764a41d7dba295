"""What a person sees: progress while a run goes on, and the summary at its end.

Never imported where `--json` answers.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from mcu_slm.pipeline.metrics import metric_title, shown_metric
from mcu_slm.pipeline.whole import Outcome

WIDTH_OF_FILES = 160
"""Columns of what is written into a file or a pipe, where nothing says how wide a line may be."""

WIDTH_OF_COSTS = 128
"""Columns that a table of costs takes."""

_LONGEST_NAME = 28

_MARKS = {"ok": "[green]ok[/]", "differs": "[bold red]DIFFERS[/]", "not run": "[yellow]not run[/]"}


def screen(at_least: int = 0) -> Console:
    """Return where results are shown: as wide as the terminal, or wide enough for every table.

    Args:
        at_least: Columns below which a table would lose what it says: a narrower terminal breaks
            its lines instead.
    """
    console = Console()
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = WIDTH_OF_FILES
    console.width = max(console.width, at_least)
    return console


class ScreenReporter:
    """Draws one line per stage, with a bar under it while the stage works."""

    def __init__(self, console: Console) -> None:
        self._console = console
        columns = (
            TextColumn("    [cyan]{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.completed:,.0f}/{task.total:,.0f}"),
            TimeElapsedColumn(),
        )
        self._progress = Progress(
            *columns, console=console, transient=True, disable=not console.is_terminal
        )
        self._task: TaskID | None = None

    def start(self, stage: str, what: str) -> None:
        """Print that a stage begins."""
        self._stop()
        self._console.print(f"[bold]{stage:>9}[/]  {what}", highlight=False)

    def step(self, text: str, done: float, total: float) -> None:
        """Move the bar."""
        if self._task is None:
            self._progress.start()
            self._task = self._progress.add_task(text, total=total)
        self._progress.update(self._task, description=text, completed=done, total=total)

    def finish(self, stage: str, result: str, *, skipped: bool = False) -> None:
        """Print a stage's result."""
        self._stop()
        mark = "[dim]unchanged[/]  " if skipped else ""
        name = stage if skipped else ""
        self._console.print(f"[bold]{name:>9}[/]  {mark}[green]{result}[/]", highlight=False)

    def warn(self, text: str) -> None:
        """Print a warning."""
        self._stop()
        self._console.print(f"{'':>9}  [yellow]warning:[/] {text}", highlight=False)

    def close(self) -> None:
        """Take the bar off the screen."""
        self._stop()

    def _stop(self) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._progress.stop()
            self._task = None


def show_outcome(console: Console, outcome: Outcome) -> None:
    """Print the summary of a whole run."""
    blocks: list[Any] = []
    if outcome.training is not None:
        blocks += [_results(outcome), ""]
    blocks += [_cost(outcome), "", _proof(outcome)]
    title = f"[bold]{outcome.run.name}[/] on {outcome.board.title}"
    console.print(Panel(Group(*blocks), title=title, padding=(1, 2)))
    # Outside the frame and never wrapped, so that paths and commands can be copied.
    for line in (*_files(outcome), "", *_next(outcome)):
        console.print(line, soft_wrap=True, highlight=False)


def _plain_table(*headers: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for index, header in enumerate(headers):
        table.add_column(header, justify="left" if index == 0 else "right")
    return table


def _results(outcome: Outcome) -> Table:
    names = {
        "teacher": "teacher",
        "labels_only": "student, float, labels only",
        "float": "student, float",
        "pruned": "student, pruned",
        "int8_untrained": "student, int8, before training for it",
        "fake_quant": "student, fake-quantised",
        "int8": "student, int8",
    }
    assert outcome.training is not None
    main, parameters = outcome.training["main_metric"], outcome.training["parameters"]
    title = metric_title(main)
    table = _plain_table(title[:1].upper() + title[1:], "validation", "test", "parameters")
    counts = {"teacher": parameters["teacher"], "int8": parameters["deployed"]}
    for stage, splits in outcome.training["metrics"].items():
        count = f"{counts[stage]:,}" if stage in counts else ""
        validation = splits.get("validation")
        seen = shown_metric(main, validation.get(main)) if validation else "learned from"
        table.add_row(
            names.get(stage, stage), seen, shown_metric(main, splits["test"].get(main)), count
        )
    if outcome.proof.accuracy is not None:
        table.add_row("student, int8, by the judge", "", f"{outcome.proof.accuracy:.1%}", "")
    return table


def _cost(outcome: Outcome) -> Table:
    cost, board = outcome.cost, outcome.board
    table = _plain_table("Cost on the board", "used", "available", "")
    flash, ram = board.chip.flash.size_bytes, board.chip.ram.size_bytes
    table.add_row(
        "flash, whole image",
        f"{cost['flash_bytes']:,}",
        f"{flash:,} B",
        _bar(cost["flash_bytes"], flash),
    )
    table.add_row("  weights", f"{cost['weight_bytes']:,}", "", "")
    if cost["spent_weight_bytes"]:
        table.add_row("  of these for speed", f"{cost['spent_weight_bytes']:,}", "", "")
    table.add_row("  code and tables", f"{cost['model_code_bytes']:,}", "", "")
    table.add_row("  for the check at boot", f"{cost['check_bytes']:,}", "", "")
    table.add_row(
        "RAM, whole image", f"{cost['ram_bytes']:,}", f"{ram:,} B", _bar(cost["ram_bytes"], ram)
    )
    table.add_row("  arena", f"{cost['arena_bytes']:,}", "", "")
    table.add_row("  state", f"{cost['state_bytes']:,}", "", "")
    stack = outcome.build.stack_bytes
    table.add_row(
        "stack (simulator)",
        f"{cost['stack_bytes']:,}",
        f"{stack:,} B",
        _bar(cost["stack_bytes"], stack),
    )
    inference = cost["model_stack_bytes"]
    computed = "not known" if inference is None else f"{inference:,}"
    program = cost["program_stack_bytes"]
    table.add_row(
        "  at most (computed)", "not known" if program is None else f"{program:,}", "", ""
    )
    table.add_row("  one inference (computed)", computed, "", "")
    table.add_row("instructions (simulator)", f"{cost['instructions']:,}", "", "")
    cycles, available = cost["estimated_cycles"], cost["available_cycles"]
    if cycles is not None:
        share = ("per window hop", _bar(cycles, available)) if available else ("", "")
        shown = f"{available:,}" if available else ""
        table.add_row("cycles (estimate)", f"{cycles:,}", shown, share[1])
        if cost.get("most_cycles"):
            table.add_row("  if code always waits for flash", f"{cost['most_cycles']:,}", "", "")
        milliseconds = 1000 * cycles / board.clock_hz
        clock = f"at {board.clock_hz / 1e6:.0f} MHz"
        hop = f"{1000 * available / board.clock_hz:,.0f} ms" if available else ""
        table.add_row(f"  time {clock}", f"{milliseconds:.2f} ms", hop, share[0])
    return table


def _bar(used: int, available: int) -> str:
    share = used / available
    filled = min(10, round(10 * share))
    colour = "green" if share < 0.75 else "yellow" if share < 0.95 else "red"
    return f"[{colour}]{'█' * filled}[/][dim]{'░' * (10 - filled)}[/] {share:.0%}"


def _proof(outcome: Outcome) -> Group:
    table = leg_table(outcome.proof.legs)
    if outcome.proof.complete:
        verdict = "[bold green]Verified:[/] this very ELF predicts what the flatbuffer predicts."
    else:
        verdict = "[bold yellow]Not verified:[/] some legs were not run."
    return Group(table, Text.from_markup(verdict))


def leg_table(legs: tuple[Any, ...]) -> Table:
    """Return the legs of a proof as a table."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for header, justify in (
        ("Proof", "left"),
        ("", "left"),
        ("windows", "right"),
        ("bytes", "right"),
    ):
        table.add_column(header, justify=justify)  # type: ignore[arg-type]
    table.add_column("differing", justify="right")
    table.add_column("", overflow="fold")
    for leg in legs:
        mark = "[dim]info[/]" if leg.information else _MARKS[leg.status]
        ran = leg.status != "not run"
        numbers = [f"{n:,}" if ran else "" for n in (leg.windows, leg.bytes, leg.differing)]
        note = _LEG_NOTES[leg.leg] if leg.status == "ok" or leg.information else leg.reason
        table.add_row(leg.leg, mark, *numbers, f"[dim]{note}[/]" if leg.status == "ok" else note)
    return table


_LEG_NOTES = {
    "torch": "the student in PyTorch integers",
    "tflm": "the judge",
    "numpy": "our specification",
    "host": "generated C, here",
    "sim": "this ELF, simulated board",
    "litert": "information, no gate",
}


def _files(outcome: Outcome) -> list[str]:
    run = outcome.run
    paths = (
        ("model", run.model),
        ("generated C", run.code),
        ("firmware project", run.firmware),
        ("image", outcome.build.elf),
        ("report", run.report),
        ("evidence", run.evidence.path),
    )
    return [f"  [dim]{what:17}[/] {_near(path)}" for what, path in paths]


def _next(outcome: Outcome) -> list[str]:
    elf = _near(outcome.build.elf)
    steps = (
        ("flash the board", f"mcu-slm flash {_near(outcome.run.folder)}"),
        ("watch predictions", "mcu-slm monitor"),
        ("no board yet?", f"mcu-slm simulate {outcome.board.name} {elf} --tcp 5555"),
        ("", "mcu-slm monitor --port socket://127.0.0.1:5555"),
    )
    return [f"  [dim]{what:17}[/] [bold]{step}[/]" for what, step in steps]


def _near(path: Path) -> str:
    """Return a path as seen from here, where that is shorter."""
    try:
        relative = str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
    return min(relative, str(path), key=len)


def cost_table(facts: dict[str, Any]) -> Group:
    """Return a measurement beside what was predicted, layer by layer, and the bytes."""
    table = _plain_table(
        "Layer",
        "operator",
        "MACs",
        "instructions",
        "of all",
        "predicted",
        "est. cycles",
        "predicted",
    )
    table.columns[1].justify = "left"
    for layer in facts["layers"]:
        share = f"{layer['instructions'] / facts['instructions']:.1%}"
        table.add_row(layer["name"], layer["op"], f"{layer['macs']:,}", *_costs(layer, share))
    table.add_row("all", "", f"{facts['macs']:,}", *_costs(facts, ""))
    for column in table.columns:
        column.no_wrap = True
    table.columns[0].max_width = _LONGEST_NAME
    missing = facts["unpredicted_layers"]
    table.caption = f"Predicted for {facts['predicted_for']}" + (
        f"; no prediction for {missing} of {len(facts['layers'])} layers." if missing else "."
    )
    return Group(table, "", _bytes_table(facts))


def _bytes_table(facts: dict[str, Any]) -> Table:
    """Return flash, RAM and stack of a measurement under the names of `bench --json`."""
    table = _plain_table("Bytes", "")
    for name in (
        "flash_bytes",
        "model_code_bytes",
        "check_bytes",
        "weight_bytes",
        "spent_weight_bytes",
        "arena_bytes",
        "state_bytes",
        "ram_bytes",
        "stack_bytes",
        "model_stack_bytes",
        "program_stack_bytes",
    ):
        table.add_row(name, "not known" if facts[name] is None else f"{facts[name]:,}")
    return table


def _costs(cost: dict[str, Any], share: str) -> list[str]:
    """Return instructions and cycles of a layer or of all, each with prediction and deviation."""
    cycles = cost["estimated_cycles"]
    return [
        f"{cost['instructions']:,}",
        share,
        _prediction(cost, "instructions"),
        "not run" if cycles is None else f"{cycles:,}",
        _prediction(cost, "cycles"),
    ]


def _prediction(cost: dict[str, Any], what: str) -> str:
    """Return a predicted number and how far it is off."""
    predicted, deviation = cost[f"predicted_{what}"], cost[f"{what}_deviation_percent"]
    if predicted is None:
        return "none"
    return f"{predicted:,}" + ("" if deviation is None else f" {deviation:+.1f} %")
