"""The parent of TensorFlow's process: gives it a job, turns whatever becomes of it into errors."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcu_slm import errors
from mcu_slm.errors import McuSlmError, ModelError, missing_extra

_SECONDS = 3600.0
_KERAS_SUFFIX = ".keras"
_QUIET = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",  # the same sums in the same order on every machine
    "CUDA_VISIBLE_DEVICES": "-1",
    "KERAS_BACKEND": "tensorflow",
}


@dataclass(frozen=True)
class Job:
    """What is to be converted, calibrated on `windows` windows of an array file.

    `shown` is what messages call the data; `array` names one of an `.npz`.
    """

    model: Path
    data: Path
    shown: str
    windows: int
    array: str | None = None


@dataclass(frozen=True, eq=False)
class Quantized:
    """A converted model: its bytes, and what it was calibrated on.

    `windows` of the `available` ones in `array` were used; `tensorflow` is a version.
    """

    raw: bytes
    array: str
    windows: int
    available: int
    tensorflow: str


def require_tensorflow() -> None:
    """Check that TensorFlow is installed, without loading it.

    Raises:
        ToolError: It is not.
    """
    if importlib.util.find_spec("tensorflow") is None:
        raise missing_extra("tensorflow-cpu", "keras", "quantize")


def require_model(path: Path) -> None:
    """Check that a path is a `.keras` file or a SavedModel folder, by its looks.

    Raises:
        ModelError: It is neither.
    """
    expected = "a .keras file, or the folder of a SavedModel"
    remedy = "Save with model.save('model.keras'), or model.export('folder')."
    if path.is_dir():
        if not (path / "saved_model.pb").is_file():
            raise ModelError(str(path), "a folder without saved_model.pb", expected, remedy)
    elif not path.is_file():
        raise ModelError(str(path), "no such file or folder", expected, "Check the path.")
    elif path.suffix != _KERAS_SUFFIX:
        raise ModelError(str(path), f"a file of kind {path.suffix!r}", expected, remedy)


def quantize_model(job: Job, seconds: float = _SECONDS) -> Quantized:
    """Convert a model to full INT8 in a child process.

    Raises:
        ToolError: TensorFlow is not installed, or cannot be loaded.
        ModelError: It cannot load or convert the model, crashed on it, or took too long.
        DataError: The windows do not fit the model's input.
    """
    require_model(job.model)
    require_tensorflow()
    with tempfile.TemporaryDirectory(prefix="mcu-slm-quantize-") as name:
        folder = Path(name)
        fields = {**vars(job), "model": str(job.model), "data": str(job.data)}
        (folder / "job.json").write_text(json.dumps(fields))
        command = [sys.executable, "-m", "mcu_slm.quantize.child", str(folder)]
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                errors="replace",
                env={**os.environ, **_QUIET},
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            found = f"TensorFlow's converter gave no answer within {seconds:.0f} s"
            raise ModelError(str(job.model), found, remedy="Try fewer --windows.") from error
        if (folder / "error.json").is_file():
            raise _error_of(json.loads((folder / "error.json").read_text()))
        if done.returncode != 0 or not (folder / "facts.json").is_file():
            raise _crash(job, folder, done)
        facts = json.loads((folder / "facts.json").read_text())
        return Quantized((folder / "model.tflite").read_bytes(), **facts)


def _error_of(fields: dict[str, Any]) -> McuSlmError:
    """Return the error that the child wrote down."""
    kind: type[McuSlmError] = getattr(errors, fields["kind"])
    parts = (fields[name] for name in ("where", "found", "expected", "remedy"))
    return kind(*parts, **fields["values"])


def _crash(job: Job, folder: Path, done: subprocess.CompletedProcess[str]) -> ModelError:
    """Return the error of a child that ended without an answer."""
    stage: dict[str, Any] = {"stage": "starting", "recurrent": []}
    if (folder / "stage.json").is_file():
        stage = json.loads((folder / "stage.json").read_text())
    code = done.returncode
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    said = f": {lines[-1][:300]}" if lines and code >= 0 else ""
    found = f"TensorFlow crashed ({how}) while {stage['stage']}{said}"
    if stage["recurrent"]:
        return ModelError(
            str(job.model),
            f"{found}; the model has recurrent layers: {', '.join(stage['recurrent'])}",
            "layers that the converter survives",
            "Save the model with unroll=True in these layers, use Conv1D layers instead, or train "
            'here with [model] family = "bilstm".',
            signal=-code,
        )
    return ModelError(
        str(job.model),
        found,
        remedy="Leave out layers until it converts, to find the one that it crashes on.",
        signal=-code,
    )
