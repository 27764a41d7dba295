"""A wheel carries everything: boards, chips, templates, kernels; and no test or example."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("hatchling", reason="skipped: hatchling is not installed")

ROOT = Path(__file__).resolve().parents[2]

USE = """
from mcu_slm import boards, resources
from mcu_slm.firmware.templates import template_names
board = boards.load_board("nucleo_f446re")
assert "_boards" in str(resources.folder("boards"))
print(board.chip.name, len(template_names(board)), len(boards.list_boards()))
"""


@pytest.mark.unit
def test_the_wheel_works_without_the_checkout(tmp_path: Path) -> None:
    build = "from hatchling.build import build_wheel; import sys; print(build_wheel(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", build, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    site = tmp_path / "site"
    with zipfile.ZipFile(tmp_path / done.stdout.split()[-1]) as wheel:
        names = wheel.namelist()
        wheel.extractall(site)
    assert not [name for name in names if name.startswith(("tests/", "examples/", "docs/"))]
    kernels = {path.name for path in (ROOT / "mcu_slm" / "kernels").glob("*.[ch]")}
    assert kernels <= {Path(name).name for name in names}
    used = subprocess.run(
        [sys.executable, "-c", USE],
        cwd=tmp_path,
        env={"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert used.returncode == 0, used.stderr
    chip, templates, boards = used.stdout.split()
    assert chip == "stm32f446re"
    assert int(templates) >= 30
    assert int(boards) >= 2
