"""Some of the layers that the costs were fitted to, measured again."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from mcu_slm.costs import load_table, predict
from tests.costs.layers import DSP, PORTABLE, Cases
from tests.costs.measuring import measure

pytest.importorskip("unicorn", reason="skipped: unicorn is not installed")
pytestmark = [pytest.mark.emulator, pytest.mark.slow]

EVERY = 9
ROUNDING_PERCENT = 0.1
"""Costs are written with four digits."""
ADDRESS_INSTRUCTIONS = 1
"""What the address of a tensor takes more or less in other company: compilers share bases."""


def some(cases: Cases) -> Cases:
    return islice(cases, 1, None, EVERY)


@pytest.mark.parametrize(
    ("family", "makers"), [("portable", PORTABLE), ("dsp", DSP)], ids=["portable", "dsp"]
)
def test_layers_take_what_the_fit_says(family: str, makers: tuple, tmp_path: Path) -> None:
    table = load_table()
    seen = set()
    for number, make in enumerate(makers):
        graphs = [case.graph for case in some(make())]
        for sample in measure(graphs, family, "speed", tmp_path / str(number)):
            cost, known = predict(sample.operator), table.kernels.get(sample.kernel)
            assert cost is not None
            assert known is not None
            deviation = abs(100.0 * (cost.instructions / sample.instructions - 1.0))
            allowed = known.largest_error_percent + ROUNDING_PERCENT
            allowed += 100.0 * ADDRESS_INSTRUCTIONS / sample.instructions
            assert deviation <= allowed, sample.kernel
            seen.add(sample.kernel)
    wanted = {kernel for kernel in table.kernels if kernel.startswith("dsp_") == (family == "dsp")}
    assert len(seen & wanted) > 0.7 * len(wanted)
