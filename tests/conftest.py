"""What all rooms share: where published models lie, and repeatable property tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")

_REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def published_models() -> Path:
    """The folder of models that other people published; they are never part of the repository."""
    folder = Path(os.environ.get("MCU_SLM_SHARED", _REPOSITORY.parent / "shared")) / "models"
    if not folder.is_dir():
        pytest.skip("skipped: no shared data")
    return folder
