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
    """Students of one example.

    Args:
        example: Folder of the project file.
        sizes: Changes of the project file per line of the table.
        metric: What is shown of the test, times `factor`.
        same_teachers: Whether all lines learn from the same teachers, which are trained once.
    """

    example: str
    sizes: Mapping[str, Mapping[str, Any]]
    metric: str
    factor: float = 1.0
    same_teachers: bool = True
    SEEDS: tuple[int, ...] = (1, 2, 3)

    @property
    def PROJECT(self) -> Path:  # noqa: N802 - tables are modules or objects like them
        """The project file."""
        return EXAMPLES / self.example / "mcu_slm.toml"

    def variants(self) -> list[Variant]:
        """Return the lines."""
        return [
            Variant(name, how, self.example if self.same_teachers else name)
            for name, how in self.sizes.items()
        ]

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
    {
        "at most 20,000": {},
        "at most 8,000": {
            **{"model.width": 24, "model.blocks": 2},
            **{"model.frequencies": 10, "model.loudness_features": 12},
            **{"teacher.model.frequencies": 10, "teacher.model.loudness_features": 24},
            **{"teacher.kinds": ("model",), "teacher.members": 3},
            **{"train.teacher_epochs": 6, "train.student_epochs": 20, "train.qat_epochs": 4},
        },
    },
    "accuracy",
    100.0,
    same_teachers=False,
)
CMAPSS = GoalTable(
    "cmapss_fd001",
    {"at most 8,000": {}},
    "rmse",
)
CWRU = GoalTable("cwru_bearings", {"at most 10,000": {}}, "macro_f1", 100.0)


def _recordings(
    name: str,
    channels: Sequence[str],
    unit: str,
    samples: int,
    classes: Sequence[str],
    **other: Any,
) -> dict[str, Any]:
    """Return what is different for another data set of the UEA archive."""
    arrays = {
        f"data.{split}": {"windows": f"{name}_X_{split}", "labels": f"{name}_y_{split}"}
        for split in ("train", "test")
    }
    return {
        **arrays,
        "data.channels": tuple(channels),
        "data.channel_units": (unit,) * len(channels),
        "data.window_samples": samples,
        "data.classes": tuple(classes),
        "data.class_labels": tuple(range(len(classes))),
        **other,
    }


def _filters(samples: int, stride: int) -> dict[str, Any]:
    """Return the filters of student and teacher."""
    sizes = {"filter_samples": samples, "filter_stride_samples": stride}
    return {
        f"{at}.{name}": value for at in ("model", "teacher.model") for name, value in sizes.items()
    }


_FULL = {
    **{"family": "tcn", "blocks": 3, "kernel_tokens": 5, "separable": False},
    **{"stem_samples": 9, "stem_stride_samples": 2},
}
"""Full convolutions over two samples a token."""

UEA = GoalTable(
    "uea_motion",
    {
        "RacketSports": {},
        "RacketSports, tcn": {
            "model": {"width": 32, **_FULL},
            "teacher.model": {"width": 64, **_FULL},
            "teacher.members": 6,
            **{"train.teacher_epochs": 40, "train.student_epochs": 120},
            "train.augment.rotation_degrees": 20.0,
            "train.augment.rotation_groups": (
                ("accel_x", "accel_y", "accel_z"),
                ("gyro_x", "gyro_y", "gyro_z"),
            ),
        },
        "Epilepsy": _recordings(
            "Epilepsy",
            ("x", "y", "z"),
            "g",
            206,
            ("epilepsy", "walking", "running", "sawing"),
            **{
                "data.sampling_rate_hz": 16.0,
                **_filters(32, 8),
            },
        ),
        "ERing": _recordings(
            "ERing",
            ("1", "2", "3", "4"),
            "1",
            65,
            [f"gesture {i}" for i in range(1, 7)],
            **_filters(16, 4),
        ),
    },
    "accuracy",
    100.0,
    same_teachers=False,
)
