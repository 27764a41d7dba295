"""Cut the bearing recordings of Case Western Reserve University into windows, split by motor load.

    python prepare.py FOLDER_WITH_cwru_12k_de.npz

Faulty bearings: loads 0 to 2 hp train (2 hp may validate), 3 hp tests. The healthy bearing was
recorded without load only, so its recording is split into blocks of time, in that order. Training
windows overlap, test windows do not.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt

SAMPLES, HOP = 1024, 256
HEALTHY_BLOCKS = {"train": (0.0, 0.5), "validation": (0.5, 0.7), "test": (0.7, 1.0)}


def windows(signal: npt.NDArray[np.float32], hop: int) -> npt.NDArray[np.float32]:
    """Shapes: signal: [S] -> [n, SAMPLES, 1]."""
    return np.lib.stride_tricks.sliding_window_view(signal, SAMPLES)[::hop, :, None]


def main(source: Path) -> None:
    """Write bearings.npz beside this file."""
    arrays = np.load(source / "cwru_12k_de.npz")
    parts: dict[str, list[tuple[npt.NDArray[np.float32], str]]] = {
        "train": [],
        "validation": [],
        "test": [],
    }
    for i, name in enumerate(arrays["names"]):
        fault, load = str(name).split("_")
        signal = (arrays[f"{name}_DE"] * arrays["scales"][i, 0]).astype(np.float32)
        if fault == "Normal":
            for split, (begin, end) in HEALTHY_BLOCKS.items():
                block = signal[int(begin * len(signal)) : int(end * len(signal))]
                parts[split].append((block, fault))
        else:
            parts[{"2": "validation", "3": "test"}.get(load, "train")].append((signal, fault))
    written = {}
    for split, recordings in parts.items():
        cut = [windows(signal, SAMPLES if split == "test" else HOP) for signal, _ in recordings]
        labels = [np.full(len(x), fault) for x, (_, fault) in zip(cut, recordings, strict=True)]
        written[f"x_{split}"], written[f"y_{split}"] = np.concatenate(cut), np.concatenate(labels)
    np.savez(Path(__file__).parent / "bearings.npz", **written)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Prepare the recordings of this example.")
    parser.add_argument("folder", type=Path, help="where cwru_12k_de.npz is")
    folder = parser.parse_args().folder
    if not (folder / "cwru_12k_de.npz").is_file():
        parser.error(f"there is no cwru_12k_de.npz in {folder}")
    main(folder)
