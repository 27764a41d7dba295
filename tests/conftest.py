"""What all rooms share: published models, repeatable property tests, time that tests decide."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from tests.clock import FakeClock

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


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """Time for scripted ports: only waiting for a byte takes any."""
    return FakeClock().install(monkeypatch)


@pytest.fixture
def core_clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """Time for simulated boards: half a millisecond passes at each look between slices of work."""
    return FakeClock(look_s=2**-11).install(monkeypatch)
