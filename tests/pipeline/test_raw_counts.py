"""From raw int16 counts to the judge's bytes: training, file, firmware and simulator agree."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mcu_slm import boards, judge
from mcu_slm.answers import answer_of, described
from mcu_slm.compile.meaning import count_quantizer_of
from mcu_slm.config import Project, load_project
from mcu_slm.metadata import read_info
from mcu_slm.pipeline import deployment, training
from mcu_slm.pipeline.deployment import Model
from mcu_slm.pipeline.report import report_of
from mcu_slm.pipeline.run_folder import RunFolder, Silence
from mcu_slm.protocol import Client, Task

pytest.importorskip("torch", reason="skipped: torch is not installed")
pytest.importorskip("unicorn", reason="skipped: unicorn is not installed")
pytestmark = [
    pytest.mark.emulator,
    pytest.mark.skipif(not judge.available("tflm"), reason="skipped: no judge"),
]

CWRU = Path(os.environ.get("MCU_SLM_SHARED", "shared")) / "data" / "cwru" / "cwru_12k_de.npz"
BOARD = boards.load_board("nucleo_f446re")
WINDOW = 64
Arrays = dict[str, npt.NDArray[Any]]
PROJECT = """
[project]
name = "counts"
[data]
format = "npz"
files = ["windows.npz"]
channels = ["drive", "fan"]
channel_units = ["count", "count"]
sampling_rate_hz = 12000
window_samples = 64
train = {{ windows = "x_train", {truth} = "y_train" }}
test = {{ windows = "x_test", {truth} = "y_test" }}
{scales}
[data.split]
kind = "official"
[task]
{task}
[model]
family = "tcn"
width = 8
blocks = 1
[teacher]
enabled = false
[train]
student_epochs = 1
qat_epochs = 1
[train.augment]
enabled = false
[board]
name = "nucleo_f446re"
"""
CLASSES = 'kind = "classification"'
LOAD = 'kind = "regression"\nunit = "kN"\nmin = -2.5\nmax = 2.5'


def bearings() -> Arrays:
    """Return windows of four recordings of bearings, as the converter counted them."""
    with np.load(CWRU, allow_pickle=False) as archive:
        names = ("Normal_0", "IR007_0", "OR007_0", "B007_0")
        both = [np.stack([archive[f"{n}_DE"], archive[f"{n}_FE"]], axis=1) for n in names]
    windows = np.stack([record[: 200 * WINDOW].reshape(200, WINDOW, 2) for record in both])
    labels = np.repeat(np.arange(4), 160), np.repeat(np.arange(4), 40)
    halves = windows[:, :160], windows[:, 160:]
    x_train, x_test = (half.reshape(-1, WINDOW, 2) for half in halves)
    return {"x_train": x_train, "y_train": labels[0], "x_test": x_test, "y_test": labels[1]}


def made_up() -> Arrays:
    """Return counts with an offset, some at the limits of 16 bits, and a load that they follow."""
    rng = np.random.default_rng(12)
    load = rng.uniform(-2.5, 2.5, 400)
    wave = np.sin(np.arange(WINDOW) / 3.0)[None, :, None] * load[:, None, None]
    real = wave * [9000.0, 40.0] + rng.normal(0, 1, (400, WINDOW, 2)) * [2500.0, 9.0] + [12e3, -7e3]
    counts = np.clip(np.rint(real), -(2**15), 2**15 - 1).astype(np.int16)
    targets = load.astype(np.float32)
    return {
        **{"x_train": counts[:300], "y_train": targets[:300]},
        **{"x_test": counts[300:], "y_test": targets[300:]},
    }


def project_in(folder: Path, arrays: Arrays, task: str, scales: str = "") -> Project:
    np.savez(folder / "windows.npz", **arrays)
    path = folder / "mcu_slm.toml"
    truth = "labels" if task == CLASSES else "target"
    path.write_text(PROJECT.format(task=task, truth=truth, scales=scales))
    return load_project(path)


@dataclass(frozen=True)
class Trained:
    """A project on its way: its recordings' raw counts, the model file, and a booted board."""

    project: Project
    recordings: training.Recordings
    run: RunFolder
    counts: npt.NDArray[np.int16]
    model: Model
    client: Client


@pytest.fixture(scope="module", params=["bearings", "made up"])
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    from mcu_slm.simulator import BoardSimulator

    if request.param == "bearings" and not CWRU.is_file():
        pytest.skip(f"no {CWRU}")
    arrays, task = (bearings(), CLASSES) if request.param == "bearings" else (made_up(), LOAD)
    folder = tmp_path_factory.mktemp("counts")
    project = project_in(folder, arrays, task)
    run = RunFolder(folder / "run", Silence())
    recordings = training.load_recordings(project, run)
    training.train(project, recordings, run)
    training.convert(project, recordings, run)
    model = deployment.read_model(run.model)
    deployment.firmware(run, model, BOARD, deployment.test_windows(run, model, 4, 4, 1))
    elf = deployment.build(run, BOARD).elf
    client = Client(BoardSimulator(BOARD, elf).port, timeout=60.0, inference_timeout=60.0)
    return Trained(project, recordings, run, arrays["x_test"], model, client)


def test_the_laptop_quantises_counts_with_the_firmware_s_integers(trained: Trained) -> None:
    quantizer = count_quantizer_of(trained.model.graph)
    assert quantizer is not None
    with np.load(trained.run.windows, allow_pickle=False) as saved:
        windows = saved["windows"].reshape(trained.counts.shape)
    assert np.count_nonzero(windows != quantizer.quantize(trained.counts)) == 0
    assert len(np.unique(windows)) > 200


def test_the_board_makes_the_judge_s_bytes_of_raw_counts(trained: Trained) -> None:
    with np.load(trained.run.windows, allow_pickle=False) as saved:
        windows, student = saved["windows"], saved["logits"]
    expected = judge.run(trained.model.raw, [windows[:, None]])[0].reshape(len(windows), -1)
    assert np.array_equal(expected, student.reshape(len(student), -1))
    found = [trained.client.infer_counts(counts).output for counts in trained.counts]
    assert np.count_nonzero(np.array(found) != expected) == 0


def test_the_model_says_what_it_answers(trained: Trained) -> None:
    answer, meaning = answer_of(trained.model.graph), trained.client.meaning()
    assert answer is not None
    assert meaning is not None
    assert meaning.counts == 2 * WINDOW
    assert f"The firmware answers {described(answer)}." in report_of(
        "counts", BOARD, trained.run.evidence
    )
    info = read_info(trained.model.graph.metadata)
    assert info.task == trained.project.task.kind
    assert info.channel_scales == (1.0, 1.0)
    if meaning.task == Task.REGRESSION:
        assert (meaning.unit, meaning.lowest, meaning.highest) == ("kN", -2500, 2500)
        assert info.labels == ()
    else:
        assert trained.client.info().labels == info.labels == ("0", "1", "2", "3")


def info_for(folder: Path, arrays: Arrays, scales: str = "") -> tuple[Any, Any]:
    project = project_in(folder, arrays, LOAD, scales)
    recordings = training.load_recordings(project, RunFolder(folder / "run", Silence()))
    return recordings.normalisation.counts, training.model_info(project, recordings)


def in_units(arrays: Arrays, factor: float) -> Arrays:
    scaled = {n: (a * factor).astype(np.float32) for n, a in arrays.items() if n.startswith("x")}
    return {**arrays, **scaled}


def test_physical_units_are_counts_where_the_project_says_how_many(tmp_path: Path) -> None:
    arrays = in_units(made_up(), 0.000061)
    counts, info = info_for(tmp_path, arrays, "channel_scales = [0.000061, 0.000061]")
    assert counts is not None
    assert info.channel_scales == (0.000061, 0.000061)


def test_other_numbers_stay_floats_and_the_scale_is_still_exported(tmp_path: Path) -> None:
    arrays = in_units(made_up(), 0.000061)
    counts, info = info_for(tmp_path, arrays, "channel_scales = [0.00007, 0.00007]")
    assert counts is None
    assert info.channel_scales == (0.00007, 0.00007)


def test_floats_without_a_scale_do_not_say_what_a_count_is(tmp_path: Path) -> None:
    counts, info = info_for(tmp_path, in_units(made_up(), 0.000061))
    assert counts is None
    assert info.channel_scales == ()
