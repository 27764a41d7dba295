"""A project's windows, also for somebody else's model to answer; and its answers: soft labels."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from mcu_slm.config import Project
from mcu_slm.data import Dataset, load_dataset, load_split_pair
from mcu_slm.data.soft_labels import SoftLabelFile, load_soft_labels, window_arrays
from mcu_slm.files import sha256_file, write_atomic
from mcu_slm.pipeline.run_folder import Reporter


def read_dataset(project: Project, reporter: Reporter) -> Dataset:
    """Return a project's windows; warn of what is doubtful about them.

    Raises:
        DataError: Recordings cannot be used as they are.
    """
    seed = project.project.seed
    if project.data.split.kind == "random" and project.data.overlapping:
        pair = load_split_pair(project.data, project.directory, seed, project.task)
        dataset = pair.random
        reporter.warn(
            "random split of overlapping windows: neighbours of test windows are in the training "
            "set, so the accuracy is too good. "
            f'The honest split here is "{pair.honest_kind}".'
        )
    else:
        dataset = load_dataset(project.data, project.directory, seed, project.task)
    for warning in dataset.warnings:
        reporter.warn(warning)
    return dataset


def export_windows(project: Project, path: Path, reporter: Reporter) -> dict[str, Any]:
    """Write the windows of all splits into an `.npz`; return how many there are.

    Raises:
        DataError: Recordings cannot be used as they are.
    """
    reporter.start("windows", f"reading recordings ({project.data.format})")
    dataset = read_dataset(project, reporter)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **window_arrays(dataset))
    write_atomic(path, buffer.getvalue())
    counts = {name: len(windows) for name, windows in dataset.splits()}
    shown = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    reporter.finish("windows", f"{shown} in {path}")
    return {"file": str(path), "windows": counts}


def soft_labels_sha256(project: Project) -> str:
    """Return the hash of the file of soft labels; empty where there is none."""
    path = _soft_labels_path(project)
    return sha256_file(path) if path is not None and path.is_file() else ""


def read_soft_labels(
    project: Project, dataset: Dataset, reporter: Reporter
) -> SoftLabelFile | None:
    """Return the soft labels of a project; warn of rows that belong to no window.

    Raises:
        DataError: A window that is learned from has no row, or rows cannot be used.
    """
    path = _soft_labels_path(project)
    if path is None:
        return None
    required = ("train", "validation") if project.train.learn_from_validation else ("train",)
    found = load_soft_labels(path, project.directory, dataset, required)
    if found.unused:
        reporter.warn(
            f"{project.teacher.soft_labels}: {found.unused:,} rows belong to no window and are "
            "ignored"
        )
    return found


def _soft_labels_path(project: Project) -> Path | None:
    named = project.teacher.soft_labels
    return project.directory / named if named and project.teacher.enabled else None
