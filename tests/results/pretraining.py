"""Does learning without labels help where few windows are labelled? UCI HAR, a small TCN.

Labels come from few of the 21 training subjects, as many as are needed for the share (see
`mcu_slm.train.labelled`): someone has labelled what a few people recorded. Nothing is chosen by the
validation windows, which are training windows too.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any, Final

from tests.results.runner import Row, Variant

PROJECT: Final = Path(__file__).resolve().parents[2] / "examples" / "uci_har" / "mcu_slm.toml"
SEEDS: Final = (1, 2, 3)
FRACTIONS: Final = (0.01, 0.05, 0.10)
KINDS: Final = ("none", "masked", "contrastive")
STAGES: Final = ("float", "int8")

_SENSORS: Final = (
    ("body_acc_x", "body_acc_y", "body_acc_z"),
    ("gyro_x", "gyro_y", "gyro_z"),
    ("total_acc_x", "total_acc_y", "total_acc_z"),
)
_BASE: Final[dict[str, Any]] = {
    "model": {
        **{"family": "tcn", "width": 16, "blocks": 3, "kernel_tokens": 5},
        **{"stem_samples": 8, "stem_stride_samples": 4},
    },
    "teacher.enabled": False,
    "train.student_epochs": 30,
    "train.qat_epochs": 4,
    "train.prune": {},
    "train.augment": {
        **{"rotation_degrees": 20.0, "rotation_groups": _SENSORS, "time_warp": 0.1},
        **{"shift_samples": 8, "mask_samples": 16},
    },
    "train.pretrain.epochs": 20,
}


def variants() -> list[Variant]:
    """Return all lines; those of one kind share what is learned without labels."""
    return [
        Variant(
            _name(fraction, kind),
            {**_BASE, "train.label_fraction": fraction, "train.pretrain.kind": kind},
            folder=kind,
        )
        for kind in KINDS
        for fraction in FRACTIONS
    ]


def markdown(rows: Sequence[Row]) -> str:
    """Return a line per share of labels and kind: mean and standard deviation over the seeds."""
    lines = [
        "| labels | learned without labels | float | int8 | int8, each seed |",
        "|---" * 5 + "|",
    ]
    for fraction in FRACTIONS:
        for kind in KINDS:
            found = [row for row in rows if row["variant"] == _name(fraction, kind)]
            accuracy = {
                stage: [100 * row["metrics"][stage]["test"]["accuracy"] for row in found]
                for stage in STAGES
            }
            cells = [_spread(accuracy[stage]) for stage in STAGES]
            cells.append(", ".join(f"{value:.1f}" for value in accuracy["int8"]))
            lines.append(f"| {fraction:.0%} | {kind} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _name(fraction: float, kind: str) -> str:
    return f"{fraction:.0%} {kind}"


def _spread(values: Sequence[float]) -> str:
    return f"{mean(values):.1f} +- {stdev(values):.1f}" if len(values) > 1 else f"{values[0]:.1f}"
