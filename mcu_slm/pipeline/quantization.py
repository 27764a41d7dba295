"""From a Keras model to a flatbuffer: windows to calibrate on, conversion, meaning, check, file."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mcu_slm import tflite
from mcu_slm.answers import answer_of
from mcu_slm.config import load_project
from mcu_slm.data import normalisation_for
from mcu_slm.errors import DataError, ModelError, UsageError
from mcu_slm.files import write_atomic
from mcu_slm.ir import Graph
from mcu_slm.metadata import METADATA_NAME, ModelInfo
from mcu_slm.pipeline.check import Checked, describe
from mcu_slm.pipeline.run_folder import Reporter
from mcu_slm.pipeline.training import Recordings, model_info
from mcu_slm.pipeline.windows import read_dataset
from mcu_slm.quantize import (
    Job,
    Quantized,
    quantize_model,
    read_quantized,
    require_model,
    require_tensorflow,
)

_ARRAYS = (".npz", ".npy")
_PROJECT = ".toml"


@dataclass(frozen=True, eq=False)
class Written:
    """A flatbuffer that was written and checked, and what it was made of.

    `info` is what it says about itself: nothing without a project.
    """

    checked: Checked
    quantized: Quantized
    info: ModelInfo | None

    def to_json(self) -> dict[str, Any]:
        """Return the facts for `--json`."""
        made = self.quantized
        calibration = {"array": made.array, "windows": made.windows, "available": made.available}
        return {
            **self.checked.to_json(),
            "calibration": calibration,
            "tensorflow": made.tensorflow,
            "task": self.info.task if self.info else "",
            "labels": list(self.info.labels) if self.info else [],
        }

    def lines(self) -> list[str]:
        """Return the facts as text."""
        made = self.quantized
        named = f" of {made.array}" if made.array else ""
        return [
            *self.checked.lines(),
            f"calibrated on {made.windows:,} of {made.available:,} windows{named}, "
            f"TensorFlow {made.tensorflow}",
            f"next: mcu-slm run --model {self.checked.path} --board NAME",
        ]


def quantize_file(
    model: Path, data: Path, out: Path, windows: int, array: str | None, reporter: Reporter
) -> Written:
    """Convert a Keras model to a fully INT8 `.tflite`; nothing is written unless it is supported.

    Raises:
        UsageError: Data of no known kind, or a project whose task needs more than a network.
        DataError: The windows cannot be used, or do not fit the model.
        ModelError: The model cannot be converted, or its answers are not what the project asks.
        UnsupportedOperatorError: The result has an operator without a kernel, or one in float.
        ToolError: TensorFlow is not installed.
    """
    require_model(model)
    _require_data(data, array)
    require_tensorflow()
    if data.suffix != _PROJECT:
        job = Job(model, data, str(data), windows, array)
        return _write(out, model, _converted(job, reporter), None, reporter)
    project = load_project(data)
    if project.task.kind == "anomaly":
        raise UsageError(
            f"{data}: task.kind",
            "anomaly: its score is the surprise of a token model",
            "classification, regression or events",
            "Quantise on an .npz of windows: then the model's answers have no meaning attached.",
        )
    dataset = read_dataset(project, reporter)
    normalisation = normalisation_for(dataset, project.data)
    info = model_info(project, Recordings(dataset, normalisation, ""))
    with tempfile.TemporaryDirectory(prefix="mcu-slm-windows-") as folder:
        path = Path(folder) / "windows.npz"
        np.savez(path, train=normalisation.apply(dataset.train.x))
        quantized = _converted(Job(model, path, str(data), windows), reporter)
    return _write(out, model, quantized, info, reporter)


def _require_data(data: Path, array: str | None) -> None:
    if data.suffix not in (*_ARRAYS, _PROJECT):
        expected = "an .npz or .npy of windows, or a project file .toml"
        raise UsageError(f"--data {data}", f"a file of kind {data.suffix!r}", expected)
    if data.suffix == _PROJECT and array is not None:
        found = "an array of a project file, whose training windows are taken"
        raise UsageError("--array", found, "an .npz as --data", "Drop --array.")
    if not data.is_file():
        raise DataError(str(data), "no such file", "windows to calibrate on", "Check the path.")


def _converted(job: Job, reporter: Reporter) -> Quantized:
    reporter.start("quantize", "TensorFlow converts the model to INT8")
    return quantize_model(job)


def _write(
    out: Path,
    model: Path,
    quantized: Quantized,
    info: ModelInfo | None,
    reporter: Reporter,
) -> Written:
    """Check what came out, attach what it means, and write it."""
    raw = quantized.raw
    graph, warnings = read_quantized(raw, str(model))
    for warning in warnings:
        reporter.warn(warning)
    if info is not None:
        graph = _with_meaning(graph, model, info)
        raw = tflite.write_model(graph)
        graph = tflite.read_model(raw, str(out))
    checked = describe(out, graph, raw)
    write_atomic(out, raw)
    reporter.finish("quantize", f"{out}, {len(raw):,} bytes")
    return Written(checked, quantized, info)


def _with_meaning(graph: Graph, model: Path, info: ModelInfo) -> Graph:
    """Return the graph with the project's metadata, where its answer can mean what that says.

    Raises:
        ModelError: It has other outputs than the project's task asks for.
    """
    told = replace(graph, metadata={**graph.metadata, METADATA_NAME: info.to_bytes()})
    if answer_of(told) is not None:
        return told
    outputs = [list(graph.tensor(number).shape) for number in graph.outputs]
    classes = f"{len(info.labels)} classes"
    expected = {
        "classification": f"one int8 output of {classes}",
        "events": f"one int8 output [..., tokens, {classes}]",
        "regression": f"one int8 output of one value in {info.output_unit or 'its unit'}",
    }
    raise ModelError(
        str(model),
        f"outputs of shape {', '.join(map(str, outputs))}",
        f"{expected[info.task]}, as the project's task {info.task} has",
        "Change the model's last layer or the project's [task].",
    )
