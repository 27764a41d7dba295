"""Layers that share a matrix kernel although their depths, positions and channels differ."""

from __future__ import annotations

import pytest

from mcu_slm import ops
from mcu_slm.compile.program import make_program
from mcu_slm.dsp import price
from mcu_slm.passes import target_for
from tests.dsp.legs import EqualsTheJudge, Legs, legs_of
from tests.dsp.ways import first_way
from tests.models import merge
from tests.ops.case import Case
from tests.ops.cases import conv

ZERO_POINTS = {"RELU": (-128, -128), "NONE": (-128, 3)}
DEPTHS = (1, 4, 7, 16, 30, 48, 64)


def cases() -> list[Case]:
    """Pointwise layers of depths that fill registers wholly, in part, and hardly at all."""
    return [
        conv(
            f"{depth} to {channels}, {activation}",
            (1, 3, width, depth),
            (1, 1),
            channels,
            activation=activation,
            real=0.002,
            zero_points=(-128, -128) if depth % 2 else (-5, 3),
        )
        for depth in DEPTHS
        for channels, width, activation in ((8, 4, "RELU"), (7, 5, "RELU6"), (5, 4, "NONE"))
    ]


def images() -> list[Case]:
    """Images by Winograd's method, whose negative sums matter or do not."""
    return [
        conv(
            f"image of {depth}, {activation}", (1, 16, 16, depth), (3, 3), 8, padding="SAME",
            activation=activation, real=0.001 * step, zero_points=ZERO_POINTS[activation],
        )
        for step, (depth, activation) in enumerate(
            [(16, "RELU"), (16, "NONE"), (16, "RELU"), (32, "NONE")], 1
        )
    ]  # fmt: skip


def kernels_of(chosen: list[Case], place: int = 0) -> list[str]:
    """Return a kernel of each layer of a model."""
    graph = merge([case.graph for case in chosen])
    with first_way():
        program = make_program(graph, b"", target_for("dsp", "speed", None))
    return [operator.generated[place].name for operator in program.operators]


@pytest.fixture(scope="module")
def legs(tmp_path_factory: pytest.TempPathFactory) -> Legs:
    return legs_of([*cases(), *images()], tmp_path_factory.mktemp("sharing"), seed=6)


@pytest.mark.unit
def test_one_kernel_serves_all_depths() -> None:
    kernels = kernels_of(cases())
    shared = [case.name for case, name in zip(cases(), kernels, strict=True) if "_to64_" in name]
    assert {int(name.split()[0]) for name in shared} >= set(DEPTHS) - {1}
    assert len(set(kernels)) < len(kernels) / 3


@pytest.mark.unit
def test_code_is_shared_only_where_it_is_worth_the_cycles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(price, "SHARE_PER_BYTE", 1e-9)
    assert not any("_gemm_to" in name for name in kernels_of(cases()))


@pytest.mark.unit
def test_a_kernel_leaves_out_what_no_layer_needs() -> None:
    def layer(width: int, channels: int) -> Case:
        return conv(f"{width}, {channels}", (1, 3, width, 8), (1, 1), channels, real=0.002)

    even, single, rests, lone = layer(4, 8), layer(3, 8), layer(6, 8), layer(4, 7)
    for chosen, ending in (
        ([even], "_by8"), ([even, rests], "_few_by8"), ([lone, even], "_lone"),
        ([rests, even, lone], "_few_lone"), ([even, single], "_one_by8"),
    ):  # fmt: skip
        (kernel,) = set(kernels_of(chosen))
        assert kernel.endswith(ending)
        assert ("_few" in kernel, "_lone" in kernel) == ("_few" in ending, "_lone" in ending)


@pytest.mark.unit
def test_every_layer_keeps_its_numbers() -> None:
    graph = merge([case.graph for case in cases()])
    parsed = ops.parse_graph(graph)
    with first_way():
        shared = make_program(graph, b"", target_for("dsp", "speed", None)).operators
    assert [x.requantization() for x in shared] == [x.requantization() for x in parsed]


@pytest.mark.unit
def test_outputs_of_tiles_are_made_by_one_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(price, "SHARE_PER_BYTE", 1e-9)
    assert len(set(kernels_of(images(), -2))) > 1
    monkeypatch.setattr(price, "SHARE_PER_BYTE", 1.0)
    _, *others = kernels_of(images(), -2)  # the first has sums that this shift is too coarse for
    assert len(set(others)) == 1
    assert "_winograd4_tiles_signed_" in others[0]


@pytest.mark.unit
def test_layers_without_negative_sums_take_the_correction_to_share_code(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pair = [
        conv(activation, (1, 3, 4, 32), (1, 1), 6, activation=activation, real=0.002,
             zero_points=ZERO_POINTS[activation])
        for activation in ("RELU", "NONE")
    ]  # fmt: skip
    monkeypatch.setattr(price, "SHARE_PER_BYTE", 1e-9)
    assert len(set(kernels_of(pair))) > 1
    monkeypatch.setattr(price, "SHARE_PER_BYTE", 1.0)
    (kernel,) = set(kernels_of(pair))
    assert "_gemm_32_signed_" in kernel


class TestSharedKernels(EqualsTheJudge):
    pass
