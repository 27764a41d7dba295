"""The report of a run: what each step gave and costs."""

from __future__ import annotations

import pytest

from mcu_slm.boards import load_board
from mcu_slm.pipeline.report import STAGES, render_report

pytestmark = pytest.mark.unit

COST = {
    **{"parameters": 1234, "instructions": 56789, "cycles": 67890},
    **{"flash_bytes": 4321, "ram_bytes": 99},
}


def _report(**training: object) -> list[str]:
    splits = {"test": {"accuracy": 0.875, "macro_f1": 0.5}}
    facts = {
        "main_metric": "accuracy",
        "metrics": {name: {"validation": {"accuracy": 0.75}, **splits} for name in STAGES},
        "costs": {"teacher": {"parameters": 9999}, **dict.fromkeys(list(STAGES)[1:], COST)},
        "parameters": {"teacher": 9999, "student": 2000, "deployed": 1234},
        "removals": [],
    }
    fields = {"stages": {"train": {"facts": facts | training}}}
    return render_report("example", load_board("nucleo_f446re"), fields).splitlines()


def test_every_stage_shows_what_it_gives_and_costs() -> None:
    lines = _report()
    assert "| teacher | 75.00% | 87.50% | 50.00% | 9,999 |  |  |  |  |" in lines
    assert (
        "| labels_only | 75.00% | 87.50% | 50.00% | 1,234 | 56,789 | 67,890 | 4,321 | 99 |" in lines
    )
    rows = [line for line in lines if line.startswith("| ") and "%" in line]
    assert len(rows) == len(STAGES)
    legend = next(line for line in lines if line.startswith("teacher: "))
    assert all(f"{name}: {what}" in legend for name, what in STAGES.items())


def test_runs_from_before_costs_were_kept_have_a_report() -> None:
    assert "| int8 | 75.00% | 87.50% | 50.00% |  |  |  |  |  |" in _report(costs={})


def _worth(accuracies: dict[str, float]) -> list[str]:
    metrics = {
        name: {"test": {"accuracy": value, "macro_f1": value}} for name, value in accuracies.items()
    }
    return [line for line in _report(metrics=metrics) if "points" in line]


def test_an_ablation_says_what_each_step_is_worth() -> None:
    accuracies = {"teacher": 0.9, "labels_only": 0.75, "float": 0.875, "pruned": 0.85}
    assert _worth({**accuracies, "int8_untrained": 0.8, "fake_quant": 0.83, "int8": 0.84}) == [
        "| learning from the teacher too | labels_only | float | +12.50 points |",
        "| pruning | float | pruned | -2.50 points |",
        "| int8 | pruned | int8_untrained | -5.00 points |",
        "| quantisation-aware training | int8_untrained | int8 | +4.00 points |",
    ]


def test_without_teacher_and_pruning_two_steps_are_left() -> None:
    assert _worth({"float": 0.5, "int8_untrained": 0.25, "fake_quant": 0.5, "int8": 0.5}) == [
        "| int8 | float | int8_untrained | -25.00 points |",
        "| quantisation-aware training | int8_untrained | int8 | +25.00 points |",
    ]


def test_without_an_ablation_nothing_is_said_of_steps() -> None:
    assert _worth({"teacher": 0.9, "float": 0.875, "fake_quant": 0.83, "int8": 0.84}) == []
