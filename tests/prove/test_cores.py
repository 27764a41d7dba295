"""Random graphs on simulated bare Arm cores."""

from __future__ import annotations

import numpy as np
import pytest

from mcu_slm import toolchain
from mcu_slm.errors import FirmwareFault, ToolError
from mcu_slm.rows import Rows
from mcu_slm.verify import BareModel
from tests.models import needs_judge
from tests.prove import __main__ as command
from tests.prove.batches import Setup, run_batch
from tests.prove.cores import CORES, WINDOWS
from tests.prove.graphs import graph
from tests.prove.tally import Tally

pytestmark = [pytest.mark.emulator, needs_judge]

SEED, GRAPHS = 13, 10
THREE = ("cortex-m0plus", "cortex-m4", "cortex-m33")


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> Setup:
    pytest.importorskip("unicorn", reason="needs the package unicorn")
    try:
        toolchain.find_arm_compiler()
    except ToolError:
        pytest.skip("no Arm compiler is installed")
    return Setup(tmp_path_factory.mktemp("cores"), cores=THREE)


def proved(setup: Setup, graphs: int) -> Tally:
    tally = Tally(SEED, "")
    for outcome in run_batch(setup, SEED, range(graphs)).outcomes:
        tally.add(outcome)
    return tally


@pytest.mark.slow
def test_graphs_are_equal_on_three_cores(setup: Setup) -> None:
    made = [graph(SEED, number) for number in range(GRAPHS)]
    assert any(one.keeps_state for one in made)
    tally = proved(setup, GRAPHS)
    assert tally.failures == {}, tally.report(set())
    host = tally.bytes_compared["host"]
    assert host > 10_000
    windows = tally.windows // GRAPHS
    for core in THREE:
        assert tally.bytes_compared[core] * windows == host * WINDOWS
    dsp = {"host dsp", "cortex-m4 dsp", "cortex-m33 dsp"}
    assert set(tally.bytes_compared) == {"numpy", "host", *THREE} | dsp
    assert [line for line in tally.report(set(), CORES).splitlines() if "not run" in line] == [
        "     not run cortex-m3",
        "     not run cortex-m7",
    ]


def test_a_wrong_byte_on_a_core_is_found(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    right = BareModel.predict

    def wrong_at_the_end(self: BareModel, windows: Rows) -> Rows:
        found = right(self, windows)
        found[-1, -1] ^= np.int8(1)
        return found

    monkeypatch.setattr(BareModel, "predict", wrong_at_the_end)
    (outcome,) = run_batch(setup, SEED, [0]).outcomes
    assert outcome.failure is not None
    assert outcome.failure.way == (THREE[0], "differs")
    assert outcome.bytes_differing == {THREE[0]: 1}


def test_a_fault_on_a_core_is_a_failure(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    def faults(self: BareModel, windows: Rows) -> Rows:
        raise FirmwareFault("model.elf", "bus error", "none")

    monkeypatch.setattr(BareModel, "predict", faults)
    (outcome,) = run_batch(setup, SEED, [0]).outcomes
    assert outcome.failure is not None
    assert outcome.failure.way == (THREE[0], "failed")


def test_cores_are_named_with_commas(capsys: pytest.CaptureFixture[str]) -> None:
    parser = command._parser()
    assert parser.parse_args(["--cores", "cortex-m4,cortex-m7"]).cores == ("cortex-m4", "cortex-m7")
    with pytest.raises(SystemExit):
        parser.parse_args(["--cores", "cortex-m4,cortex-a53"])
    assert "cortex-a53: expected some of cortex-m0plus" in capsys.readouterr().err
