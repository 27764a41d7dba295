"""Matrix products of the dsp family: what fills no quad, weights that fill the registers twice."""

from __future__ import annotations

import pytest

from mcu_slm.compile.program import make_program
from mcu_slm.dsp import price
from mcu_slm.dsp.convolution import MatrixProduct
from mcu_slm.passes import target_for
from tests.dsp.legs import EqualsTheJudge, Legs, legs_of
from tests.dsp.ways import first_way
from tests.models import merge
from tests.ops.case import Case
from tests.ops.cases import conv

WIDTHS, CHANNELS, DEPTHS = (4, 5, 6, 11), (6, 7, 8), (4, 66, 75, 128, 130, 200)
"""Positions with 0 to 3 beyond whole quads; inputs that fit the registers, twice, or not at all."""


def product(width: int, depth: int, channels: int, activation: str = "RELU") -> Case:
    return conv(
        f"{width} by {depth} by {channels}, {activation}",
        (1, 1, width, depth), (1, 1), channels, activation=activation, real=0.004,
        zero_points=(-5, 3) if activation == "NONE" else (-128, -128),
    )  # fmt: skip


def cases() -> list[Case]:
    """Each count of positions with each depth, channels and activations by turns."""
    found = []
    for number, width in enumerate(WIDTHS):
        for other, depth in enumerate(DEPTHS):
            turn = number + other
            activation = ("RELU", "NONE", "RELU6")[turn % 3]
            found.append(product(width, depth, CHANNELS[turn % 3], activation))
    return found


def layers_of(chosen: list[Case]) -> list[MatrixProduct]:
    graph = merge([case.graph for case in chosen])
    with first_way():
        operators = make_program(graph, b"", target_for("dsp", "speed", None)).operators
    return [operator for operator in operators if isinstance(operator, MatrixProduct)]


@pytest.fixture(scope="module", autouse=True)
def _cheap_code() -> object:
    """Let code cost next to nothing, so that each layer has the fastest kernel that there is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(price, "SHARE_PER_BYTE", 1e-9)
        yield


@pytest.fixture(scope="module")
def legs(tmp_path_factory: pytest.TempPathFactory) -> Legs:
    return legs_of(cases(), tmp_path_factory.mktemp("products"), seed=11)


@pytest.mark.unit
def test_a_kernel_is_made_for_one_stride_where_all_layers_have_it() -> None:
    same = layers_of([product(4, 16, 8), product(8, 16, 8)])
    assert [layer.generated[0].name.endswith("_by8") for layer in same] == [True, True]
    several = layers_of([product(4, 16, 8), product(6, 16, 8)])
    assert [layer.generated[0].name.endswith("_few_by8") for layer in several] == [True, True]
    for other in (product(4, 16, 6), product(4, 16, 7)):
        mixed = layers_of([product(4, 16, 8), other])
        assert len({layer.generated[0].name for layer in mixed}) == 1, other.name
        assert not any("_by" in layer.generated[0].name for layer in mixed), other.name


@pytest.mark.unit
def test_weights_that_fill_the_registers_twice_stay_in_part() -> None:
    streamed = {
        layer.matrix.depth for layer in layers_of(cases()) if layer.generated[0].values.streams
    }
    assert streamed == {66, 76, 128}


@pytest.mark.unit
def test_second_channels_are_rescaled_as_they_are_where_negative_sums_do_not_matter() -> None:
    chosen = cases()
    forms = {
        case.name: layer.matrix.form for case, layer in zip(chosen, layers_of(chosen), strict=True)
    }
    assert {form for name, form in forms.items() if name.endswith("RELU")} == {"direct"}
    assert {form for name, form in forms.items() if name.endswith("NONE")} == {"signed"}


class TestMatrixProducts(EqualsTheJudge):
    pass
