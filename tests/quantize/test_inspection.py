"""What the converter leaves in float is named with its layer; what only moves values may stay."""

from __future__ import annotations

import pytest

from mcu_slm import tflite
from mcu_slm.errors import ModelError, UnsupportedOperatorError
from mcu_slm.ir import GraphBuilder
from mcu_slm.quantize import read_quantized
from tests.models import tiny

pytestmark = pytest.mark.unit


def around(op: str, layers: int = 1) -> bytes:
    """Return a model that does something in float between DEQUANTIZE and QUANTIZE."""
    builder = GraphBuilder()
    x = builder.tensor("window", (1, 4), scale=0.5)
    real = builder.tensor("real", (1, 4), "float32")
    builder.node("DEQUANTIZE", [x], [real])
    for number in range(layers):
        after = builder.tensor(f"net/dense_{number}/{op};net/more", (1, 4), "float32")
        builder.node(op, [real], [after])
        real = after
    y = builder.tensor("answer", (1, 4), scale=0.5)
    builder.node("QUANTIZE", [real], [y])
    return tflite.write_model(builder.build([x], [y]))


def test_a_model_in_int8_passes_without_a_word() -> None:
    graph, warnings = read_quantized(tflite.write_model(tiny()), "m")
    assert [node.op for node in graph.nodes] == ["FULLY_CONNECTED"]
    assert warnings == ()


@pytest.mark.parametrize(
    ("op", "remedy"),
    [
        ("NEG", "Use SUB from a constant 0, or MUL by a constant -1."),
        ("ELU", "Use ReLU, hard_swish, sigmoid or tanh, which are quantised."),
        ("FLOOR", "Replace the layer by one that is quantised; mcu-slm ops lists what runs."),
    ],
)
def test_an_operator_left_in_float_is_named_with_its_layer(op: str, remedy: str) -> None:
    with pytest.raises(UnsupportedOperatorError) as caught:
        read_quantized(around(op), "m.keras")
    error = caught.value
    assert error.where == "m.keras"
    assert error.found == (
        f"TensorFlow's converter left operators in float: {op} in net/dense_0/{op}"
    )
    assert error.expected == "a model that is INT8 throughout"
    assert error.remedy == remedy
    assert error.values == {"operators": [op]}


def test_float_values_that_only_move_are_a_warning() -> None:
    graph, warnings = read_quantized(around("RESHAPE"), "m.keras")
    assert [node.op for node in graph.nodes] == ["DEQUANTIZE", "RESHAPE", "QUANTIZE"]
    assert warnings == (
        "RESHAPE in net/dense_0/RESHAPE moves float values: around it the device computes in float",
    )


def test_many_are_counted() -> None:
    with pytest.raises(UnsupportedOperatorError, match=r"NEG in net/dense_3/NEG and 2 more;"):
        read_quantized(around("NEG", layers=6), "m.keras")


def test_bytes_that_are_no_flatbuffer_are_refused() -> None:
    with pytest.raises(ModelError, match=r"m\.keras: not a TensorFlow Lite flatbuffer"):
        read_quantized(b"no flatbuffer", "m.keras")
