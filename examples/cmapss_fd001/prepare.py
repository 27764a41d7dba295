"""Write the engines of C-MAPSS FD001 (Saxena et al., PHM08) as one CSV each: train/ and test/.

    python prepare.py FOLDER_WITH_cmapss_fd001.npz

A training engine runs until it fails; a test engine stops before, and `rul_test` says how many
cycles it had left then. The column `rul` counts down in cycles.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

SENSORS = [f"s{i}" for i in range(1, 22)]
FIRST_SENSOR = 5  # after unit, cycle and three settings


def main(source: Path) -> None:
    """Write the files beside this one."""
    arrays = np.load(source / "cmapss_fd001.npz")
    here = Path(__file__).parent
    for split in ("train", "test"):
        rows = arrays[split]
        (here / split).mkdir(exist_ok=True)
        for unit in np.unique(rows[:, 0]).astype(int):
            engine = rows[rows[:, 0] == unit, FIRST_SENSOR:]
            left = 0 if split == "train" else arrays["rul_test"][unit - 1]
            rul = left + np.arange(len(engine) - 1, -1, -1)
            np.savetxt(
                here / split / f"engine_{unit:03}.csv",
                np.column_stack([engine, rul]),
                fmt="%.6g",
                delimiter=",",
                header=",".join([*SENSORS, "rul"]),
                comments="",
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Prepare the recordings of this example.")
    parser.add_argument("folder", type=Path, help="where cmapss_fd001.npz is")
    folder = parser.parse_args().folder
    if not (folder / "cmapss_fd001.npz").is_file():
        parser.error(f"there is no cmapss_fd001.npz in {folder}")
    main(folder)
