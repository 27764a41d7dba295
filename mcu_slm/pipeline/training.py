"""Stages from recordings to flatbuffer: data, train, convert."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mcu_slm import __version__, tflite
from mcu_slm.boards import load_board
from mcu_slm.compile import Choices, budget_of, estimate
from mcu_slm.config import Project
from mcu_slm.data import Dataset, Normalisation, normalisation_of
from mcu_slm.files import sha256_file, write_atomic
from mcu_slm.metadata import ModelInfo
from mcu_slm.pipeline.evidence import key_of, tool_fingerprint
from mcu_slm.pipeline.metrics import shown_metric
from mcu_slm.pipeline.run_folder import RunFolder
from mcu_slm.pipeline.windows import read_dataset, read_soft_labels, soft_labels_sha256

if TYPE_CHECKING:
    from mcu_slm.train import BoardCost, Student

_NO_LABELS = np.zeros(0, np.int64)
"""Of windows whose truth is no class."""


@dataclass(frozen=True, eq=False)
class Recordings:
    """A project's windows, how they are normalised, and the hash of both."""

    dataset: Dataset
    normalisation: Normalisation
    sha256: str


def load_recordings(project: Project, run: RunFolder) -> Recordings:
    """Read, check, cut and split the recordings of a project."""
    run.reporter.start("data", f"reading recordings ({project.data.format})")
    dataset = read_dataset(project, run.reporter)
    counts = ", ".join(f"{len(windows.y):,} {name}" for name, windows in dataset.splits())
    recordings = Recordings(dataset, normalisation_of(dataset), _sha256(dataset))
    run.evidence.record(
        "data",
        recordings.sha256,
        [],
        {
            "windows": {name: len(windows.y) for name, windows in dataset.splits()},
            "classes": list(dataset.classes),
            "sha256": recordings.sha256,
        },
    )
    run.reporter.finish("data", f"windows: {counts}; {_answers(dataset)}")
    return recordings


def _answers(dataset: Dataset) -> str:
    """Return what the windows are labelled with."""
    if dataset.task == "regression":
        return f"targets in {dataset.target_unit}"
    return f"{len(dataset.classes)} classes"


def _sha256(dataset: Dataset) -> str:
    digest = hashlib.sha256()
    for name, windows in dataset.splits():
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(windows.x).tobytes())
        digest.update(np.ascontiguousarray(windows.y).tobytes())
    return digest.hexdigest()


def train(project: Project, recordings: Recordings, run: RunFolder) -> dict[str, Any]:
    """Train teacher and student; return accuracies, parameter counts and seconds.

    Raises:
        ToolError: PyTorch is not installed.
        DataError: Soft labels do not fit the windows.
        TrainingError: Training failed.
    """
    settings = {
        name: getattr(project, name).model_dump(mode="json")
        for name in ("task", "model", "teacher", "train", "budget", "board", "compile")
    }
    rooms = tool_fingerprint("train", "quant", "ops")
    taught = soft_labels_sha256(project)
    key = key_of("train", settings, project.project.seed, recordings.sha256, taught, rooms)
    evidence = run.evidence
    record = evidence.stage("train")
    if not run.force and record is not None and evidence.is_current("train", key):
        run.reporter.finish("train", _results(record.facts), skipped=True)
        return record.facts
    from mcu_slm.train import ProgressEvent, train_model

    run.reporter.start("train", "teacher, student, pruning, quantisation-aware training")
    begin = time.monotonic()

    def show(event: ProgressEvent) -> None:
        text = f"{event.phase}: loss {event.loss:.3f}"
        if event.validation is not None:
            text += f", validation {shown_metric(event.metric, event.validation)}"
        run.reporter.step(text, event.epoch, event.epochs)

    soft_labels = read_soft_labels(project, recordings.dataset, run.reporter)
    result = train_model(
        *(recordings.dataset, recordings.normalisation, project, run.training, show),
        cost_on_board(project),
        None if soft_labels is None else soft_labels.answers,
    )
    facts: dict[str, Any] = {
        "main_metric": result.main_metric,
        "metrics": result.metrics,
        "costs": result.costs,
        "parameters": result.parameters,
        "removals": [asdict(removal) for removal in result.removals],
        "seconds": result.seconds,
    }
    outputs = [path for path in result.checkpoints if path.name == "student.pt"]
    run.evidence.record("train", key, outputs, facts, time.monotonic() - begin)
    run.reporter.finish("train", _results(facts))
    return facts


def cost_on_board(project: Project) -> Callable[[Student], BoardCost]:
    """Return what tells the cost of a student on the project's board, each shape asked once."""
    from mcu_slm.convert import sketch
    from mcu_slm.train import BoardCost

    board = load_board(project.board.name)
    chosen, limits = project.compile, project.budget
    family = Choices(chosen.kernels, chosen.optimize, tuple(chosen.without)).family(board.chip.core)
    budget = budget_of(board, limits.flash_bytes, limits.ram_bytes)
    known: dict[Any, BoardCost] = {}

    def cost_of(student: Student) -> BoardCost:
        if student.shape not in known:
            found = estimate(sketch(student), family, chosen.optimize, board.chip.core, budget)
            known[student.shape] = BoardCost(**asdict(found))
        return known[student.shape]

    return cost_of


def _results(facts: dict[str, Any]) -> str:
    main = facts["main_metric"]
    parts = [
        f"{stage} {shown_metric(main, splits['test'].get(main))}"
        for stage, splits in facts["metrics"].items()
    ]
    title = main.replace("_", " ")
    return f"test {title}: {', '.join(parts)}; {facts['parameters']['deployed']:,} parameters"


def convert(project: Project, recordings: Recordings, run: RunFolder) -> None:
    """Write the trained student as `model.tflite`, and the quantised test windows beside it."""
    evidence = run.evidence
    rooms = tool_fingerprint("convert", "quant", "tflite", "train")
    trained_file = run.training / "student.pt"
    key = key_of(
        "convert",
        sha256_file(trained_file) if trained_file.is_file() else "",
        recordings.sha256,
        rooms,
    )
    if not run.force and evidence.is_current("convert", key):
        run.reporter.finish("convert", _size(run), skipped=True)
        return
    from mcu_slm.convert import convert as convert_student
    from mcu_slm.train import load_trained

    run.reporter.start("convert", "writing the int8 flatbuffer")
    begin = time.monotonic()
    trained = load_trained(run.training)
    info = model_info(project, recordings, _threshold(run))
    graph = convert_student(trained, info, name=project.project.name)
    write_atomic(run.model, tflite.write_model(graph))
    test = recordings.normalisation.apply(recordings.dataset.test.x)
    _save_windows(
        run,
        trained.quantize_windows(test),
        recordings.dataset.test.y if project.task.kind == "classification" else _NO_LABELS,
        trained.predict_int8(test),
    )
    run.evidence.record("convert", key, [run.model, run.windows], {}, time.monotonic() - begin)
    run.reporter.finish("convert", _size(run))


def _size(run: RunFolder) -> str:
    return f"model.tflite, {run.model.stat().st_size:,} bytes"


def _save_windows(
    run: RunFolder,
    windows: npt.NDArray[np.int8],
    labels: npt.NDArray[np.int64],
    logits: npt.NDArray[np.int8],
) -> None:
    import io

    buffer = io.BytesIO()
    np.savez_compressed(buffer, windows=windows, labels=labels, logits=logits)
    write_atomic(run.windows, buffer.getvalue())


def _threshold(run: RunFolder) -> float | None:
    """Return the score above which the trained model alarms, if it has one."""
    record = run.evidence.stage("train")
    if record is None:
        return None
    threshold = record.facts["metrics"]["int8"].get("validation", {}).get("threshold")
    return None if threshold is None else float(threshold)


def model_info(
    project: Project, recordings: Recordings, threshold: float | None = None
) -> ModelInfo:
    """Return what the flatbuffer says about itself."""
    normalisation = recordings.normalisation
    return ModelInfo(
        # A score answers for no class.
        labels=() if project.task.kind == "anomaly" else tuple(recordings.dataset.classes),
        channels=tuple(project.data.channels),
        units=tuple(project.data.channel_units),
        sampling_rate_hz=float(project.data.sampling_rate_hz),
        window_samples=project.data.window_samples,
        hop_samples=project.data.hop,
        mean=tuple(float(v) for v in normalisation.mean),
        std=tuple(float(v) for v in normalisation.std),
        threshold=threshold,
        vocabulary=recordings.dataset.vocabulary,
        tool_version=__version__,
    )
