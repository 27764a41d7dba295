"""`make new-op` gives files that import, lint and compile, and cases that pass."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from mcu_slm.errors import UsageError
from mcu_slm.ops.base import Arguments, NodeView
from mcu_slm.toolchain import WARNING_FLAGS
from tests.models import windows_of
from tests.ops.new_op import FILES, NEXT, ROOT, create

pytestmark = pytest.mark.unit

needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="skipped: no gcc")


def loaded(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_the_files_are_complete_and_the_cases_parse(tmp_path: Path) -> None:
    paths = create("ATAN2", tmp_path)
    assert sorted(p.name for p in paths) == [
        "atan2.py",
        "atan2_s8.c",
        "atan2_s8.h",
        "cases_atan2.py",
    ]
    assert len(paths) == len(FILES)
    for path in paths:
        assert "template" not in path.read_text(encoding="utf-8").lower()
    operator, cases = loaded(tmp_path / "mcu_slm/ops/atan2.py"), loaded(paths[-1])
    for case in cases.atan2_cases():
        layer = operator.parse(NodeView(case.graph, case.graph.nodes[0], 0))
        (window,) = windows_of(case.graph, 9, seed=1)
        np.testing.assert_array_equal(layer.reference([window])[0], window)
        assert "mcu_slm_atan2_s8(&layer, x, y);" in layer.call(Arguments(("x",), ("y",), {}))


def test_the_files_pass_the_linter(tmp_path: Path) -> None:
    create("ATAN2", tmp_path)
    for command in (["check"], ["format", "--check"]):
        arguments = [*command, "--config", str(ROOT / "pyproject.toml"), str(tmp_path)]
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *arguments], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


@needs_gcc
@pytest.mark.host
def test_the_kernel_compiles_without_warnings(tmp_path: Path) -> None:
    create("ATAN2", tmp_path)
    source = tmp_path / "mcu_slm/kernels/atan2_s8.c"
    command = ["gcc", "-std=c11", "-pedantic", *WARNING_FLAGS, "-Werror", "-c", str(source)]
    subprocess.run([*command, "-o", str(tmp_path / "kernel.o")], check=True)


@pytest.mark.parametrize("name", ["ADD", "NO_SUCH_OPERATOR", "atan2"])
def test_other_names_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        create(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    create("ATAN2", tmp_path)
    with pytest.raises(UsageError, match="ATAN2 is there already"):
        create("ATAN2", tmp_path)


def test_the_contributing_page_names_the_target_and_the_steps() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert "make new-op NAME=" in page
    for file in ("mcu_slm/tflite/schema.py", "tests/ops/cases.py", "tests/models.py"):
        assert file in page
        assert file in NEXT
