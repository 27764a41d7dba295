"""Boards and templates are found in a checkout and in a wheel."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcu_slm import resources

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("name", ["boards", "firmware_templates"])
def test_data_files_are_at_top_level_of_a_checkout(name: str) -> None:
    folder = resources.folder(name)
    assert folder.is_dir()
    assert any(folder.iterdir())


def test_a_wheel_carries_them_inside_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mcu_slm" / "_boards").mkdir(parents=True)
    monkeypatch.setattr(resources, "_PACKAGE", tmp_path / "mcu_slm")
    assert resources.folder("boards") == tmp_path / "mcu_slm" / "_boards"
    assert resources.folder("firmware_templates") == tmp_path / "firmware_templates"
