"""Every error says where, what was found, what was expected and what to do."""

from __future__ import annotations

import pytest

from mcu_slm import errors
from mcu_slm.errors import McuSlmError

pytestmark = pytest.mark.unit

EXIT_CODES = {
    "ConfigError": 2,
    "DataError": 2,
    "ModelError": 2,
    "UnsupportedOperatorError": 2,
    "BoardError": 2,
    "UsageError": 2,
    "ToolError": 3,
    "BudgetError": 4,
    "TrainingError": 5,
    "BuildError": 6,
    "FirmwareFault": 6,
    "DeviceError": 6,
    "ProofError": 1,
}


def all_errors(root: type[McuSlmError] = McuSlmError) -> set[type[McuSlmError]]:
    return {root}.union(*(all_errors(child) for child in root.__subclasses__()))


def test_the_table_names_every_error_of_the_tree() -> None:
    tree = {kind.__name__ for kind in all_errors() if kind.__module__ == errors.__name__}
    assert tree == {*EXIT_CODES, "McuSlmError"}
    assert all(name in (errors.__doc__ or "") for name in tree)


@pytest.mark.parametrize("name", EXIT_CODES)
def test_an_error_has_four_parts_an_exit_code_and_its_numbers(name: str) -> None:
    kind = getattr(errors, name)
    error = kind("layer 3", "17 rows", "16", "Drop one row.", rows=17, limit=16)
    assert str(error) == "layer 3: 17 rows; expected 16. Drop one row."
    assert (error.where, error.found) == ("layer 3", "17 rows")
    assert (error.expected, error.remedy) == ("16", "Drop one row.")
    assert error.values == {"rows": 17, "limit": 16}
    assert error.exit_code == EXIT_CODES[name]
    assert isinstance(error, McuSlmError)


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (("file", "is empty"), "file: is empty."),
        (("file", "is empty", "a table"), "file: is empty; expected a table."),
        (("file", "is empty", "", "Fill it."), "file: is empty. Fill it."),
        (("file", "why is it empty?", "", "Fill it."), "file: why is it empty? Fill it."),
        (("file", "no such file."), "file: no such file."),
    ],
)
def test_parts_that_say_nothing_leave_no_trace(parts: tuple[str, ...], text: str) -> None:
    assert str(McuSlmError(*parts)) == text


def test_a_missing_package_names_the_extra_that_brings_it() -> None:
    error = errors.missing_extra("torch", "train", "training")
    assert isinstance(error, errors.ToolError)
    assert "pip install 'mcu-slm[train]'" in str(error)
    assert str(error).startswith("training: the Python package torch is not installed.")
    assert error.values == {"package": "torch", "extra": "train"}
