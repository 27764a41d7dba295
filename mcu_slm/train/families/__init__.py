"""The families of students: from a project's `[model]` to a network.

A family is one module with a shape (a frozen dataclass, `Shape`) and a network (`Student`), entered
in `FAMILIES`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import torch

from mcu_slm.config import ModelConfig
from mcu_slm.errors import ConfigError
from mcu_slm.train.families.bilstm import BiLstm, BiLstmShape
from mcu_slm.train.families.embedding import sensors_of
from mcu_slm.train.families.filterbank import Filterbank, FilterbankShape
from mcu_slm.train.families.layers import MATCHED, POOLED_ATTENTION, POOLED_FEATURES
from mcu_slm.train.families.spectral import Spectral, SpectralShape
from mcu_slm.train.families.student import (
    Head,
    Sensor,
    Shape,
    Slice,
    Student,
    Units,
    deployed_parameter_count,
    parameter_count,
)
from mcu_slm.train.families.tcn import Tcn, TcnShape
from mcu_slm.train.families.token_lm import TokenLm, TokenLmShape
from mcu_slm.train.families.transformer import BlockShape, Transformer, TransformerShape
from mcu_slm.train.families.trend import Trend, TrendShape

FAMILIES: Final[dict[str, tuple[type[Any], type[Any]]]] = {
    "transformer": (TransformerShape, Transformer),
    "tcn": (TcnShape, Tcn),
    "bilstm": (BiLstmShape, BiLstm),
    "spectral": (SpectralShape, Spectral),
    "filterbank": (FilterbankShape, Filterbank),
    "trend": (TrendShape, Trend),
    "token-lm": (TokenLmShape, TokenLm),
}
"""Shape and network of each family, under its name in `[model] family`."""

_WITHOUT_SENSORS: Final = {
    "spectral": "every channel has a spectrum of its own",
    "trend": "all channels are mixed first",
    "token-lm": "every channel has tokens of its own",
}
"""Families that have no layer for each sensor, and why."""


def shape_of(
    model: ModelConfig,
    window: int,
    channels: int,
    head: Head,
    *,
    symbols: int = 0,
    sensors: tuple[Sensor, ...] = (),
) -> Shape:
    """Return the shape that a project file describes, before pruning.

    Channels that hold numbers of symbols have so many `symbols`; `sensors` says which channels
    belong together.

    Raises:
        ConfigError: The family cannot take such windows.
    """
    shape: Shape = FAMILIES[model.family][0].of(model, window, channels, head)
    if sensors and model.family in _WITHOUT_SENSORS:
        raise ConfigError(
            "[[model.sensors]]",
            f'mean nothing for family = "{model.family}", where {_WITHOUT_SENSORS[model.family]}',
            "none",
        )
    if not symbols:
        return replace(shape, sensors=sensors, input_limit=model.input_limit)
    if not isinstance(shape, TokenLmShape):
        raise ConfigError(
            "[model] family",
            f"{model.family!r} takes measured values, and data.vocabulary gives symbols",
            '"token-lm"',
            'Set [model] family = "token-lm".',
        )
    return replace(shape, bins=symbols, symbols=True)


def make_student(shape: Shape, generator: torch.Generator | None = None) -> Student:
    """Return an untrained student; its weights depend on the generator alone."""
    student: Student = FAMILIES[shape.family][1](shape, generator)
    return student


def shape_from_json(fields: dict[str, Any]) -> Shape:
    """Rebuild what `Shape.to_json` gave."""
    rest = {name: value for name, value in fields.items() if name != "family"}
    shape: Shape = FAMILIES[fields["family"]][0].from_fields(rest)
    return shape


__all__ = [
    "FAMILIES",
    "MATCHED",
    "POOLED_ATTENTION",
    "POOLED_FEATURES",
    "BiLstmShape",
    "BlockShape",
    "FilterbankShape",
    "Head",
    "Sensor",
    "Shape",
    "Slice",
    "SpectralShape",
    "Student",
    "TcnShape",
    "TokenLmShape",
    "TransformerShape",
    "TrendShape",
    "Units",
    "deployed_parameter_count",
    "make_student",
    "parameter_count",
    "sensors_of",
    "shape_from_json",
    "shape_of",
]
