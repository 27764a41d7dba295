"""Predictions beside a measurement."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from mcu_slm.console import cost_table
from mcu_slm.manifest import CompiledModel, Layer
from mcu_slm.pipeline.predictions import add_predictions

pytestmark = pytest.mark.unit


def model(*predictions: tuple[int, int] | None) -> CompiledModel:
    layers = [Layer(0, "moves nothing", "RESHAPE", "", 0, (), (), (), 0, 0)]
    for number, predicted in enumerate(predictions, 1):
        found = predicted or (None, None)
        layers.append(Layer(number, f"layer {number}", "ADD", f"f{number}", 0, (), (), (), *found))
    sizes = dict.fromkeys(
        "input_bytes output_bytes arena_bytes state_bytes weight_bytes table_bytes macs "
        "input_offset output_offset".split(), 0,
    )  # fmt: skip
    return CompiledModel(
        tool_version="0", model_sha256="", kernel_family="dsp", optimize="speed", labels=(),
        sources=(), layers=tuple(layers), files={}, **sizes,
    )  # fmt: skip


def measured(*layers: tuple[int, int | None]) -> dict[str, Any]:
    names = (
        "flash", "model_code", "check", "weight", "spent_weight", "arena", "state", "ram", "stack",
        "model_stack", "program_stack",
    )  # fmt: skip
    return {
        "macs": 0,
        "instructions": sum(instructions for instructions, _ in layers) + 7,
        "estimated_cycles": 2000,
        "layers": [
            {"name": "", "op": "ADD", "macs": 0, "instructions": one, "estimated_cycles": other}
            for one, other in layers
        ],
        **{f"{name}_bytes": 0 for name in names},
    }


def shown(facts: dict[str, Any]) -> str:
    console = Console(width=140, color_system=None)
    with console.capture() as capture:
        console.print(cost_table(facts))
    return " ".join(capture.get().split())


def test_each_layer_and_the_total_have_a_deviation() -> None:
    facts = measured((100, 200), (1000, 1500))
    add_predictions(facts, model((105, 190), (1000, 1530)))
    first, second = facts["layers"]
    assert (first["predicted_instructions"], first["instructions_deviation_percent"]) == (105, 5.0)
    assert (first["predicted_cycles"], first["cycles_deviation_percent"]) == (190, -5.0)
    assert second["instructions_deviation_percent"] == 0.0
    assert (facts["predicted_instructions"], facts["predicted_cycles"]) == (1105, 1720)
    assert facts["instructions_deviation_percent"] == round(100 * 5 / 1100, 2)
    assert facts["cycles_deviation_percent"] == round(100 * 20 / 1700, 2)
    assert facts["unpredicted_layers"] == 0
    assert "105 +5.0 %" in shown(facts)


def test_a_missing_prediction_is_none_and_counted() -> None:
    facts = measured((100, 200), (1000, 1500))
    add_predictions(facts, model((100, 200), None))
    assert facts["layers"][1]["predicted_instructions"] is None
    assert facts["layers"][1]["instructions_deviation_percent"] is None
    assert (facts["predicted_instructions"], facts["instructions_deviation_percent"]) == (100, 0.0)
    assert facts["unpredicted_layers"] == 1
    text = shown(facts)
    assert "none" in text
    assert "no prediction for 1 of 2 layers" in text


def test_nothing_predicted_is_no_zero() -> None:
    facts = measured((100, 200))
    add_predictions(facts, model(None))
    assert facts["predicted_instructions"] is None
    assert facts["instructions_deviation_percent"] is None


def test_cores_without_cycles_have_no_deviation_of_cycles() -> None:
    facts = measured((100, None))
    facts["estimated_cycles"] = None
    add_predictions(facts, model((100, 200)))
    assert facts["predicted_cycles"] == 200
    assert facts["cycles_deviation_percent"] is None
    assert facts["layers"][0]["cycles_deviation_percent"] is None
    assert "not run" in shown(facts)
