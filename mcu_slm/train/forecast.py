"""Continue a window with what a token model finds likeliest, in the integers of the device."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from mcu_slm.errors import ModelError
from mcu_slm.train.backends import ExactOps
from mcu_slm.train.families.token_lm import TokenLm
from mcu_slm.train.trained import TrainedStudent

Float32 = npt.NDArray[np.float32]


@torch.no_grad()
def forecast(trained: TrainedStudent, past: npt.ArrayLike, steps: int) -> Float32:
    """Return the likeliest next samples, each found from those before it.

    The greatest logit wins, the lowest bin among equals; a bin stands for its centre.

    Shapes: past: normalised samples [at least T - 1, C] -> [steps, C], normalised too.

    Raises:
        ModelError: The student predicts nothing, or the past is too short.
    """
    student = trained.student
    if not isinstance(student, TokenLm) or not student.shape.head.surprise:
        raise ModelError(
            "forecast",
            f"a student of family {student.shape.family!r} that predicts no next sample",
            'a "token-lm" trained for task.kind = "anomaly"',
        )
    samples = np.asarray(past, np.float32)
    tokens, channels = student.tokens, student.shape.channels
    if samples.ndim != 2 or len(samples) < tokens or samples.shape[1] != channels:
        raise ModelError(
            "forecast",
            f"a past of shape {list(samples.shape)}",
            f"at least {tokens} samples of {channels} channels",
        )
    values = student.bin_values().numpy()
    ops = ExactOps(trained.ranges)
    samples = samples[-tokens:]
    for _ in range(steps):
        window = np.concatenate([samples[-tokens:], samples[-1:]])
        codes = trained.quantize_windows(window[None])
        logits = student.logits_of_next(ops, ops.input(codes))
        best = [int(part.values.argmax()) for part in logits]
        following = values[np.arange(channels), best]
        samples = np.concatenate([samples, following[None]])
    return samples[tokens:]
