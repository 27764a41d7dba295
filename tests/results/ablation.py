"""What each step of the recipe is worth on real data: the example UCI HAR.

The student is pruned to a share of its instructions, so that there is a pruned one to look at.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean, stdev
from typing import Final

from tests.results.goals import UCI_HAR
from tests.results.runner import Row, Variant

PROJECT: Final = UCI_HAR.PROJECT
SEEDS: Final = UCI_HAR.SEEDS
KEPT: Final = 0.7
STEPS: Final = {
    "teacher": "teachers together",
    "labels_only": "student, labels only, float",
    "float": "distilled, float",
    "pruned": f"distilled, {100 * (1 - KEPT):.0f} % of the instructions pruned, float",
    "int8_untrained": "the same in int8, not trained for it",
    "int8": "the same in int8, trained for it",
}
COSTS: Final = ("parameters", "cycles", "flash_bytes")


def variants() -> list[Variant]:
    """Return the only one."""
    changes = {"train.ablation": True, "train.prune.keep_instructions": KEPT}
    return [Variant("ablation", changes)]


def markdown(rows: Sequence[Row]) -> str:
    """Return a line per step: accuracy over the seeds, and mean costs on the board."""
    lines = [
        "| step | accuracy | each seed | parameters | cycles | flash |",
        "|---" * 6 + "|",
    ]
    for stage, title in STEPS.items():
        found = [100 * row["metrics"][stage]["test"]["accuracy"] for row in rows]
        spread = f" ± {stdev(found):.2f}" if len(found) > 1 else ""
        each = ", ".join(f"{value:.2f}" for value in found)
        costs = [_mean_cost(rows, stage, name) for name in COSTS]
        lines.append(
            f"| {title} | {mean(found):.2f}{spread} | {each} | " + " | ".join(costs) + " |"
        )
    return "\n".join(lines)


def _mean_cost(rows: Sequence[Row], stage: str, name: str) -> str:
    """Return a mean over the seeds, whose students are pruned differently."""
    known = [row["costs"].get(stage, {}).get(name) for row in rows]
    values = [value for value in known if value is not None]
    return f"{round(mean(values)):,}" if len(values) == len(rows) else ""
