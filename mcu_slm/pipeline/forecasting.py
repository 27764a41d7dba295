"""What a project's trained token model expects after the end of a recording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mcu_slm.config import Project
from mcu_slm.data import normalisation_for
from mcu_slm.data.readers import read_samples, vocabulary_of
from mcu_slm.errors import ModelError
from mcu_slm.pipeline.run_folder import RunFolder
from mcu_slm.pipeline.windows import read_dataset


@dataclass(frozen=True)
class Forecast:
    """The samples that come next: rows of one value per channel, numbers or symbols."""

    channels: tuple[str, ...]
    rows: tuple[tuple[float | str, ...], ...]

    def csv(self) -> str:
        """Return a table with a header."""
        lines = [",".join(self.channels)]
        lines += [",".join(_text(value) for value in row) for row in self.rows]
        return "\n".join(lines) + "\n"


def forecast_recording(project: Project, run: RunFolder, recording: Path, steps: int) -> Forecast:
    """Continue a recording with the trained model of a run, in the integers of the device.

    Raises:
        ModelError: The project is not trained, or its model predicts no next sample.
        DataError: The recording cannot be read, or is too short.
    """
    if not (run.training / "student.pt").is_file():
        raise ModelError(
            str(run.folder),
            "nothing is trained there",
            expected="a trained project",
            remedy="Train it first: mcu-slm train.",
        )
    from mcu_slm.train import forecast, load_trained

    run.reporter.start("forecast", f"{steps} samples after the end of {recording}")
    normalisation = normalisation_for(read_dataset(project, run.reporter), project.data)
    vocabulary = vocabulary_of(project.data, project.directory)
    past = normalisation.apply(read_samples(recording, project.data, vocabulary))
    ahead = (
        forecast(load_trained(run.training), past, steps) * normalisation.std + normalisation.mean
    )
    run.reporter.finish("forecast", f"after {len(past):,} samples")
    rows = (_row(sample, vocabulary) for sample in ahead)
    return Forecast(tuple(project.data.channels), tuple(rows))


def _row(sample: np.ndarray, vocabulary: Sequence[str]) -> tuple[float | str, ...]:
    if not vocabulary:
        return tuple(float(value) for value in sample)
    return tuple(
        vocabulary[min(max(round(float(value)), 0), len(vocabulary) - 1)] for value in sample
    )


def _text(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.7g}"
