"""From files to a data set: labels, groups, normalisation, warnings, and where each refusal is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mcu_slm.config import load_project
from mcu_slm.data import describe, fit_normalisation, load_dataset, load_split_pair
from mcu_slm.errors import ConfigError, DataError, McuSlmError
from tests.data.sources import CSV, NPZ, config, load, signal, write_csv, write_npz

pytestmark = pytest.mark.unit

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def walks(tmp_path: Path) -> Path:
    """Return a folder with two recordings, of classes up and down."""
    write_csv(tmp_path / "up1.csv", signal(80, 1))
    write_csv(tmp_path / "down1.csv", signal(80, 2))
    return tmp_path


def refused(folder: Path, base: dict[str, Any], **changes: Any) -> str:
    with pytest.raises(DataError) as caught:
        load(folder, base, **changes)
    return str(caught.value)


def test_recordings_become_windows_of_physical_values(walks: Path) -> None:
    dataset = load(walks, CSV)
    assert dataset.classes == ("down", "up")
    assert {n: v.tolist() for n, v in dataset.class_counts.items()} == {
        "train": [11, 11],
        "validation": [4, 4],
        "test": [5, 5],
    }
    first_up = dataset.train.x[np.flatnonzero(dataset.train.y == 1)[0]]
    np.testing.assert_allclose(first_up, signal(80, 1)[:4], atol=1e-6)
    assert set(dataset.train.source) == {"up1.csv", "down1.csv"}
    assert dataset.train.y.dtype == np.int64
    assert dataset.warnings == ()


def test_classes_are_ordered_and_renamed_by_the_project(tmp_path: Path) -> None:
    arrays = write_npz(tmp_path)
    dataset = load(tmp_path, NPZ, classes=["second", "first"], class_labels=[1, 0])
    assert dataset.classes == ("second", "first")
    whole = sum(len(windows) for _, windows in dataset.splits())
    assert whole == len(arrays["y"])
    for _, windows in dataset.splits():
        for x, y in zip(windows.x, windows.y, strict=True):
            row = np.flatnonzero((arrays["X"].astype(np.float32) == x).all(axis=(1, 2)))[0]
            assert y == 1 - arrays["y"][row]


def test_labels_stored_as_real_numbers_are_whole_numbers(tmp_path: Path) -> None:
    arrays = write_npz(tmp_path)
    np.savez(tmp_path / "data.npz", **{**arrays, "y": arrays["y"].astype(np.float64)})
    assert load(tmp_path, NPZ).classes == ("0", "1")


def test_whole_numbers_are_ordered_as_numbers(tmp_path: Path) -> None:
    write_npz(tmp_path, classes=11, groups=4, each=1)
    assert load(tmp_path, NPZ).classes[-2:] == ("9", "10")


def test_label_and_group_columns_and_folders(tmp_path: Path) -> None:
    for subject in ("anna", "ben", "carl"):
        (tmp_path / subject).mkdir()
        rows = "\n".join(f"{i},{-i},{'up' if i < 12 else 'down'}" for i in range(24))
        (tmp_path / subject / "r.csv").write_text(f"a,b,state\n{rows}\n")
    dataset = load(
        tmp_path,
        CSV,
        files=["*/r.csv"],
        label={"column": "state"},
        group={"folder": 1},
        split={"kind": "by_group", "test_groups": ["ben"], "validation_groups": ["carl"]},
    )
    assert dataset.train.group.tolist() == ["anna"] * 6
    assert dataset.train.x[dataset.train.y == 1][:, 0, 0].tolist() == [0, 4, 8]
    assert set(dataset.test.source) == {"ben/r.csv"}


def test_ignored_labels_are_left_out(tmp_path: Path) -> None:
    for subject in "pqr":
        labels = ["up"] * 8 + ["pause"] * 3 + ["down"] * 8
        rows = "\n".join(f"{i},{i * i},{label},{subject}" for i, label in enumerate(labels))
        (tmp_path / f"{subject}.csv").write_text(f"a,b,s,g\n{rows}\n")
    by = {"label": {"column": "s"}, "group": {"column": "g"}, "split": {"kind": "by_group"}}
    dataset = load(tmp_path, CSV, ignore_labels=["pause"], **by)
    assert dataset.classes == ("down", "up")
    assert not any("shorter than a window" in text for text in dataset.warnings)
    assert "leaves nothing" in refused(tmp_path, CSV, ignore_labels=["up", "down", "pause"], **by)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"files": ["*.tsv"]}, "data.files: no file matches '*.tsv'; expected files below"),
        ({"files": ["a\0b"]}, "data.files: "),
        ({"channels": ["a", "c"]}, "down1.csv: no column 'c'; expected one of a, b"),
        ({"label": {"column": "s"}}, "down1.csv: no column 's'"),
        ({"label": {"file_name": "walk_([a-z]+)"}}, "down1.csv: the file's name gives no value"),
        ({"label": {"folder": 1}}, "down1.csv: has 0 folders above it"),
        ({"window_samples": 100}, "down1.csv: the recording has 80 samples; expected at least"),
        ({"files": ["up1.csv"]}, "data: all labels are the same: up; expected at least two"),
        ({"classes": ["up", "left"]}, "data.classes: the data also hold 'down' (20 windows)"),
        (
            {"classes": ["up", "left"], "class_labels": ["down", "x"]},
            "data.class_labels: the data also hold 'up' (20 windows); expected labels among down",
        ),
        ({"classes": ["up", "down", "left"]}, "train has no window of class left"),
        ({"window_samples": 80}, "data.split: no window is left for the test"),
        (
            {
                "files": None,
                "train_files": ["*.csv"],
                "test_files": ["up1.csv"],
                "split": {"kind": "official"},
            },
            "data.test_files: up1.csv is also among the train files",
        ),
        ({"hop_samples": 1, "split": {"kind": "random"}}, 'data.split.kind: "random", but'),
    ],
)
def test_unusable_source_is_answered_with_its_place(
    walks: Path, changes: dict[str, Any], message: str
) -> None:
    assert message in refused(walks, CSV, **changes)


def test_not_a_number_is_found_in_its_file(walks: Path) -> None:
    (walks / "up2.csv").write_text("a,b\n1,2\n3,nan\n5,inf\n")
    assert refused(walks, CSV).startswith(
        "up2.csv: b: data row 2 is NaN, the first of 2 values that are not finite"
    )


def test_column_of_measurements_is_not_taken_for_a_label(tmp_path: Path) -> None:
    arrays = write_npz(tmp_path, classes=2, groups=200, each=1)
    np.savez(tmp_path / "data.npz", **{**arrays, "y": np.arange(400) / 7})
    assert "the labels have 400 different values" in refused(tmp_path, NPZ)


@pytest.mark.parametrize("label", ["", "a\nb", "x" * 65])
def test_label_that_cannot_name_a_class_is_refused(tmp_path: Path, label: str) -> None:
    arrays = write_npz(tmp_path)
    names = np.where(arrays["y"] == 0, label, "ok")
    np.savez(tmp_path / "data.npz", **{**arrays, "y": names})
    assert "cannot name a class" in refused(tmp_path, NPZ)


def test_class_that_only_the_test_lacks_is_named(tmp_path: Path) -> None:
    arrays = write_npz(tmp_path)
    arrays["y"][arrays["g"] == 2] = 0
    np.savez(tmp_path / "data.npz", **arrays)
    message = refused(tmp_path, NPZ, split={"kind": "by_group", "test_groups": [2]})
    assert "test has no window of class 1" in message


def test_constant_channel_is_a_warning_and_harmless(tmp_path: Path) -> None:
    arrays = write_npz(tmp_path)
    arrays["X"][:, :, 1] = 9.81
    np.savez(tmp_path / "data.npz", **arrays)
    dataset = load(tmp_path, NPZ)
    assert dataset.warnings == ("channel b is constant in training (9.81 V); it can tell nothing",)
    normalisation = fit_normalisation(dataset.train)
    assert normalisation.std[1] == 1.0
    assert np.abs(normalisation.apply(dataset.train.x)[:, :, 1]).max() < 1e-5


def test_copied_recording_is_a_warning(tmp_path: Path) -> None:
    arrays = write_npz(tmp_path)
    arrays["X"][arrays["g"] == 3] = arrays["X"][arrays["g"] == 0]
    np.savez(tmp_path / "data.npz", **arrays)
    split = {"kind": "by_group", "test_groups": [3], "validation_groups": [1]}
    (warning,) = load(tmp_path, NPZ, split=split).warnings
    assert warning.startswith(
        "6 windows are copies of windows of another group or split, 6 of them across splits: "
        "for example data.npz:X#"
    )


def test_copy_under_another_name_within_training_is_a_warning(tmp_path: Path) -> None:
    arrays = write_npz(tmp_path)
    arrays["X"][arrays["g"] == 3] = arrays["X"][arrays["g"] == 0]
    np.savez(tmp_path / "data.npz", **arrays)
    split = {"kind": "by_group", "test_groups": [1], "validation_groups": [2]}
    (warning,) = load(tmp_path, NPZ, split=split).warnings
    assert warning.startswith("6 windows are copies of windows of another group or split, 0 of")


def test_flat_windows_are_no_copies(tmp_path: Path) -> None:
    arrays = write_npz(tmp_path)
    arrays["X"][::6] = 1.5
    np.savez(tmp_path / "data.npz", **arrays)
    assert load(tmp_path, NPZ).warnings == ()


def test_class_that_validation_lacks_is_a_warning(tmp_path: Path) -> None:
    arrays = write_npz(tmp_path)
    arrays["y"][arrays["g"] == 2] = 0
    np.savez(tmp_path / "data.npz", **arrays)
    split = {"kind": "by_group", "test_groups": [3], "validation_groups": [2]}
    assert load(tmp_path, NPZ, split=split).warnings == ("validation has no window of class 1",)


def test_normalisation_sees_training_windows_only(tmp_path: Path) -> None:
    arrays = write_npz(tmp_path)
    arrays["X"] = arrays["X"] * [3.0, 0.1] + [7.0, -2.0]
    arrays["X"][arrays["g"] == 5] *= 100
    np.savez(tmp_path / "data.npz", **arrays)
    dataset = load(tmp_path, NPZ, split={"kind": "by_group", "test_groups": [5]})
    normalisation = fit_normalisation(dataset.train)
    scaled = normalisation.apply(dataset.train.x)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled.mean(axis=(0, 1)), 0, atol=1e-5)
    np.testing.assert_allclose(scaled.std(axis=(0, 1)), 1, atol=1e-5)
    assert np.abs(normalisation.apply(dataset.test.x)).max() > 100


def test_same_seed_gives_the_same_data_set(tmp_path: Path) -> None:
    write_npz(tmp_path)
    first, second = load(tmp_path, NPZ), load(tmp_path, NPZ)
    assert first.split == second.split
    np.testing.assert_array_equal(first.train.x, second.train.x)


def test_forced_random_split_comes_with_the_honest_one(tmp_path: Path) -> None:
    write_npz(tmp_path)
    data = config(NPZ, hop_samples=2, split={"kind": "random", "force_random": True})
    pair = load_split_pair(data, tmp_path, seed=0)
    assert pair.honest_kind == "by_group"
    assert set(pair.random.test.group) & set(pair.random.train.group)
    assert not set(pair.honest.test.group) & set(pair.honest.train.group)
    np.testing.assert_array_equal(load_dataset(data, tmp_path, 0).test.x, pair.random.test.x)


def test_pair_of_splits_must_be_forced_too(tmp_path: Path) -> None:
    write_npz(tmp_path)
    with pytest.raises(DataError, match="force_random = true"):
        load_split_pair(config(NPZ, hop_samples=2, split={"kind": "random"}), tmp_path, seed=0)


def test_description_counts_windows_and_groups(tmp_path: Path) -> None:
    write_npz(tmp_path)
    split = {"kind": "by_group", "test_groups": [3], "validation_groups": [2]}
    table = describe(load(tmp_path, NPZ, split=split))
    assert table.header == ("class", "train", "validation", "test")
    assert table.rows == (
        ("0", "12", "3", "3"),
        ("1", "12", "3", "3"),
        ("all", "24", "6", "6"),
        ("groups", "4", "1", "1"),
    )
    assert table.notes == (
        "4 samples at 50 Hz (0.08 s) of 2 channels: a, b",
        "test: 1 of 6 groups (3); validation: 1 of 5 groups (2)",
    )


def test_dataset_without_groups_is_described_without_them(walks: Path) -> None:
    assert [row[0] for row in describe(load(walks, CSV)).rows] == ["down", "up", "all"]


def test_parquet_and_csv_give_the_same_data_set(walks: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    for path in walks.glob("*.csv"):
        values = np.loadtxt(path, delimiter=",", skiprows=1)
        table = pa.table({"a": values[:, 0], "b": values[:, 1]})
        parquet.write_table(table, path.with_suffix(".parquet"))
    from_csv = load(walks, CSV)
    from_parquet = load(walks, CSV, format="parquet", files=["*.parquet"])
    np.testing.assert_array_equal(from_csv.test.x, from_parquet.test.x)
    np.testing.assert_array_equal(from_csv.test.y, from_parquet.test.y)


def test_every_example_is_a_valid_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCU_SLM_SHARED", "/nowhere")
    folders = sorted(path.parent for path in EXAMPLES.glob("*/mcu_slm.toml"))
    known = {"basic_motions", "csv_recordings", "event_log", "nab_machine_temperature", "uci_har"}
    assert {folder.name for folder in folders} >= known
    for folder in folders:
        assert load_project(folder).project.name == folder.name


def test_csv_example_holds_what_its_script_computes(tmp_path: Path) -> None:
    example = EXAMPLES / "csv_recordings"
    namespace: dict[str, Any] = {"__name__": "make_recordings"}
    exec(
        compile((example / "make_recordings.py").read_text(), "make_recordings.py", "exec"),
        namespace,
    )
    namespace["main"](tmp_path / "recordings")
    committed = sorted((example / "recordings").glob("*.csv"))
    assert len(committed) == 5
    for path in committed:
        assert path.read_text() == (tmp_path / "recordings" / path.name).read_text()


def test_csv_example_loads() -> None:
    project = load_project(EXAMPLES / "csv_recordings")
    dataset = load_dataset(project.data, project.directory, project.project.seed)
    assert set(dataset.test.group) == {"machine5"}
    assert dataset.classes == ("idle", "running", "unbalanced")
    assert dataset.warnings == ()


def test_uci_har_example_without_its_variable_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MCU_SLM_SHARED", raising=False)
    with pytest.raises(ConfigError, match="environment variable MCU_SLM_SHARED is not set"):
        load_project(EXAMPLES / "uci_har")


def test_uci_har_keeps_its_official_subjects() -> None:
    """Runs where the recordings are (MCU_SLM_SHARED)."""
    try:
        project = load_project(EXAMPLES / "uci_har")
        dataset = load_dataset(project.data, project.directory, project.project.seed)
    except McuSlmError as error:
        pytest.skip(str(error))
    assert sum(len(windows) for _, windows in dataset.splits()) == 10299
    assert len(dataset.test) == 2947
    assert len(np.unique(dataset.test.group)) == 9
    assert not set(dataset.test.group) & (set(dataset.train.group) | set(dataset.validation.group))
