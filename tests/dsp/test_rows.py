"""FULLY_CONNECTED of one row or a few: blocks of channels, panels of blocks, channels left."""

from __future__ import annotations

import numpy as np
import pytest

from mcu_slm import dsp
from mcu_slm.compile.program import make_program
from mcu_slm.dsp.rows import RowProducts
from mcu_slm.passes import target_for
from tests.dsp.legs import EqualsTheJudge, Legs, legs_of, specialized
from tests.dsp.ways import first_way
from tests.models import merge
from tests.ops.case import Case
from tests.ops.cases import fully_connected

PANELS = (
    # rows, inputs, outputs: with rests of inputs, of channels, of a panel, or without
    (1, 128, 128), (1, 100, 96), (2, 73, 60), (1, 192, 49), (3, 146, 27), (1, 131, 530),
)  # fmt: skip
BLOCKS = ((1, 128, 16), (1, 8, 128), (2, 30, 17), (1, 13, 3), (3, 61, 9))
ZERO_POINTS = ((-128, -128), (7, -6), (127, -128), (-5, 127))
ACTIVATIONS = ("RELU", "NONE", "RELU6")


def cases() -> list[Case]:
    """Both orders of loops with every form of rescaling."""
    return [
        fully_connected(
            f"{rows}x{inputs}x{outputs} {number}", (rows, inputs), outputs,
            activation=ACTIVATIONS[number % 3], zero_points=ZERO_POINTS[number % 4],
            real=0.0004 * (1 + number), per_channel=number % 2 == 1,
        )
        for rows, inputs, outputs in (*PANELS, *BLOCKS)
        for number in range(4)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def legs(tmp_path_factory: pytest.TempPathFactory) -> Legs:
    return legs_of(cases(), tmp_path_factory.mktemp("rows"), seed=8)


def kernel(case: Case) -> str:
    made = specialized(case).generated
    return made[0].name if made else ""


@pytest.mark.unit
def test_panels_are_for_many_inputs_and_many_channels() -> None:
    of_panels = {case.name.split()[0] for case in cases() if "_panels_" in kernel(case)}
    assert of_panels == {"x".join(map(str, shape)) for shape in PANELS}
    forms = {kernel(case).partition("_panels_")[2] for case in cases()}
    for part in ("short", "signed", "uniform", "clamped"):
        assert any(part in form for form in forms), part


@pytest.mark.unit
def test_every_word_of_the_weights_has_its_place() -> None:
    layer = next(specialized(case) for case in cases() if case.name.startswith("1x100x96"))
    assert isinstance(layer, RowProducts)
    plain = layer.matrix.constants()[0].data
    words = layer.constants()[0].data
    panel, chunk = layer.generated[0].values.panel, layer.generated[0].values.chunk_pairs
    assert panel >= 12
    assert chunk < 50
    place = 0
    for first in range(0, 50, chunk):
        for block in range(12):
            for k in range(first, min(first + chunk, 50)):
                assert np.array_equal(words[place : place + 4], plain[4 * block : 4 * block + 4, k])
                place += 4
    assert place == words.size


@pytest.mark.unit
def test_sums_that_wait_take_little_memory() -> None:
    for case in cases():
        layer = specialized(case)
        assert isinstance(layer, RowProducts)
        assert layer.scratch_bytes <= 2 * layer.matrix.depth + 1024
        slim = dsp.slimmer(layer.plain, layer.scratch_bytes)
        assert slim is not None
        assert slim.scratch_bytes < layer.scratch_bytes


def kernels_of(layers: list[Case], core: str) -> list[str]:
    """Return the kernel of each layer of a model, as they share them."""
    graph = merge([case.graph for case in layers])
    with first_way():
        program = make_program(graph, b"", target_for("dsp", "speed", core))
    return [operator.generated[0].name for operator in program.operators if operator.generated]


@pytest.mark.unit
def test_a_small_layer_takes_the_kernel_of_a_large_one() -> None:
    large = fully_connected("large", (1, 128), 128, activation="RELU", zero_points=(-128, -128))
    small = fully_connected("small", (1, 128), 8, activation="RELU", zero_points=(-128, -128))
    found = kernels_of([large, small], "cortex-m4")
    assert len(found) == 2
    assert len(set(found)) == 1
    assert kernel(small) not in found


@pytest.mark.unit
def test_no_panels_where_inputs_come_from_memory() -> None:
    wide = [case for case in cases() if "_panels_" in kernel(case)]
    assert not any("_panels_" in name for name in kernels_of(wide, "cortex-m7"))
    assert any("_panels_" in name for name in kernels_of(wide, "cortex-m33"))


class TestRowProducts(EqualsTheJudge):
    """On this machine and on simulated cores."""
