"""Write synthetic event logs of a filling machine: what happens, and how the machine is.

The logs show the layout of the files; a random walk writes them, no machine did.
Run: python make_recordings.py
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

EVENTS = ("bottle_in", "fill_start", "fill_stop", "cap", "label", "bottle_out", "retry", "adjust")
ORDER = EVENTS[:6]
CYCLES = 60
"""Bottles per machine and state."""
STATES = ("good", "jamming", "drifting")


def cycle(state: str, rng: np.random.Generator) -> Iterator[str]:
    """Yield the events of one bottle: a jam repeats a step, a drift calls for adjustment."""
    for event in ORDER:
        yield event
        if event == "cap" and rng.random() < (0.7 if state == "jamming" else 0.1):
            yield from ("retry", "cap")
        if event == "fill_stop" and rng.random() < (0.7 if state == "drifting" else 0.1):
            yield from ("adjust", "fill_start", "fill_stop")


def main(folder: Path) -> None:
    """Write machine<n>.csv into a folder."""
    folder.mkdir(exist_ok=True)
    for machine in range(1, 6):
        rng = np.random.default_rng(machine)
        with (folder / f"machine{machine}.csv").open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(["event", "state"])
            for state in STATES:
                for _ in range(CYCLES):
                    writer.writerows((event, state) for event in cycle(state, rng))


if __name__ == "__main__":
    main(Path(__file__).parent / "recordings")
