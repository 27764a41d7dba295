"""Optional packages: loaded only by the reader that needs them, and named when they are missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mcu_slm.errors import ToolError
from tests.data.sources import CSV, config, load

pytestmark = pytest.mark.unit

AEON = {k: v for k, v in CSV.items() if k not in ("label", "files")} | {
    "format": "aeon",
    "dataset": "GunPoint",
    "split": {"kind": "official"},
}


def test_missing_pyarrow_names_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "up.parquet").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ToolError, match=r"pip install 'mcu-slm\[data\]'"):
        load(tmp_path, CSV, format="parquet", files=["*.parquet"])


def test_missing_aeon_names_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert config(AEON).dataset == "GunPoint"
    monkeypatch.setitem(sys.modules, "aeon", None)
    with pytest.raises(ToolError, match=r"pip install 'mcu-slm\[datasets\]'"):
        load(tmp_path, AEON)


def test_importing_the_room_loads_no_optional_package() -> None:
    code = (
        "import sys, mcu_slm.config, mcu_slm.data\n"
        "print([m for m in ('torch', 'pyarrow', 'aeon', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
