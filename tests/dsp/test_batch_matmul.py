"""BATCH_MATMUL of the dsp family: blocks, transpositions, rests, extreme zero points."""

from __future__ import annotations

import pytest

from mcu_slm.dsp.batch_matmul import BlockedBatchMatMul
from mcu_slm.dsp.row_product import RowProduct
from tests.dsp.legs import EqualsTheJudge, Legs, legs_of, specialized
from tests.ops.case import Case
from tests.ops.cases import batch_matmul, batch_matmul_cases

PLAIN = ("left shift",)
"""What keeps its portable kernel."""


def cases() -> list[Case]:
    """The operator's own cases, and shapes with every rest and more than one block."""
    found = list(batch_matmul_cases())
    for adj_x in (False, True):
        for adj_y in (False, True):
            for rows, depth, columns in ((16, 8, 16), (7, 12, 6), (2, 37, 5), (1, 64, 9)):
                left = (2, depth, rows) if adj_x else (2, rows, depth)
                right = (2, columns, depth) if adj_y else (2, depth, columns)
                name = f"{rows}x{depth}x{columns} {adj_x} {adj_y}"
                found.append(batch_matmul(name, left, right, adj_x=adj_x, adj_y=adj_y))
    zero_points = (-128, 127, -128)
    found += [
        batch_matmul(name, left, right, adj_y=adj_y, output_scale=1.5, zero_points=zero_points)
        for name, left, right, adj_y in (
            ("blocks of both", (1, 41, 100), (1, 100, 38), False),
            ("blocks by rows", (1, 9, 300), (1, 5, 300), True),
        )
    ]
    found.append(batch_matmul("rows with a rest", (3, 1, 7), (3, 7, 11)))
    found.append(batch_matmul("a row for all", (1, 1, 8), (2, 8, 4), zero_points=(127, -128, 5)))
    found.append(batch_matmul("broadcast", (2, 1, 5, 8), (1, 3, 8, 4), output_scale=0.04))
    return found


@pytest.fixture(scope="module")
def legs(tmp_path_factory: pytest.TempPathFactory) -> Legs:
    return legs_of(cases(), tmp_path_factory.mktemp("bmm"), seed=4)


@pytest.mark.unit
def test_only_a_left_shift_keeps_its_portable_kernel() -> None:
    found = {
        case.name: isinstance(specialized(case), BlockedBatchMatMul | RowProduct)
        for case in cases()
    }
    assert [name for name, is_ours in found.items() if not is_ours] == list(PLAIN)


@pytest.mark.unit
def test_single_rows_have_a_kernel_of_their_own() -> None:
    rows = [case.name for case in cases() if isinstance(specialized(case), RowProduct)]
    assert "rows with a rest" in rows
    assert "1x64x9 False False" in rows
    assert "1x64x9 False True" not in rows


@pytest.mark.unit
def test_working_memory_stays_small() -> None:
    sizes = [specialized(case).scratch_bytes for case in cases() if case.name not in PLAIN]
    assert max(sizes) <= 4096 + 1024


class TestMatrixProducts(EqualsTheJudge):
    """On this machine and on simulated cores."""
