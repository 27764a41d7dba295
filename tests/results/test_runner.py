"""Tables of results: settings are changed as named, and every row is trained once."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from mcu_slm.config import load_project
from tests.results import ablation, pretraining
from tests.results.__main__ import TABLES
from tests.results.alarms import AlarmTable
from tests.results.runner import Variant, changed, run_table

pytest.importorskip("torch", reason="skipped: PyTorch is not installed")
pytestmark = pytest.mark.unit

TEXT = """
[project]
name = "rows"
[data]
format = "npz"
files = ["data.npz"]
all = { windows = "X", labels = "y", groups = "g" }
channels = ["a", "b"]
channel_units = ["g", "g"]
sampling_rate_hz = 50
window_samples = 16
[data.split]
kind = "by_group"
[model]
width = 8
heads = 2
blocks = 1
ffn_width = 8
[teacher]
enabled = false
[train]
student_epochs = 1
qat_epochs = 1
[board]
name = "nucleo_f446re"
"""
VARIANTS = (
    Variant("plain"),
    Variant("masked", {"train.pretrain.kind": "masked", "train.pretrain.epochs": 1}),
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    x = np.random.default_rng(0).normal(size=(60, 16, 2)).astype(np.float32)
    y, groups = np.arange(60) % 2, np.arange(60) // 6
    np.savez(tmp_path / "data.npz", X=x, y=y, g=groups)
    path = tmp_path / "mcu_slm.toml"
    path.write_text(TEXT)
    return path


def test_keys_are_changed_and_checked_and_the_rest_stays(project: Path) -> None:
    before = load_project(project)
    after = changed(before, {"train.pretrain.kind": "masked", "project.seed": 7})
    assert (after.train.pretrain.kind, after.project.seed) == ("masked", 7)
    assert after.train.qat_epochs == 1
    assert after.data == before.data
    assert after.directory == before.directory
    for wrong in ({"train.no_such_key": 1}, {"train.qat_epochs": "many"}, {"no_section.key": 1}):
        with pytest.raises(ValidationError):
            changed(before, wrong)


def test_rows_are_trained_once_and_kept(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs"
    rows = run_table("table", project, VARIANTS, (1, 2), runs)
    found = [(row["variant"], row["seed"]) for row in rows]
    assert found == [("plain", 1), ("masked", 1), ("plain", 2), ("masked", 2)]
    assert ["pretrained" in row["seconds"] for row in rows] == [False, True, False, True]
    assert len(capsys.readouterr().out.splitlines()) == 4
    assert len(json.loads((runs / "table.json").read_text())) == 4
    assert run_table("table", project, VARIANTS, (1, 2), runs) == rows
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", TABLES)
def test_every_table_fits_its_project_file(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCU_SLM_SHARED", "/nowhere")
    table = TABLES[name]
    project = load_project(table.PROJECT)
    variants = table.variants()
    assert len({variant.name for variant in variants}) == len(variants)
    for variant in variants:
        changed(project, variant.changes)


def test_the_table_has_a_line_per_share_and_kind() -> None:
    rows = [
        {
            "variant": variant.name,
            "seed": seed,
            "metrics": {
                "float": {"test": {"accuracy": 0.5}},
                "int8": {"test": {"accuracy": 0.4 + 0.1 * seed}},
            },
        }
        for variant in pretraining.variants()
        for seed in (1, 2)
    ]
    lines = pretraining.markdown(rows).splitlines()
    assert len(lines) == 2 + 9
    assert lines[2] == "| 1% | none | 50.0 +- 0.0 | 55.0 +- 7.1 | 50.0, 60.0 |"


def test_the_ablation_has_a_line_per_step_and_no_cost_of_what_never_reaches_a_board() -> None:
    metrics = {stage: {"test": {"accuracy": 0.9}} for stage in ablation.STEPS}
    cost = {"parameters": 1000, "cycles": 2000, "flash_bytes": 3000}
    costs = {stage: cost for stage in ablation.STEPS if stage != "teacher"}
    rows = [{"metrics": metrics, "costs": costs | {"teacher": {"parameters": 9}}}] * 2
    lines = ablation.markdown(rows).splitlines()
    assert len(lines) == 2 + len(ablation.STEPS)
    assert lines[2] == "| teachers together | 90.00 ± 0.00 | 90.00, 90.00 | 9 |  |  |"
    assert lines[3].endswith("| 1,000 | 2,000 | 3,000 |")


def test_alarms_are_counted_per_recorded_sample() -> None:
    found = {"anomalies": 3.0, "anomalies_found": 2.0, "needless_alarms": 4.0}
    rates = {"needless_alarms_per_1000": 6.0, "false_alarms_per_1000": 30.0}
    metrics = {"validation": {"anomalies": 1.0, "anomalies_found": 1.0}, "test": found | rates}
    row = {"seed": 5, "parameters": {"deployed": 4812}, "metrics": {"int8": metrics}}
    line = AlarmTable("any", samples_per_score=12).markdown([row]).splitlines()[-1]
    assert line == "| 5 | 4,812 | 1 of 1 | 2 of 3 | 4 | 0.50 | 30.0 |"


@pytest.mark.parametrize("name", sorted(set(TABLES) - {"ablation", "pretraining"}))
def test_every_line_of_every_table_is_a_project(name: str, monkeypatch) -> None:
    monkeypatch.setenv("MCU_SLM_SHARED", os.environ.get("MCU_SLM_SHARED", "../shared"))
    table = TABLES[name]
    project = load_project(table.PROJECT)
    for variant in table.variants():
        assert changed(project, variant.changes).project.name == project.project.name
