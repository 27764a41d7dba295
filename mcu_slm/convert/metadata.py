"""What a model says about itself: flatbuffer metadata `mcu_slm.json`.

A firmware or a host program needs it to feed the model: which channels in which units, how they are
normalised and quantised, and what the outputs are called.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mcu_slm import __version__
from mcu_slm.errors import ModelError
from mcu_slm.ir import Graph

METADATA_NAME = "mcu_slm.json"
FORMAT = 1


@dataclass(frozen=True)
class ModelMetadata:
    """Names, units and normalisation of a model's inputs and outputs.

    Units: mean and std in the unit of their channel; input = (value - mean) / std, quantised.
    """

    labels: tuple[str, ...]
    channels: tuple[str, ...]
    channel_units: tuple[str, ...]
    sampling_rate_hz: float
    window_samples: int
    hop_samples: int
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        for name in ("channel_units", "mean", "std"):
            count = len(getattr(self, name))
            if count != len(self.channels):
                raise ModelError(
                    f"metadata {name}", f"{count} entries", f"{len(self.channels)}, one per channel"
                )

    @classmethod
    def from_arrays(cls, mean: npt.ArrayLike, std: npt.ArrayLike, **fields: Any) -> ModelMetadata:
        """Build metadata from the arrays of a normalisation and the other fields by name."""
        return cls(
            mean=tuple(float(v) for v in np.asarray(mean, np.float32)),
            std=tuple(float(v) for v in np.asarray(std, np.float32)),
            **fields,
        )

    def to_bytes(self, input_scale: float, input_zero_point: int) -> bytes:
        """Return the JSON that travels in the flatbuffer; equal metadata give equal bytes."""
        content = {
            "format": FORMAT,
            "tool": f"mcu_slm {__version__}",
            "labels": self.labels,
            "channels": self.channels,
            "channel_units": self.channel_units,
            "sampling_rate_hz": self.sampling_rate_hz,
            "window_samples": self.window_samples,
            "hop_samples": self.hop_samples,
            "normalisation": {"mean": self.mean, "std": self.std},
            "input": {"scale": input_scale, "zero_point": input_zero_point},
        }
        return json.dumps(content, ensure_ascii=False, indent=1).encode("utf-8")


def read_metadata(graph: Graph) -> ModelMetadata | None:
    """Return the metadata of a model, None when it carries none (somebody else's model).

    Raises:
        ModelError: The metadata is there but damaged.
    """
    raw = graph.metadata.get(METADATA_NAME)
    if raw is None:
        return None
    try:
        content = json.loads(raw.rstrip(b"\0").decode("utf-8"))
        normalisation = content["normalisation"]
        return ModelMetadata(
            labels=tuple(str(v) for v in content["labels"]),
            channels=tuple(str(v) for v in content["channels"]),
            channel_units=tuple(str(v) for v in content["channel_units"]),
            sampling_rate_hz=float(content["sampling_rate_hz"]),
            window_samples=int(content["window_samples"]),
            hop_samples=int(content["hop_samples"]),
            mean=tuple(float(v) for v in normalisation["mean"]),
            std=tuple(float(v) for v in normalisation["std"]),
        )
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ModelError(
            f"metadata {METADATA_NAME}",
            f"is damaged ({error})",
            "the JSON that mcu_slm writes",
            "Convert the model again.",
        ) from error
