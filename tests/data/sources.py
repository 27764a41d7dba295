"""Small sources of recordings, and configurations that read them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter

from mcu_slm.config import DataConfig
from mcu_slm.data import Dataset, load_dataset
from mcu_slm.data.windowing import Pool

_ADAPTER: TypeAdapter[Any] = TypeAdapter(DataConfig)

CSV: dict[str, Any] = {
    "format": "csv",
    "files": ["*.csv"],
    "channels": ["a", "b"],
    "channel_units": ["g", "V"],
    "sampling_rate_hz": 50,
    "window_samples": 4,
    "label": {"file_name": r"^([a-z]+)"},
    "split": {"kind": "by_time", "test_fraction": 0.25, "validation_fraction": 0.25},
}
NPZ: dict[str, Any] = {
    "format": "npz",
    "files": ["data.npz"],
    "channels": ["a", "b"],
    "channel_units": ["g", "V"],
    "sampling_rate_hz": 50,
    "window_samples": 4,
    "all": {"windows": "X", "labels": "y", "groups": "g"},
    "split": {"kind": "by_group"},
}


def config(base: dict[str, Any], **changes: Any) -> Any:
    """Return a `[data]` section with some keys replaced; None removes a key."""
    merged = {**base, **changes}
    return _ADAPTER.validate_python({k: v for k, v in merged.items() if v is not None})


def load(folder: Path, base: dict[str, Any], **changes: Any) -> Dataset:
    """Load the data set of a folder."""
    return load_dataset(config(base, **changes), folder, seed=0)


def signal(samples: int, seed: int = 0) -> npt.NDArray[np.float64]:
    """Return random samples of two channels."""
    return np.random.default_rng(seed).normal(size=(samples, 2))


def write_csv(path: Path, values: npt.NDArray[Any], header: str = "a,b") -> Path:
    """Write a CSV recording."""
    rows = "\n".join(",".join(f"{v:.6f}" for v in row) for row in values)
    path.write_text(f"{header}\n{rows}\n")
    return path


def write_npz(folder: Path, classes: int = 2, groups: int = 6, each: int = 3) -> dict[str, Any]:
    """Write windows with `each` of every class in every group; return the arrays."""
    count = classes * groups * each
    arrays = {
        "X": np.random.default_rng(0).normal(size=(count, 4, 2)),
        "y": np.tile(np.repeat(np.arange(classes), each), groups),
        "g": np.repeat(np.arange(groups), classes * each),
    }
    np.savez(folder / "data.npz", **arrays)
    return arrays


def pool(
    label: list[str],
    group: list[str] | None = None,
    timeline: list[int] | None = None,
    start: list[int] | None = None,
    split: list[str] | None = None,
    window: int = 4,
) -> Pool:
    """Return a pool of random windows with two channels."""
    count = len(label)
    return Pool(
        x=np.random.default_rng(0).normal(size=(count, window, 2)).astype(np.float32),
        label=np.array(label),
        group=np.array(group or [""] * count),
        source=np.array([f"r{i}" for i in range(count)]),
        split=np.array(split or ["all"] * count),
        timeline=np.array(timeline or [0] * count, np.int64),
        start=np.array(start or [i * window for i in range(count)], np.int64),
        recording=np.array(timeline or [0] * count, np.int64),
        last=np.zeros(count, np.bool_),
    )
