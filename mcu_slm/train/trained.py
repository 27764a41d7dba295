"""The product of training: a student with its activation ranges, on disk and in memory."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from mcu_slm.counts import CountNormalisation
from mcu_slm.errors import TrainingError
from mcu_slm.quant import quantize_activation
from mcu_slm.train.backends import (
    ExactOps,
    FakeQuantized,
    FakeQuantOps,
    QuantState,
    recorded,
)
from mcu_slm.train.checkpoint import load_state, save_state
from mcu_slm.train.families import MATCHED, Student, make_student, shape_from_json

STUDENT_FILE = "student.pt"
EXACT_BATCH = 256


class TrainedStudent(nn.Module):
    """A student and the ranges of its activations: all that a converter needs.

    As a module its `state_dict` holds both, so that a checkpoint can never mix them up.

    `counts` is set where all windows are raw counts of the sensor: they are then quantised with the
    integers of the firmware.
    """

    def __init__(
        self,
        student: Student,
        ranges: QuantState | None = None,
        counts: CountNormalisation | None = None,
    ) -> None:
        super().__init__()
        self.student = student
        self.ranges = ranges or QuantState()
        if student.input_range is not None:
            self.ranges.fix("input", *student.input_range)
        for name, (low, high) in student.fixed_ranges.items():
            self.ranges.fix(name, low, high)
        self.counts = counts

    def fake_quantized(
        self,
        x: torch.Tensor,
        *,
        observe: bool = False,
        momentum: float | None = None,
        seen: dict[str, FakeQuantized] | None = None,
    ) -> torch.Tensor:
        """Return the answers of quantisation-aware training.

        What is matched to teachers is put into `seen`.

        Shapes: x: normalised windows [B, T, C] -> [B, ...].
        """
        ops = FakeQuantOps(self.ranges, observe=observe, momentum=momentum)
        watched = ops if seen is None else recorded(ops, MATCHED, seen)
        return self.student.forward(watched, ops.input(x.unsqueeze(1))).tensor

    def quantize_windows(self, x: npt.ArrayLike) -> npt.NDArray[np.int8]:
        """Return the model's int8 inputs.

        Shapes: x: normalised windows [N, T, C] -> [N, 1, T, C].
        """
        scale, zero_point = self.ranges.quantization("input")
        quantizer = None if self.counts is None else self.counts.quantizer(scale, zero_point)
        if self.counts is not None and quantizer is not None:
            return quantizer.quantize(self.counts.counts_of(x))[:, None]
        return quantize_activation(x, scale, zero_point)[:, None]

    @torch.no_grad()
    def predict_int8(self, x: npt.ArrayLike) -> npt.NDArray[np.int8]:
        """Return the codes that the device answers, bit for bit.

        Shapes: x: normalised windows [N, T, C] -> int8 [N, ...].
        """
        ops = ExactOps(self.ranges)
        codes = self.quantize_windows(x)
        parts = [codes[i : i + EXACT_BATCH] for i in range(0, len(codes), EXACT_BATCH)]
        return np.concatenate([self.student.forward(ops, ops.input(p)).values for p in parts])

    def answer(self, x: npt.ArrayLike) -> torch.Tensor:
        """Return what the device's answers mean, in the units of the task."""
        scale, zero_point = self.ranges.quantization("answer")
        codes = torch.from_numpy(self.predict_int8(x)).float()
        return (codes - zero_point) * scale


def save_trained(folder: Path, trained: TrainedStudent, summary: dict[str, Any]) -> Path:
    """Write shape, weights and ranges, with the summary of the training."""
    state = {
        "shape": trained.student.shape.to_json(),
        "state": trained.state_dict(),
        "counts": None if trained.counts is None else asdict(trained.counts),
        "summary": summary,
    }
    return save_state(folder / STUDENT_FILE, state)


def load_trained(run_dir: Path) -> TrainedStudent:
    """Return the trained student of a run folder.

    Raises:
        TrainingError: There is none, or the file is damaged.
    """
    path = Path(run_dir) / STUDENT_FILE
    if not path.is_file():
        raise TrainingError(
            str(run_dir), "there is no trained student", STUDENT_FILE, "Run the training first."
        )
    saved = load_state(path)
    try:
        counts = saved["counts"]
        trained = TrainedStudent(
            make_student(shape_from_json(saved["shape"])),
            counts=None if counts is None else CountNormalisation(**counts),
        )
        trained.load_state_dict(saved["state"])
    except Exception as error:  # damaged values raise nearly anything further on
        raise TrainingError(
            str(path),
            "does not hold a student of this version",
            remedy="Delete the run folder and train again.",
        ) from error
    trained.eval()
    return trained
