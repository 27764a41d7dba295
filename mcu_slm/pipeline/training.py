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
from mcu_slm.config import Project, TaskConfig
from mcu_slm.data import Dataset, Normalisation, normalisation_for
from mcu_slm.files import sha256_file, write_atomic
from mcu_slm.metadata import ModelInfo
from mcu_slm.pipeline.evidence import key_of, tool_fingerprint
from mcu_slm.pipeline.metrics import shown_alarms, shown_metric
from mcu_slm.pipeline.run_folder import RunFolder
from mcu_slm.pipeline.windows import read_dataset, read_soft_labels, soft_labels_sha256

if TYPE_CHECKING:
    from mcu_slm.train import BoardCost, Student

_WITH_CLASSES = ("classification", "events")
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
    normalisation = normalisation_for(dataset, project.data)
    recordings = Recordings(dataset, normalisation, _sha256(dataset, normalisation))
    run.evidence.record(
        "data",
        recordings.sha256,
        [],
        {
            "windows": {name: len(windows.y) for name, windows in dataset.splits()},
            "classes": list(dataset.classes),
            "raw_counts": normalisation.counts is not None,
            "sha256": recordings.sha256,
        },
    )
    kind = "raw counts, quantised in the firmware's integers" if normalisation.counts else ""
    parts = [f"windows: {counts}", _answers(dataset), kind]
    run.reporter.finish("data", "; ".join(part for part in parts if part))
    return recordings


def _answers(dataset: Dataset) -> str:
    """Return what the windows are labelled with."""
    if dataset.task == "regression":
        return f"targets in {dataset.target_unit}"
    return f"{len(dataset.classes)} classes"


def _sha256(dataset: Dataset, normalisation: Normalisation) -> str:
    digest = hashlib.sha256(repr(normalisation.counts).encode())
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
    rooms = tool_fingerprint("train", "quant", "counts", "ops")
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
    alarms = shown_alarms(facts["metrics"]["int8"]["test"])
    return (
        f"test {title}: {', '.join(parts)}; {alarms}{facts['parameters']['deployed']:,} parameters"
    )


def convert(project: Project, recordings: Recordings, run: RunFolder) -> None:
    """Write the trained student as `model.tflite`, and the quantised test windows beside it."""
    evidence = run.evidence
    rooms = tool_fingerprint("convert", "quant", "counts", "tflite", "train")
    trained_file = run.training / "student.pt"
    info = model_info(project, recordings, _threshold(run))
    key = key_of(
        "convert",
        sha256_file(trained_file) if trained_file.is_file() else "",
        recordings.sha256,
        asdict(info),
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
    """Return what the flatbuffer says about itself.

    What a raw count is stays unsaid where the recordings are none and the project does not tell.
    """
    normalisation, data, task = recordings.normalisation, project.data, project.task
    counts = normalisation.counts
    return ModelInfo(
        labels=tuple(recordings.dataset.classes) if task.kind in _WITH_CLASSES else (),
        channels=tuple(data.channels),
        units=tuple(data.channel_units),
        sampling_rate_hz=float(data.sampling_rate_hz),
        window_samples=data.window_samples,
        hop_samples=data.hop,
        mean=tuple(float(v) for v in normalisation.mean),
        std=tuple(float(v) for v in normalisation.std),
        channel_scales=data.channel_scales if counts is None else counts.channel_scales,
        vocabulary=recordings.dataset.vocabulary,
        task=task.kind,
        output_unit=_output_unit(task),
        output_min=task.min if task.kind == "regression" else 0.0,
        output_max=task.max if task.kind == "regression" else 0.0,
        threshold=threshold,
        tool_version=__version__,
    )


def _output_unit(task: TaskConfig) -> str:
    """Return the unit of the answers; a surprise is a negative log-likelihood."""
    if task.kind == "regression":
        return task.unit
    return "nat" if task.kind == "anomaly" else ""
