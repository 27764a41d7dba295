"""Of several ways to do a layer the one is taken that costs least by what is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from mcu_slm import dsp, ops
from mcu_slm.costs import Cost
from mcu_slm.dsp import choice, price
from mcu_slm.dsp.convolution import Convolution, MatrixProduct
from mcu_slm.dsp.rows import RowProducts
from mcu_slm.dsp.tuning import RAM, SIZE, SPEED, TUNINGS, Tuning
from mcu_slm.dsp.winograd_layer import WinogradLayer
from mcu_slm.ops.base import Activations, Arguments, Constant, Operator
from mcu_slm.ops.conv_2d import Conv2D
from tests.costs.measuring import forced, measure
from tests.ops.case import Case
from tests.ops.cases import conv, fully_connected


@dataclass(frozen=True, eq=False)
class Way(Operator):
    """A way of which only the costs are known."""

    cycles: float | None
    scratch: int = 0
    table_bytes: int = 0
    code_bytes: int = 0

    @property
    def scratch_bytes(self) -> int:
        return self.scratch

    def constants(self) -> tuple[Constant, ...]:
        return (Constant("table", np.zeros(self.table_bytes, np.int8)),)

    def reference(self, inputs: Sequence[Activations]) -> list[Activations]:
        raise AssertionError("never computed")

    def call(self, arguments: Arguments) -> str:
        raise AssertionError("never called")


@pytest.fixture
def known_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    def predict(way: Way) -> Cost | None:
        return None if way.cycles is None else Cost(1.0, way.cycles)

    monkeypatch.setattr(choice, "predict", predict)
    monkeypatch.setattr(choice, "code_bytes", lambda way: way.code_bytes)


@pytest.mark.unit
@pytest.mark.parametrize(
    ("tuning", "ways", "taken"),
    [
        (SPEED, [Way(30.0, 0), Way(20.0, 9000), Way(25.0, 10)], 1),
        (SPEED, [Way(20.0, 300), Way(20.0, 200), Way(20.0, 250)], 1),
        (SPEED, [Way(20.0), Way(20.0)], 0),
        (RAM, [Way(20.0, 300), Way(90.0, 200), Way(80.0, 200)], 2),
        (SIZE, [Way(1.0, 0, 700, 50), Way(9.0, 0, 100, 600), Way(5.0, 0, 749, 2)], 1),
        (SIZE, [Way(7.0, 0, 100, 50), Way(6.0, 0, 50, 100)], 1),
        (SPEED, [Way(30.0), Way(None), Way(1.0)], 0),
        (SPEED, [Way(None), Way(2.0), Way(1.0)], 0),
        (RAM, [Way(5.0)], 0),
    ],
)
@pytest.mark.usefixtures("known_costs")
def test_the_cheapest_way_is_taken(tuning: Tuning, ways: list[Way], taken: int) -> None:
    assert choice.cheapest(ways, tuning) is ways[taken]


def layer_of(case: Case) -> Operator:
    (operator,) = ops.parse_graph(case.graph)
    return operator


@pytest.mark.unit
def test_an_image_is_done_by_winograd_for_speed_and_directly_for_working_memory() -> None:
    image = layer_of(conv("image", (1, 16, 16, 32), (3, 3), 32, padding="SAME"))
    fast, small = dsp.specialize(image, SPEED), dsp.specialize(image, RAM)
    assert isinstance(fast, WinogradLayer)
    assert isinstance(small, Convolution)
    assert small.scratch_bytes < fast.scratch_bytes
    assert choice.predict(fast).cycles < choice.predict(small).cycles


@pytest.mark.unit
def test_a_row_and_many_rows_have_kernels_of_their_own() -> None:
    one, many = (layer_of(fully_connected("rows", (n, 64), 32)) for n in (1, 16))
    assert isinstance(dsp.specialize(one), RowProducts)
    assert isinstance(dsp.specialize(many), MatrixProduct)


@pytest.mark.unit
@pytest.mark.parametrize("optimize", TUNINGS)
def test_portable_kernels_do_what_the_family_has_nothing_for(optimize: str) -> None:
    grouped = layer_of(conv("groups", (1, 5, 5, 8), (3, 3), 8, groups=2, padding="SAME"))
    assert type(dsp.specialize(grouped, TUNINGS[optimize])) is Conv2D


NOTABLE = 1.1
"""Small layers are predicted to about 5 %, either way of two."""

CASES = [
    conv("wide image", (1, 12, 12, 24), (3, 3), 16, padding="SAME"),
    conv("little image", (1, 6, 5, 8), (3, 3), 4, padding="SAME"),
    conv("bordered image", (1, 7, 7, 5), (3, 3), 10, padding="SAME"),
    conv("tall windows", (1, 14, 9, 3), (5, 2), 12, padding="SAME", stride=(2, 1)),
    *(fully_connected(f"{n} rows of {depth}", (n, depth), 24)
      for n in (1, 2, 3, 4, 5, 8) for depth in (6, 40, 150)),
]  # fmt: skip


@pytest.mark.emulator
def test_no_other_way_is_notably_faster_on_the_core(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("unicorn", reason="skipped: unicorn is not installed")
    monkeypatch.setattr(price, "SHARE_PER_BYTE", 1e-9)  # no code is shared at the price of cycles
    graphs = [case.graph for case in CASES]
    chosen = measure(graphs, "dsp", "speed", tmp_path / "chosen")
    for way in range(3):
        with forced(way):
            others = measure(graphs, "dsp", "speed", tmp_path / str(way))
        for case, taken, other in zip(CASES, chosen, others, strict=True):
            assert taken.cycles <= NOTABLE * other.cycles, (case.name, other.kernel)
