"""Recorded windows for published models: those for which the shared data has any.

A model that takes sound, images, ECG or numbers of tokens gets none: nothing like it was recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mcu_slm.ir import Graph
from mcu_slm.quant import quantize_activation
from mcu_slm.rows import Rows, pack

Reals = npt.NDArray[np.float32]
BODY, TURNS, TOTAL = slice(0, 3), slice(3, 6), slice(6, 9)
"""Channels of UCI HAR: body acceleration [g], gyroscope [rad/s], total acceleration [g]."""

_MILLI_G = 1000.0


@dataclass(frozen=True)
class Recording:
    """Where a model's recorded windows come from: `windows` makes them from UCI HAR's test split.

    Shapes: float32 [windows, 128, 9] -> float32 [windows, ...].
    """

    what: str
    windows: Callable[[Reals], Reals]


def _standardised(har: Reals) -> Reals:
    """Return six channels, each with mean 0 and deviation 1, as the prototypes were trained."""
    six = har[:, :, :6]
    return (six - six.mean((0, 1))) / six.std((0, 1))


def _long(har: Reals) -> Reals:
    """Return 200 samples of six channels: each window begins in the middle of the one before."""
    follows = (har[:-2, 64:] == har[1:-1, :64]).all((1, 2))
    follows &= (har[1:-1, 64:] == har[2:, :64]).all((1, 2))
    joined = np.concatenate([har[:-2], har[1:-1, 64:], har[2:, 64:]], axis=1)[follows, :200]
    return np.concatenate([joined[:, :, TOTAL], joined[:, :, TURNS]], axis=2)


def _milli_g(har: Reals) -> Reals:
    return har[:, :, TOTAL] * np.float32(_MILLI_G)


_SIX = Recording("UCI HAR, body acceleration and gyroscope, standardised", _standardised)
RECORDINGS = {
    "ambiqai__har_model_data": Recording(
        "UCI HAR, total acceleration [g] and gyroscope [rad/s], 200 samples joined", _long
    ),
    "google__model_magic_wand": Recording("UCI HAR, total acceleration [mg]", _milli_g),
    **dict.fromkeys(
        (
            "bilstm_qat", "dscnn_ptq", "transformer_l2_ptq", "transformer_ln_ptq",
            "transformer_merged_ptq", "transformer_pruned_qat", "transformer_qat",
        ),
        _SIX,
    ),
}  # fmt: skip
"""By the stem of the model's file."""


def recorded_windows(graph: Graph, recording: Recording, data: Path, count: int) -> Rows:
    """Return `count` windows from all over a recording, as rows of a graph's one input."""
    with np.load(data / "uci_har" / "uci_har.npz", allow_pickle=False) as archive:
        reals = recording.windows(archive["X_test"])
    (number,) = graph.inputs
    tensor = graph.tensor(number)
    chosen = reals[np.linspace(0, len(reals) - 1, count).astype(np.int64)]
    chosen = chosen.reshape(count, *tensor.shape)
    if tensor.dtype == "int8":
        return pack(graph, graph.inputs, [quantize_activation(chosen, *input_quantization(graph))])
    return pack(graph, graph.inputs, [chosen])


def input_quantization(graph: Graph) -> tuple[float, int]:
    """Return scale and zero point of a graph's one input, or of the QUANTIZE that reads it."""
    (number,) = graph.inputs
    if graph.tensor(number).dtype == "float32":
        (number,) = (node.outputs[0] for node in graph.nodes if number in node.inputs)
    quantization = graph.tensor(number).quantization
    assert quantization is not None
    return quantization.scale, quantization.zero_point
