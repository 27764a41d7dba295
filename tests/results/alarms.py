"""What detectors of anomalies find over several seeds, and how often they alarm for nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.results.goals import EXAMPLES
from tests.results.runner import Row, Variant


@dataclass(frozen=True)
class AlarmTable:
    """One example, a line per seed.

    Args:
        example: Folder of the project file.
        samples_per_score: Recorded samples from one score to the next, by which needless alarms
            per 1,000 scores become such per 1,000 recorded samples.
    """

    example: str
    samples_per_score: int = 1
    SEEDS: tuple[int, ...] = (1, 2, 3)

    @property
    def PROJECT(self) -> Path:  # noqa: N802 - tables are modules or objects like them
        """The project file."""
        return EXAMPLES / self.example / "mcu_slm.toml"

    def variants(self) -> list[Variant]:
        """Return the only one."""
        return [Variant(self.example)]

    def markdown(self, rows: Sequence[Row]) -> str:
        """Return a line per seed, of int8."""
        lines = [
            "| seed | parameters | found in validation | found in the test | needless alarms "
            "| per 1,000 recorded samples | alarmed scores per 1,000 |",
            "|---" * 7 + "|",
        ]
        for row in rows:
            validation, test = (row["metrics"]["int8"][name] for name in ("validation", "test"))
            needless = test["needless_alarms_per_1000"] / self.samples_per_score
            found = [
                f"{m['anomalies_found']:.0f} of {m['anomalies']:.0f}" for m in (validation, test)
            ]
            lines.append(
                f"| {row['seed']} | {row['parameters']['deployed']:,} | {found[0]} | {found[1]} "
                f"| {test['needless_alarms']:.0f} | {needless:.2f} "
                f"| {test['false_alarms_per_1000']:.1f} |"
            )
        return "\n".join(lines)


NAB = AlarmTable("nab_machine_temperature", samples_per_score=12)
