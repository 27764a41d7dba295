"""Windows out, somebody else's answers in: what a large model knows reaches the student."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mcu_slm.config import Project, parse_project
from mcu_slm.errors import ConfigError
from mcu_slm.pipeline.run_folder import Silence
from mcu_slm.pipeline.windows import (
    export_windows,
    read_dataset,
    read_soft_labels,
    soft_labels_sha256,
)

pytestmark = pytest.mark.unit

TEXT = """
[project]
name = "soft"
[data]
format = "npz"
files = ["data.npz"]
all = { windows = "X", labels = "y", groups = "g" }
channels = ["a", "b"]
channel_units = ["g", "V"]
sampling_rate_hz = 50
window_samples = 16
[data.split]
kind = "by_group"
[teacher]
soft_labels = "${SOFT_FOLDER}/answers.npz"
[board]
name = "nucleo_f446re"
"""


class Listener(Silence):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("SOFT_FOLDER", str(tmp_path))
    x = np.random.default_rng(0).normal(size=(60, 16, 2)).astype(np.float32)
    y, groups = np.arange(60) % 2, np.arange(60) // 6
    np.savez(tmp_path / "data.npz", X=x, y=np.array(["no", "yes"])[y], g=groups)
    return parse_project(TEXT, tmp_path / "mcu_slm.toml")


def test_what_is_exported_can_be_answered_and_comes_back(project: Project, tmp_path: Path) -> None:
    facts = export_windows(project, tmp_path / "windows.npz", Silence())
    assert sum(facts["windows"].values()) == 60
    with np.load(tmp_path / "windows.npz", allow_pickle=False) as archive:
        windows = dict(archive)
    assert windows["classes"].tolist() == ["no", "yes"]
    assert windows["x"].shape == (60, 16, 2)
    for name, count in facts["windows"].items():
        assert (windows["split"] == name).sum() == count
    answers = {"source": windows["source"], "start": windows["start"]}
    np.savez(tmp_path / "answers.npz", **answers, logits=windows["x"].sum(1))
    dataset, listener = read_dataset(project, Silence()), Listener()
    found = read_soft_labels(project, dataset, listener)
    assert found is not None
    np.testing.assert_array_equal(found.answers["train"], dataset.train.x.sum(1))
    assert listener.warnings == []


def test_the_files_hash_follows_its_bytes(project: Project, tmp_path: Path) -> None:
    assert soft_labels_sha256(project) == ""
    hashes = set()
    for value in (0.0, 1.0):
        np.savez(tmp_path / "answers.npz", logits=np.full((3, 2), value))
        hashes.add(soft_labels_sha256(project))
    assert len(hashes - {""}) == 2


def test_rows_of_no_window_are_a_warning(project: Project, tmp_path: Path) -> None:
    dataset, listener = read_dataset(project, Silence()), Listener()
    parts = [windows for _, windows in dataset.splits()]
    source = np.concatenate([np.array(["x"]), *(windows.source for windows in parts)])
    start = np.concatenate([np.array([7]), *(windows.start for windows in parts)])
    np.savez(tmp_path / "answers.npz", source=source, start=start, logits=np.zeros((61, 2)))
    read_soft_labels(project, dataset, listener)
    assert len(listener.warnings) == 1
    assert listener.warnings[0].endswith("answers.npz: 1 rows belong to no window and are ignored")


def test_a_project_without_teacher_reads_no_file(project: Project) -> None:
    off = project.teacher.model_copy(update={"enabled": False})
    alone = project.model_copy(update={"teacher": off})
    assert read_soft_labels(alone, read_dataset(alone, Silence()), Silence()) is None


def test_only_npz_and_parquet_are_taken(tmp_path: Path, project: Project) -> None:
    del project
    with pytest.raises(ConfigError, match=r"answers\.csv' is neither \.npz nor \.parquet"):
        parse_project(TEXT.replace("answers.npz", "answers.csv"), tmp_path / "mcu_slm.toml")
