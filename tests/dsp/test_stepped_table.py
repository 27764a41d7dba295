"""Tables by their steps: the same table, fewer bytes, filled where the arena has room."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from mcu_slm import ops
from mcu_slm.compile.program import Program, make_program
from mcu_slm.dsp import price
from mcu_slm.dsp.stepped_table import VALUES, SteppedTable, stepped
from mcu_slm.dsp.tuning import RAM, SIZE, SPEED, Tuning
from mcu_slm.ir import Graph
from mcu_slm.ops.add import Sum
from mcu_slm.ops.softmax import Softmax
from mcu_slm.passes import Target
from mcu_slm.quant import INT32_MAX, INT32_MIN
from tests.dsp.legs import EqualsTheJudge, Legs, legs_of
from tests.dsp.shaped_layers import softmax, with_room
from tests.models import merge
from tests.ops.builders import pair
from tests.ops.case import Case
from tests.passes.graphs import merged_heads

SCALES = (0.0004, 0.003, 0.0147, 0.0611, 0.0934, 0.1719, 0.3, 0.6, 0.71, 5.0)


def cases() -> list[Case]:
    """Tables of all slopes; sums that have no form in one shift."""
    found = [softmax(scale) for scale in SCALES]
    return found + [
        pair("ADD", f"add {n}", (1, 90, 40), (1, 90, 40), scales=scales)
        for n, scales in enumerate([(0.08, 0.05, 0.0903), (0.0071, 0.9, 0.4)])
    ]


def tables() -> Iterator[tuple[str, np.ndarray]]:
    for case in cases():
        (operator,) = ops.parse_graph(case.graph)
        assert isinstance(operator, Softmax | Sum)
        for constant in operator.constants():
            yield f"{case.name}, {constant.suffix}", constant.data


def filled(way: SteppedTable) -> list[int]:
    """Fill a table in Python integers, as the kernel does, and check that none leaves 32 bits."""
    wide, narrow = (constant.data.tolist() for constant in way.constants())
    values = [int(way.table[-1])]
    for lack in (*wide, *narrow):
        start = values[-1] + way.step
        predicted = start + (values[-1] * way.rate >> 32)
        values.append(predicted + lack)
        assert all(INT32_MIN <= x <= INT32_MAX for x in (start, predicted, values[-1]))
    return values[::-1]


@pytest.mark.unit
def test_filled_tables_are_the_tables() -> None:
    found = {name: stepped(table) for name, table in tables()}
    for name, table in tables():
        way = found[name]
        if way is not None:
            assert filled(way) == table.tolist(), name
            assert 0 < way.saved_bytes < 4 * VALUES
            assert (len(way.steps) - way.wide_count) % 4 == 0
    few = [name for name, way in found.items() if way is None]
    assert all(float(name.split(",")[0].split()[1]) > 0.5 for name in few)  # too steep
    assert len(few) < 3


@pytest.mark.unit
def test_a_table_without_a_rule_stays() -> None:
    rng = np.random.default_rng(1)
    assert stepped(rng.integers(INT32_MIN, INT32_MAX, VALUES).astype(np.int32)) is None
    ends = np.full(VALUES, INT32_MAX, np.int32)
    ends[::2] = INT32_MIN
    assert stepped(ends) is None


def program_of(graph: Graph, tuning: Tuning, share: float) -> Program:
    """Compile with a byte of code worth a share of the cycles."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(price, "SHARE_PER_BYTE", share)
        return make_program(graph, b"", Target(tuning))


@pytest.mark.unit
def test_tables_are_filled_where_that_is_worth_it() -> None:
    graph = with_room()

    def names(tuning: Tuning, share: float) -> list[str]:
        return [step.node.op for step in program_of(graph, tuning, share).steps]

    assert names(SPEED, 1.0) == ["FILL_TABLE", "SOFTMAX"] * 2
    assert names(SPEED, 1e-9) == ["SOFTMAX"] * 2
    assert names(SIZE, 1e-9) == ["FILL_TABLE", "SOFTMAX"] * 2
    assert names(RAM, 1.0) == ["SOFTMAX"] * 2


@pytest.mark.unit
def test_a_table_without_room_stays() -> None:
    assert [step.node.op for step in program_of(softmax(0.0611).graph, SIZE, 1.0).steps] == [
        "SOFTMAX"
    ]


@pytest.mark.unit
def test_the_arena_never_grows() -> None:
    graphs = [merged_heads(4, 4, length) for length in (4, 8, 24, 40)]
    graphs += [merge([case.graph]) for case in (softmax(0.0611), cases()[-1])]
    for graph in graphs:
        stored, shorter = (program_of(graph, SPEED, share) for share in (1e-9, 1.0))
        assert shorter.plan.arena_bytes <= stored.plan.arena_bytes
        assert len(shorter.steps) >= len(stored.steps)


@pytest.fixture(scope="module")
def legs(tmp_path_factory: pytest.TempPathFactory) -> Legs:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(price, "SHARE_PER_BYTE", 1.0)
        found = legs_of(cases(), tmp_path_factory.mktemp("tables"), seed=12)
    filled = [layer for layer in found.compiled.layers if layer.op == "FILL_TABLE"]
    assert len(filled) >= len(SCALES) - 2  # two are too steep
    return found


class TestFilledTables(EqualsTheJudge):
    pass
