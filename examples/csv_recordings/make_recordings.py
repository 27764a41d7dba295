"""Write synthetic recordings of a motor: five machines, each recorded once in a few states.

The recordings show the layout of the files; they are sums of sines and noise, not measurements.
Run: python make_recordings.py
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import numpy.typing as npt

RATE_HZ = 50
STATES = {"idle": 10, "starting": 1, "running": 10, "unbalanced": 10}
"""Seconds of each state."""


def samples(
    state: str, seconds: int, speed_hz: float, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Return accelerations in g. Shapes: [seconds * RATE_HZ, 3]."""
    time = np.arange(seconds * RATE_HZ) / RATE_HZ
    phase = 2 * np.pi * speed_hz * time
    if state == "starting":
        phase = phase * time / seconds
    amplitude = {"idle": 0.0, "starting": 0.1, "running": 0.1, "unbalanced": 0.25}[state]
    wobble = 0.15 if state == "unbalanced" else 0.0
    x = amplitude * np.sin(phase) + wobble * np.sin(2 * phase)
    y = amplitude * np.cos(phase)
    z = 1.0 + 0.3 * amplitude * np.sin(phase + 0.5)
    return np.stack([x, y, z], axis=1) + rng.normal(0, 0.03, (len(time), 3))


def main(folder: Path) -> None:
    """Write machine<n>_run1.csv into a folder."""
    folder.mkdir(exist_ok=True)
    for machine in range(1, 6):
        rng = np.random.default_rng(machine)
        speed_hz = rng.uniform(6, 9)
        with (folder / f"machine{machine}_run1.csv").open(
            "w", newline="", encoding="utf-8"
        ) as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(["time_s", "accel_x", "accel_y", "accel_z", "state"])
            row = 0
            for state, seconds in STATES.items():
                for values in samples(state, seconds, speed_hz, rng):
                    cells = [f"{value:.4f}" for value in values]
                    writer.writerow([f"{row / RATE_HZ:.2f}", *cells, state])
                    row += 1


if __name__ == "__main__":
    main(Path(__file__).parent / "recordings")
