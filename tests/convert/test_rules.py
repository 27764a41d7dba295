"""Every rule refuses a graph that breaks it, and names the tensor."""

import pytest

from mcu_slm.convert import check_rules
from mcu_slm.errors import ModelError
from mcu_slm.ir import GraphBuilder

pytestmark = pytest.mark.unit
SCALE = 0.5


def _graph(op: str = "RESHAPE", inputs: int = 1, dtype: str = "int8", **output):
    builder = GraphBuilder()
    parts = [builder.tensor(f"part{i}", (1, 4), dtype, scale=SCALE) for i in range(inputs)]
    y = builder.tensor("result", (1, 4), **({"scale": SCALE} | output))
    builder.node(op, parts, [y])
    return builder.build(parts, [y])


def test_a_legal_graph_passes():
    check_rules(_graph())
    check_rules(_graph("SOFTMAX", scale=1 / 256, zero_point=-128))
    check_rules(_graph("TANH", scale=1 / 128, zero_point=0))


def test_fully_connected_is_refused():
    with pytest.raises(ModelError, match="result: comes from FULLY_CONNECTED"):
        check_rules(_graph("FULLY_CONNECTED"))


def test_a_scale_with_too_many_bits_is_refused():
    with pytest.raises(ModelError, match=r"result: has scale 0\.1.*12 mantissa bits"):
        check_rules(_graph(scale=0.1))


@pytest.mark.parametrize("output", [{"scale": SCALE}, {"scale": 1 / 256, "zero_point": 0}])
def test_a_softmax_with_another_scale_is_refused(output):
    with pytest.raises(ModelError, match=r"result: has scale .* zero point -128 after SOFTMAX"):
        check_rules(_graph("SOFTMAX", **output))


def test_a_tanh_with_another_scale_is_refused():
    with pytest.raises(ModelError, match=r"result: has scale .* zero point 0 after TANH"):
        check_rules(_graph("TANH", scale=1 / 256, zero_point=0))


def _recurrent(hidden=(2.0**-7, 0), output=(2.0**-7, 0), cell="int16", *, variable=True):
    builder = GraphBuilder()
    x = builder.tensor("x", (1, 2, 4), scale=SCALE)
    states = [
        builder.tensor(
            "hidden", (1, 4), scale=hidden[0], zero_point=hidden[1], is_variable=variable
        ),
        builder.tensor("cell", (1, 4), cell, scale=2.0**-11, is_variable=variable),
    ]
    y = builder.tensor("states", (1, 2, 4), scale=output[0], zero_point=output[1])
    inputs = [x, *[-1] * 17, *states, *[-1] * 4]
    builder.node("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, [y])
    return builder.build([x], [y])


def test_a_recurrent_layer_with_its_fixed_scale_passes():
    check_rules(_recurrent())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"output": (2.0**-8, 0)}, r"states: has scale .* after UNIDIRECTIONAL_SEQUENCE_LSTM"),
        ({"hidden": (2.0**-7, 1)}, "hidden: has another scale than the output of its layer"),
        ({"cell": "int8"}, "cell: is int8, variable: True; expected int16, variable"),
        ({"variable": False}, "hidden: is int8, variable: False; expected int8, variable"),
    ],
)
def test_a_recurrent_layer_with_other_states_is_refused(changed, message):
    with pytest.raises(ModelError, match=message):
        check_rules(_recurrent(**changed))


def test_a_float_tensor_is_refused():
    with pytest.raises(ModelError, match="part0: has type float32; expected int8 or int32"):
        check_rules(_graph(dtype="float32"))


def test_an_int32_input_is_refused():
    with pytest.raises(ModelError, match="part0: is int32; expected int8 inputs"):
        check_rules(_graph(dtype="int32"))


def test_a_tensor_without_scale_is_refused():
    with pytest.raises(ModelError, match="result: has no scale"):
        check_rules(_graph(scale=None))


def test_eleven_joined_tensors_are_refused():
    check_rules(_graph("CONCATENATION", inputs=10))
    with pytest.raises(ModelError, match="result: joins 11 tensors; expected at most 10"):
        check_rules(_graph("CONCATENATION", inputs=11))


def test_joined_tensors_of_different_scales_are_refused():
    with pytest.raises(ModelError, match=r"part0: has another scale.*that of result"):
        check_rules(_graph("CONCATENATION", inputs=2, scale=0.25))
