"""The page of the checker names every rule, and only those."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mcu_slm.tflite.rules import RULES

pytestmark = pytest.mark.unit

PAGE = Path(__file__).resolve().parents[2] / "docs" / "checker.md"


def test_the_page_lists_the_rules_as_they_are() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert dict(re.findall(r"^\| `([a-z-]+)` \| (.+) \|$", text, re.MULTILINE)) == RULES
