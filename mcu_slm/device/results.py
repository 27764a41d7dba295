"""Say for people what a board's result means: class and score, value and unit, alarm, events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from mcu_slm.protocol import Meaning, Result, Task


@dataclass(frozen=True)
class Shown:
    """A result as parts of a line; `label` is a class, "ALARM" or "normal", or empty.

    `value` is the score or the value in `unit`.
    """

    parts: tuple[str, ...]
    label: str
    value: float
    unit: str = ""
    alarm: bool | None = None


def show(result: Result, meaning: Meaning, labels: Sequence[str]) -> Shown:
    """Return what a result means, by the task of the model."""
    value = result.thousandths / 1000
    if meaning.task == Task.REGRESSION:
        return Shown((_with_unit(value, meaning.unit),), "", value, meaning.unit)
    if meaning.task == Task.ANOMALY:
        alarm = result.decision != 0
        label = "ALARM" if alarm else "normal"
        limit = f"(threshold {_with_unit(meaning.threshold / 1000, meaning.unit)})"
        parts = (label, _with_unit(value, meaning.unit), limit)
        return Shown(parts, label, value, meaning.unit, alarm)
    label = _name(labels, result.decision)
    if meaning.task == Task.EVENTS:
        return Shown((_events(result, meaning, labels),), label, value)
    return Shown((label, f"{value:.3f}"), label, value)


def _events(result: Result, meaning: Meaning, labels: Sequence[str]) -> str:
    """Return the classes of the window in order, with the samples that each lasts."""
    tokens = max(meaning.tokens, 1)
    if result.output.size % tokens:
        return f"{result.output.size} output bytes for {tokens} tokens"
    classes = result.output.reshape(tokens, -1).argmax(axis=1).tolist()
    stretches, first = [], 0
    for number, group in groupby(classes):
        last = first + len(list(group)) * meaning.samples_per_token
        stretches.append(f"{_name(labels, number)} {first}..{last - 1}")
        first = last
    return ", ".join(stretches)


def _with_unit(value: float, unit: str) -> str:
    return f"{value:.3f} {unit}".rstrip()


def _name(labels: Sequence[str], number: int) -> str:
    return labels[number] if number < len(labels) else f"output {number}"
