"""Train a project file in several variants and seeds; keep a row of results for each.

Rows are kept in one JSON file per table, so an interrupted run continues; a row belongs to the
settings and the code that it was made with.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcu_slm.config import Project, load_project
from mcu_slm.files import write_json
from mcu_slm.pipeline import training
from mcu_slm.pipeline.evidence import key_of, tool_fingerprint
from mcu_slm.pipeline.run_folder import RunFolder, Silence

Row = dict[str, Any]
"""Variant, seed, and what the training stage recorded: metrics, parameters, seconds."""


@dataclass(frozen=True)
class Variant:
    """One line of a table.

    Args:
        name: What is different.
        changes: Other values of keys of the project file, `{"train.student_epochs": 20}`.
        folder: Name of its run folders; variants that share phases share one, to train these once.
    """

    name: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    folder: str = ""


def changed(project: Project, changes: Mapping[str, Any]) -> Project:
    """Return a project with other values of some keys, checked as a project file is.

    Raises:
        ValueError: The project file knows no such key, or not this value.
    """
    content = project.model_dump(exclude_unset=True)
    for name, value in changes.items():
        *sections, key = name.split(".")
        table = content
        for section in sections:
            table = table.setdefault(section, {})
        table[key] = value
    checked = Project.model_validate(content)
    # A copy of the project, as it knows where its file is.
    return project.model_copy(update={name: getattr(checked, name) for name in content})


def run_table(
    table: str, project: Path, variants: Sequence[Variant], seeds: Sequence[int], runs: Path
) -> list[Row]:
    """Train every variant with every seed, except those whose row is there; return all rows."""
    path = runs / f"{table}.json"
    known: dict[str, Row] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    rows = []
    for variant, seed, settings in _settings(load_project(project), variants, seeds):
        rooms = tool_fingerprint("train", "quant", "ops", "data")
        key = key_of(settings.model_dump(mode="json"), rooms)
        if key not in known:
            run = RunFolder(runs / table / f"{variant.folder or variant.name}-{seed}", Silence())
            known[key] = {"variant": variant.name, "seed": seed, **_train(settings, run)}
            write_json(path, known)
            print(f"{variant.name}, seed {seed}: {_shown(known[key])}", flush=True)
        rows.append(known[key])
    return rows


def _settings(
    project: Project, variants: Sequence[Variant], seeds: Sequence[int]
) -> Iterator[tuple[Variant, int, Project]]:
    for seed in seeds:
        for variant in variants:
            yield variant, seed, changed(project, {**variant.changes, "project.seed": seed})


def _train(project: Project, run: RunFolder) -> Row:
    begin = time.monotonic()
    recordings = training.load_recordings(project, run)
    facts = training.train(project, recordings, run)
    return {**facts, "wall_seconds": time.monotonic() - begin}


def _shown(row: Row) -> str:
    main = row["main_metric"]
    stages = {stage: splits["test"][main] for stage, splits in row["metrics"].items()}
    return ", ".join(f"{stage} {value:.4f}" for stage, value in stages.items())
