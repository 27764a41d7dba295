"""Who may import whom, and what must not be loaded just to start."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

REPOSITORY = Path(__file__).resolve().parents[2]
HEAVY = (
    "torch",
    "tensorflow",
    "keras",
    "unicorn",
    "tflite_micro",
    "ai_edge_litert",
    "pyocd",
    "aeon",
    "pyarrow",
)
LIGHT_ROOMS = (
    "mcu_slm.cli",
    "mcu_slm.cli_boards",
    "mcu_slm.cli_models",
    "mcu_slm.quantize",
    "mcu_slm.quantize.child",
    "mcu_slm.pipeline.quantization",
    "mcu_slm.compile",
    "mcu_slm.firmware",
    "mcu_slm.verify",
    "mcu_slm.device",
    "mcu_slm.data",
)


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def test_heavy_packages_are_not_loaded_by_importing_rooms() -> None:
    code = f"import sys, {', '.join(LIGHT_ROOMS)}\nprint(*(n for n in {HEAVY} if n in sys.modules))"
    done = python("-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_help_starts_without_heavy_packages() -> None:
    done = python("-X", "importtime", "-m", "mcu_slm", "--help")
    assert done.returncode == 0, done.stderr
    assert "compile" in done.stdout
    loaded = {
        line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()
    }
    assert "mcu_slm" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_layers_hold() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    command = str(linter) if linter.is_file() else shutil.which("lint-imports")
    if command is None:
        pytest.skip("skipped: import-linter is not installed")
    done = subprocess.run(
        [command, "--no-cache"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 broken" in done.stdout


def test_every_module_of_the_package_has_a_docstring_and_a_sane_length() -> None:
    modules = sorted((REPOSITORY / "mcu_slm").rglob("*.py"))
    assert len(modules) > 100
    for path in modules:
        text = path.read_text(encoding="utf-8")
        assert text.startswith(('"""', 'r"""')), path
        assert text.count("\n") <= 500, path
