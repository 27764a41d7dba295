"""Random graphs through judge, NumPy and generated C: two seeds, and one under sanitizers.

`make prove GRAPHS=10000` is the long run.
"""

from __future__ import annotations

import subprocess
import zlib
from pathlib import Path

import pytest

from tests.children import ROOT
from tests.models import needs_judge
from tests.prove.batches import BATCH, Setup, run_all, run_batch
from tests.prove.tally import Tally, start_or_continue

pytestmark = [pytest.mark.host, needs_judge]

FIXED_SEED, FIXED_GRAPHS = 1, 300
COMMIT_GRAPHS = 100
SANITIZED_SEED, SANITIZED_GRAPHS = 2, 30
NO_COMMIT_SEED = 20_261_128


def commit_seed() -> tuple[int, str]:
    """Return a seed that every commit has its own of, and where it comes from."""
    command = ["git", "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return NO_COMMIT_SEED, "no git here: a fixed seed instead of the commit's"
    commit = done.stdout.strip()
    return zlib.crc32(commit.encode()), f"seed of commit {commit}"


def proved(setup: Setup, seed: int, graphs: int) -> Tally:
    tally = Tally(seed, "")
    for batch in run_all(setup, seed, 0, graphs):
        for outcome in batch.outcomes:
            tally.add(outcome)
    return tally


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Setup:
    return Setup(tmp_path_factory.mktemp("prove"))


@pytest.mark.slow
def test_graphs_of_a_fixed_seed_are_equal_everywhere(plain: Setup) -> None:
    tally = proved(plain, FIXED_SEED, FIXED_GRAPHS)
    assert tally.failures == {}, tally.report(set())
    assert tally.windows == 16 * FIXED_GRAPHS
    assert tally.bytes_compared["numpy"] == tally.bytes_compared["host"] > 1_000_000
    assert tally.multipliers > FIXED_GRAPHS


@pytest.mark.slow
def test_graphs_of_this_commits_seed_are_equal_everywhere(plain: Setup) -> None:
    seed, where = commit_seed()
    print(where)
    tally = proved(plain, seed, COMMIT_GRAPHS)
    assert tally.failures == {}, f"{where}\n{tally.report(set())}"
    assert tally.windows == 16 * COMMIT_GRAPHS


@pytest.mark.slow
def test_graphs_are_equal_under_sanitizers(tmp_path: Path) -> None:
    tally = proved(Setup(tmp_path, sanitize=True), SANITIZED_SEED, SANITIZED_GRAPHS)
    assert tally.failures == {}, tally.report(set())
    assert set(tally.bytes_compared) == {"numpy", "host, sanitized", "host dsp, sanitized"}


def test_several_jobs_count_what_one_does(plain: Setup) -> None:
    graphs = BATCH + 3
    one, two = (
        [o for batch in run_all(plain, 3, BATCH - 3, graphs, jobs) for o in batch.outcomes]
        for jobs in (1, 2)
    )
    assert one == two
    assert [outcome.number for outcome in one] == list(range(BATCH - 3, graphs))


def test_a_run_continues_where_it_was_but_not_with_other_code(
    plain: Setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.json"
    tally = start_or_continue(path, 3)
    for outcome in run_batch(plain, 3, range(4)).outcomes:
        tally.add(outcome)
    tally.save(path)
    assert start_or_continue(path, 3) == tally
    assert start_or_continue(path, 4).done == 0
    monkeypatch.setattr("tests.prove.tally.sources_sha256", lambda: "another")
    assert start_or_continue(path, 3).done == 0
