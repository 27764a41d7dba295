"""The most lines of code that the flash delivers."""

from __future__ import annotations

import pytest

from mcu_slm.simulator.trace import BODY_ONLY, BRANCH_ONLY, WHOLE, Edge
from mcu_slm.simulator.wait_states import most_lines_read

pytestmark = pytest.mark.unit

START = (0x100, 4)


def test_code_that_fits_the_cache_is_read_once() -> None:
    loop = Edge(1, WHOLE, (0x200, 40), (0x200, 40), 1000)
    assert most_lines_read([loop], 16, 64) == 3
    assert most_lines_read([Edge(1, BODY_ONLY, START, (0x20E, 4), 7)], 16, 64) == 2


def test_longer_code_is_read_every_time() -> None:
    loop = Edge(1, WHOLE, (0x200, 160), (0x200, 160), 1000)
    assert most_lines_read([loop], 16, 10) == 10
    assert most_lines_read([loop], 16, 9) == 10_000


def test_each_function_is_counted_by_itself() -> None:
    edges = [
        Edge(1, WHOLE, START, (0x200, 160), 50),
        Edge(2, WHOLE, START, (0x200, 32), 50),
        Edge(2, BRANCH_ONLY, START, (0x900, 64), 50),
    ]
    assert most_lines_read(edges, 16, 9) == 50 * 10 + 2
