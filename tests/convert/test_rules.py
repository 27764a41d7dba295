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
