"""What a model file says about itself beyond arithmetic: labels, channels, units, normalisation.

It travels inside the flatbuffer as metadata `mcu_slm.json`, so that one file is the whole contract.
A model from elsewhere has none, and everything works without.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

METADATA_NAME = "mcu_slm.json"
_MAX_LABELS = 1000
_MAX_TEXT = 60


@dataclass(frozen=True)
class ModelInfo:
    """Facts for people and firmware.

    `task` is what the model answers: "classification", "regression", "anomaly" or "events"; empty
    for models from elsewhere. Answers of a regression are clipped to `output_min` and `output_max`;
    an anomaly is a score above `threshold`, which is None where the model has no score.
    `vocabulary` names the numbers that channels hold, from 0 on; it is empty for measured values.

    Units: `sampling_rate_hz` in Hz, `window_samples` and `hop_samples` in samples; `mean` and `std`
    in `units`, `channel_scales` in these per count of the sensor; `output_min`, `output_max` and
    `threshold` in `output_unit`.
    """

    labels: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    sampling_rate_hz: float = 0.0
    window_samples: int = 0
    hop_samples: int = 0
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    channel_scales: tuple[float, ...] = ()
    vocabulary: tuple[str, ...] = ()
    task: str = ""
    output_unit: str = ""
    output_min: float = 0.0
    output_max: float = 0.0
    threshold: float | None = None
    tool_version: str = ""

    def to_bytes(self) -> bytes:
        """Return the metadata buffer."""
        return json.dumps(asdict(self), sort_keys=True).encode("utf-8")


def read_info(metadata: Mapping[str, bytes]) -> ModelInfo:
    """Return what a model's metadata says; whatever is missing or malformed is left at its default.

    Metadata never decides a byte of the proof, so a stranger's broken metadata is not an error.
    """
    try:
        fields = json.loads(metadata[METADATA_NAME].decode("utf-8"))
    except (KeyError, ValueError, RecursionError):
        return ModelInfo()
    if not isinstance(fields, dict):
        return ModelInfo()
    return ModelInfo(
        labels=_texts(fields.get("labels")),
        channels=_texts(fields.get("channels")),
        units=_texts(fields.get("units")),
        sampling_rate_hz=_number(fields.get("sampling_rate_hz")),
        window_samples=int(_number(fields.get("window_samples"))),
        hop_samples=int(_number(fields.get("hop_samples"))),
        mean=_numbers(fields.get("mean")),
        std=_numbers(fields.get("std")),
        vocabulary=_texts(fields.get("vocabulary")),
        channel_scales=_numbers(fields.get("channel_scales")),
        task=_text(fields.get("task", "")),
        output_unit=_text(fields.get("output_unit", "")),
        output_min=_number(fields.get("output_min")),
        output_max=_number(fields.get("output_max")),
        threshold=_optional(fields.get("threshold")),
        tool_version=_text(fields.get("tool_version", "")),
    )


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > _MAX_LABELS:
        return ()
    return tuple(_text(entry) for entry in value)


def _text(value: Any) -> str:
    return "".join(c for c in str(value) if c.isprintable())[:_MAX_TEXT]


def _number(value: Any) -> float:
    return _optional(value) or 0.0


def _optional(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and abs(value) < 1e15 else None


def _numbers(value: Any) -> tuple[float, ...]:
    return tuple(_number(v) for v in value) if isinstance(value, list) else ()
