"""The data file is read strictly, and knows every operator."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcu_slm import dsp, ops
from mcu_slm.costs import TABLE_FILE, Cost, CostTable, KernelCosts, kernel_of, load_table, predict
from mcu_slm.errors import McuSlmError
from mcu_slm.ops.base import Operator
from tests.costs.unmeasured import UNMEASURED
from tests.models import tiny
from tests.ops.cases import CASES

pytestmark = pytest.mark.unit

TABLE = """\
compiler = "cc 1"
core = "cortex-m4"
optimization = "-O2"
unmeasured = ["cast"]

[kernels.fully_connected_s8]
layers = 3
largest_error_percent = 0.5
code_bytes = 300

[kernels.fully_connected_s8.features]
calls = [10.0, 20.0]
rows = [2.5, 3.0]
"""


def both_families(op: str) -> list[Operator]:
    """Return the operators of all cases, as each family and tuning does them."""
    found = []
    for case in CASES[op]():
        plain = ops.parse_graph(ops.fold_graph(case.graph))
        found += plain
        found += [dsp.specialize(x, tuning) for x in plain for tuning in dsp.TUNINGS.values()]
    return [x for x in found if x.kernels or x.generated]


@pytest.mark.parametrize("op", sorted(CASES))
def test_every_operator_has_costs_or_is_listed_without(op: str) -> None:
    table = load_table()
    for operator in both_families(op):
        counts = operator.features()
        assert all(count >= 0 for count in counts.values()), counts
        if kernel_of(operator) in UNMEASURED:
            assert kernel_of(operator) in table.unmeasured
            assert predict(operator) is None
        else:
            assert counts, kernel_of(operator)
            assert kernel_of(operator) in table.kernels


def test_unmeasured_kernels_are_those_that_cases_use() -> None:
    used = {kernel_of(operator) for op in CASES for operator in both_families(op)}
    known = set(UNMEASURED) | set(load_table().kernels)
    assert used <= known
    others = {"dsp_winograd", "dsp_winograd4", "dsp_gemv_panels"}  # larger images, wider rows
    others |= {"dsp_depthwise_whole", "dsp_steps"}  # whole images; made by a pass
    assert known - used == others
    assert load_table().unmeasured == tuple(sorted(UNMEASURED))


def test_costs_are_not_negative_and_every_kernel_takes_something() -> None:
    for name, kernel in load_table().kernels.items():
        costs = kernel.features.values()
        assert all(cost.instructions >= 0 and cost.cycles >= 0 for cost in costs)
        assert any(cost.instructions > 0 and cost.cycles > 0 for cost in costs), name
        assert 0 < kernel.code_bytes < 20_000


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("[kernels", "[[kernels"), "cannot be read"),
        (('core = "cortex-m4"\n', ""), "the file: found"),
        (("unmeasured", "unmesured"), "the file: found"),
        (('["cast"]', "[1]"), "names of kernels"),
        (('["cast"]', '["fully_connected_s8"]'), "kernels without numbers"),
        (("optimization = ", "optimization = 3 # "), "a text"),
        (("layers = 3", "layers = 0"), "a number of them"),
        (("layers = 3", "layers = true"), "a number of them"),
        (("= 0.5", "= -0.5"), "a number from 0.0 on"),
        (("= 300", "= 300.5"), "bytes"),
        (("[10.0, 20.0]", "[10.0]"), "instructions and cycles"),
        (("[10.0, 20.0]", "[10, 20]"), "instructions and cycles"),
        (("[10.0, 20.0]", "[-1.0, 20.0]"), "instructions and cycles"),
        (("[10.0, 20.0]", "[nan, 20.0]"), "instructions and cycles"),
        (("layers = 3", "layers = 3\nmore = 1"), "exactly the keys"),
    ],
)
def test_a_table_that_says_something_else_is_refused(
    change: tuple[str, str], expected: str, tmp_path: Path
) -> None:
    path = tmp_path / "table.toml"
    path.write_text(TABLE, encoding="utf-8")
    assert load_table(path).kernels["fully_connected_s8"].features["rows"] == Cost(2.5, 3.0)
    broken = tmp_path / "broken.toml"
    broken.write_text(TABLE.replace(*change, 1), encoding="utf-8")
    with pytest.raises(McuSlmError, match=expected) as caught:
        load_table(broken)
    assert caught.value.where.startswith(str(broken))
    assert caught.value.remedy == "Measure again: make costs"


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(McuSlmError, match=r"nothing\.toml: cannot be read"):
        load_table(tmp_path / "nothing.toml")


def table_of(**features: Cost) -> CostTable:
    kernel = KernelCosts(1, 0.0, 100, features)
    return CostTable("cc", "cortex-m4", "-O2", (), {"fully_connected_s8": kernel})


def test_a_prediction_multiplies_and_adds() -> None:
    (operator,) = ops.parse_graph(tiny())
    counts = operator.features()
    known = {name: Cost(2.0, 3.0) for name in counts} | {"calls": Cost(5.0, 7.0)}
    total = sum(counts.values())
    assert predict(operator, table_of(**known)) == Cost(5.0 + 2 * total, 7.0 + 3 * total)


def test_what_was_never_measured_has_no_prediction() -> None:
    (operator,) = ops.parse_graph(tiny())
    known = {name: Cost(2.0, 3.0) for name in operator.features()}
    del known["rows"]
    assert predict(operator, table_of(**known)) is None
    assert predict(operator, CostTable("cc", "cortex-m4", "-O2", (), {})) is None


def test_the_table_is_part_of_the_package() -> None:
    assert TABLE_FILE.is_file()
    assert "gcc" in load_table().compiler
