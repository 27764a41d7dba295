"""What the compiler expected each layer to cost, beside what was measured."""

from __future__ import annotations

from typing import Any, Final

from mcu_slm.costs import load_table
from mcu_slm.manifest import CompiledModel

_PARTS: Final = {
    "instructions": "predicted_instructions",
    "estimated_cycles": "predicted_cycles",
}
"""Measured and predicted fields."""


def add_predictions(facts: dict[str, Any], compiled: CompiledModel) -> None:
    """Enter predictions and deviations into the facts of a measurement, per layer and in total.

    A layer without a prediction has None; the totals compare those that have one, and
    `unpredicted_layers` counts the others.
    """
    active = [layer for layer in compiled.layers if layer.function]
    layers: list[dict[str, Any]] = facts["layers"]
    for layer, known in zip(layers, active, strict=True):
        predicted = (known.predicted_instructions, known.predicted_cycles)
        layer.update(zip(_PARTS.values(), predicted, strict=True))
        layer.update(_deviations(layer, layer))
    have = [layer for layer in layers if layer["predicted_instructions"] is not None]
    measured = {name: _sum(have, name) for name in _PARTS}
    facts |= {name: _sum(have, name) for name in _PARTS.values()}
    facts |= _deviations(measured, facts)
    facts["unpredicted_layers"] = len(layers) - len(have)
    table = load_table()
    facts["predicted_for"] = f"{table.core}, {table.compiler} {table.optimization}"


def _deviations(measured: dict[str, Any], predicted: dict[str, Any]) -> dict[str, Any]:
    """Return how far predictions are off, in percent of what was measured."""
    return {
        field.replace("predicted_", "") + "_deviation_percent": _percent(
            measured[name], predicted[field]
        )
        for name, field in _PARTS.items()
    }


def _percent(measured: int | None, predicted: int | None) -> float | None:
    if not measured or predicted is None:
        return None
    return round(100.0 * (predicted / measured - 1.0), 2)


def _sum(layers: list[dict[str, Any]], name: str) -> int | None:
    """Return a total, None where some part of it is not known or there is none."""
    values = [layer[name] for layer in layers]
    return sum(values) if values and None not in values else None
