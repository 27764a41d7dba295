"""Small models of every task: one layer, three channels, and metadata that says what it answers."""

from __future__ import annotations

import numpy as np

from mcu_slm.ir import Graph, GraphBuilder
from mcu_slm.metadata import METADATA_NAME, ModelInfo

WINDOW, CHANNELS = 32, 3
MEAN, STD, CHANNEL_SCALES = (0.25, -12.5, 1000.0), (1.5, 800.0, 3.25), (2.0**-11, 1.0, 0.061)
OUTPUTS = {"classification": 3, "regression": 1, "anomaly": 1, "events": 3}
TOKENS = 4

_INPUT = ModelInfo(
    channels=("x", "y", "z"),
    units=("g", "count", "mg"),
    sampling_rate_hz=100.0,
    window_samples=WINDOW,
    hop_samples=WINDOW,
    mean=MEAN,
    std=STD,
    channel_scales=CHANNEL_SCALES,
    tool_version="0.1.0",
)


def info_of(task: str) -> ModelInfo:
    """Return the metadata of a task's model."""
    fields = {
        "classification": {"labels": ("still", "walking", "rütteln")},
        "regression": {"output_unit": "cycles", "output_min": 0.0, "output_max": 125.0},
        "anomaly": {"threshold": 2.3},
        "events": {"labels": ("none", "step", "jump")},
    }[task]
    return ModelInfo(**{**vars(_INPUT), "task": task, **fields})


def answering(task: str, info: ModelInfo | None = None) -> Graph:
    """Return one convolution, over the whole window or (events) over each token."""
    rng = np.random.default_rng(4)
    tokens = TOKENS if task == "events" else 1
    width, outputs = WINDOW // tokens, OUTPUTS[task]
    b = GraphBuilder(description=task)
    x = b.tensor("input", (1, 1, WINDOW, CHANNELS), scale=0.0234375, zero_point=-7)
    weights = b.tensor(
        "weights",
        (outputs, 1, width, CHANNELS),
        scale=np.full(outputs, 0.0078125, np.float32),
        data=rng.integers(-127, 128, (outputs, 1, width, CHANNELS)),
    )
    bias = b.tensor(
        "bias",
        (outputs,),
        "int32",
        scale=np.full(outputs, 0.0234375 * 0.0078125, np.float32),
        data=rng.integers(-300, 300, outputs),
    )
    scale, zero_point = {"regression": (0.625, -100), "anomaly": (0.09375, -120)}.get(
        task, (0.5, 5)
    )
    y = b.tensor("answer", (1, 1, tokens, outputs), scale=scale, zero_point=zero_point)
    b.node(
        "CONV_2D",
        [x, weights, bias],
        [y],
        padding="VALID",
        stride_w=width,
        stride_h=1,
        dilation_w_factor=1,
        dilation_h_factor=1,
        fused_activation_function="NONE",
    )
    return b.build([x], [y], {METADATA_NAME: (info or info_of(task)).to_bytes()})
