"""One data set, students of several sizes: what they reach in int8 over several seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from tests.results.runner import Row, Variant

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@dataclass(frozen=True)
class GoalTable:
    """Students of one example; all of them learn from the same teachers.

    Args:
        example: Folder of the project file.
        sizes: Changes of the project file per line of the table.
        metric: What is shown of the test, times `factor`.
    """

    example: str
    sizes: Mapping[str, Mapping[str, Any]]
    metric: str
    factor: float = 1.0
    SEEDS: tuple[int, ...] = (1, 2, 3)

    @property
    def PROJECT(self) -> Path:  # noqa: N802 - tables are modules or objects like them
        """The project file."""
        return EXAMPLES / self.example / "mcu_slm.toml"

    def variants(self) -> list[Variant]:
        """Return the lines."""
        return [Variant(name, how, self.example) for name, how in self.sizes.items()]

    def markdown(self, rows: Sequence[Row]) -> str:
        """Return a line per size: mean and standard deviation over the seeds."""
        lines = ["| student | parameters | seeds | teacher | float | int8 |", "|---" * 6 + "|"]
        for name in self.sizes:
            found = [row for row in rows if row["variant"] == name]
            if not found:
                lines.append(f"| {name} | | not run | | | |")
                continue
            cells = [self._spread(found, stage) for stage in ("teacher", "float", "int8")]
            parameters = found[0]["parameters"]["deployed"]
            lines.append(f"| {name} | {parameters:,} | {len(found)} | " + " | ".join(cells) + " |")
        return "\n".join(lines)

    def _spread(self, rows: Sequence[Row], stage: str) -> str:
        values = [
            self.factor * row["metrics"][stage]["test"][self.metric]
            for row in rows
            if stage in row["metrics"]
        ]
        if not values:
            return ""
        spread = f" ± {stdev(values):.2f}" if len(values) > 1 else ""
        return f"{mean(values):.2f}{spread}"


UCI_HAR = GoalTable(
    "uci_har",
    {"at most 20,000": {}, "at most 8,000": {"model.width": 24, "model.blocks": 5}},
    "accuracy",
    100.0,
)
CMAPSS = GoalTable(
    "cmapss_fd001",
    {"at most 8,000": {}, "at most 25,000": {"model.units": 40, "model.stem_width": 24}},
    "rmse",
)
CWRU = GoalTable("cwru_bearings", {"at most 10,000": {}}, "macro_f1", 100.0)
