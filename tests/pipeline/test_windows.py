"""Windows out, somebody else's answers in: what a large model knows reaches the student."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from mcu_slm.boards import load_board
from mcu_slm.config import Project, parse_project
from mcu_slm.data.soft_labels import window_arrays
from mcu_slm.errors import ConfigError
from mcu_slm.pipeline import training
from mcu_slm.pipeline.report import report_of
from mcu_slm.pipeline.run_folder import RunFolder, Silence
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
[model]
width = 8
heads = 2
blocks = 1
ffn_width = 8
[train]
student_epochs = 1
qat_epochs = 1
[teacher]
soft_labels = "${SOFT_FOLDER}/answers.npz"
[board]
name = "nucleo_f446re"
"""


class Listener(Silence):
    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.skipped: list[bool] = []

    def finish(self, stage: str, result: str, *, skipped: bool = False) -> None:
        if stage == "train":
            self.skipped.append(skipped)

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


def test_other_soft_labels_train_again_and_the_report_tells_what_stages_cost(
    project: Project, tmp_path: Path
) -> None:
    pytest.importorskip("torch", reason="skipped: PyTorch is not installed")
    listener = Listener()
    run = RunFolder(tmp_path / "runs" / "soft", listener)
    recordings = training.load_recordings(project, run)
    for scale in (1.0, 1.0, 2.0):
        arrays = window_arrays(recordings.dataset)
        keys = {"source": arrays["source"], "start": arrays["start"]}
        logits = scale * np.eye(2)[arrays["label"]]
        np.savez(tmp_path / "answers.npz", **keys, logits=logits)
        training.train(project, recordings, run)
    assert listener.skipped == [False, True, False]
    report = report_of("soft", load_board("nucleo_f446re"), run.evidence)
    rows = {line.split(" | ")[0]: line for line in report.splitlines() if line.startswith("| ")}
    assert re.fullmatch(r"\| teacher \|( 100.00% \|){3}(  \|){5}", rows["| teacher"])
    assert re.search(r"\|( [1-9][\d,]+ \|){5}$", rows["| int8"])
