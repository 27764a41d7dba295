"""Table, modules, kernels and tests name the same operators."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from mcu_slm import ops
from tests.models import unfolded_every_operator
from tests.ops.cases import CASES
from tests.ops.test_parse_errors import BROKEN
from tests.streaming_layers import streaming

pytestmark = pytest.mark.unit

PACKAGE = Path(ops.__file__).parent
KERNELS = PACKAGE.parent / "kernels"


def modules_with_parse() -> set[str]:
    """Return the modules of the room that define `parse`, by reading them."""
    found = set()
    for path in set(PACKAGE.glob("*.py")) - {PACKAGE / "TEMPLATE.py"}:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if any(isinstance(item, ast.FunctionDef) and item.name == "parse" for item in tree.body):
            found.add(path.stem)
    return found


def kernels_used() -> set[str]:
    """Return the kernels of every case of every operator, asked of the parsed operators."""
    return {
        kernel
        for make in CASES.values()
        for case in make()
        for operator in ops.parse_graph(ops.fold_graph(case.graph))
        for kernel in operator.kernels
    }


def test_every_module_is_in_the_table_under_its_own_name() -> None:
    assert {
        module.__name__.rpartition(".")[2] for module in ops.OPERATORS.values()
    } == modules_with_parse()
    for name, module in ops.OPERATORS.items():
        assert module.__name__.rpartition(".")[2] == name.lower()
        assert len((module.__doc__ or "").strip()) > 40


def test_every_operator_has_cases_and_parse_errors() -> None:
    assert set(CASES) == set(ops.OPERATORS)
    assert {op for op, _ in BROKEN} == set(ops.OPERATORS)
    whole = (*unfolded_every_operator().nodes, *streaming().nodes)
    assert {node.op for node in whole} == set(ops.OPERATORS)


@pytest.mark.parametrize("op", sorted(CASES))
def test_cases_use_the_operator_they_are_named_after(op: str) -> None:
    names = [case.name for case in CASES[op]()]
    assert len(names) == len(set(names)) >= 3
    assert all(op in {node.op for node in case.graph.nodes} for case in CASES[op]())


def test_kernels_and_their_files_are_the_same_set() -> None:
    sources = {path.stem for path in KERNELS.glob("*.c")}
    assert kernels_used() == sources
    assert all((KERNELS / f"{name}.h").is_file() for name in sources)


def test_every_kernel_file_defines_the_function_it_is_named_after() -> None:
    for source in KERNELS.glob("*.c"):
        assert f"void mcu_slm_{source.stem}(" in source.read_text(encoding="utf-8"), source.name
        assert f"void mcu_slm_{source.stem}(" in source.with_suffix(".h").read_text(
            encoding="utf-8"
        )


def test_the_readme_lists_the_operators_of_the_table() -> None:
    text = (PACKAGE.parents[1] / "README.md").read_text(encoding="utf-8")
    listed = text.partition("Supported operators: ")[2].partition(".")[0]
    assert listed.replace("\n", " ").split(", ") == sorted(ops.OPERATORS)
