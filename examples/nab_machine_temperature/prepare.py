"""Write NAB's machine temperature (Ahmad et al., 2017) as means over the last day, one per hour.

    python prepare.py FOLDER_WITH_nab_subset.npz

A driver on the board adds up 288 samples. A mean has the label of its last sample.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

HOUR, DAY = 12, 288  # samples
RECORDING = "machine_temperature_system_failure"


def main(source: Path) -> None:
    """Write days.npz beside this file."""
    arrays = np.load(source / "nab_subset.npz")
    samples, labels = (arrays[f"{RECORDING}_{part}"] for part in "xy")
    total = np.concatenate([[0.0], np.cumsum(samples, dtype=np.float64)])
    ends = np.arange(DAY, len(samples) + 1, HOUR)
    means = ((total[ends] - total[ends - DAY]) / DAY).astype(np.float32)
    np.savez(Path(__file__).parent / "days.npz", x=means, y=labels[ends - 1])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Prepare the recordings of this example.")
    parser.add_argument("folder", type=Path, help="where nab_subset.npz is")
    folder = parser.parse_args().folder
    if not (folder / "nab_subset.npz").is_file():
        parser.error(f"there is no nab_subset.npz in {folder}")
    main(folder)
