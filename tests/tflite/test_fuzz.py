"""A short, seeded run of the fuzz driver, and what the driver itself promises."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from mcu_slm.files import write_json
from tests.models import needs_judge
from tests.tflite import fuzz
from tests.tflite.judged import judge_all
from tests.tflite.mutants import Base, bases, mutant

MUTANTS = 20_000


@pytest.fixture(scope="module")
def pool() -> list[Base]:
    return bases()


@pytest.mark.unit
def test_mutants_are_refused_with_a_rule_or_accepted_and_nothing_else_happens(
    pool: list[Base], tmp_path: Path
) -> None:
    tally = fuzz.start_or_continue(tmp_path / "state.json", 7, pool)
    fuzz.fuzz(tally, pool, MUTANTS, with_judge=False)
    assert tally.failures == {}
    assert tally.accepted + tally.rejected.total() == tally.done == MUTANTS
    # Mutants reach past the decoder: many rules fire, and harmless changes pass.
    assert tally.accepted > MUTANTS // 10
    assert len(tally.rejected) > 20


@pytest.mark.host
@needs_judge
def test_the_judge_survives_what_the_checker_accepts(pool: list[Base], tmp_path: Path) -> None:
    tally = fuzz.start_or_continue(tmp_path / "state.json", 8, pool)
    fuzz.fuzz(tally, pool, MUTANTS // 4, with_judge=True)
    assert tally.failures == {}, tally.report()
    assert tally.judged == tally.accepted > MUTANTS // 20


@pytest.mark.unit
def test_a_run_continues_where_it_was_but_not_with_other_bases(
    pool: list[Base], tmp_path: Path
) -> None:
    whole = fuzz.start_or_continue(tmp_path / "none.json", 3, pool)
    fuzz.fuzz(whole, pool, 60, with_judge=False)
    half = fuzz.start_or_continue(tmp_path / "none.json", 3, pool)
    fuzz.fuzz(half, pool, 30, with_judge=False)
    state = write_json(tmp_path / "state.json", vars(half))
    half = fuzz.start_or_continue(state, 3, pool)
    fuzz.fuzz(half, pool, 30, with_judge=False)
    assert (half.done, half.accepted, half.rejected) == (60, whole.accepted, whole.rejected)
    assert fuzz.start_or_continue(state, 4, pool).done == 0
    assert fuzz.start_or_continue(state, 3, pool[1:]).done == 0
    assert Counter(json.loads(state.read_text())["rejected"]).total() > 0


@pytest.mark.unit
def test_an_error_that_is_not_ours_is_a_failure(
    pool: list[Base], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(_raw: bytes) -> str:
        raise IndexError("list index out of range")

    monkeypatch.setattr(fuzz, "examine", crash)
    tally = fuzz.start_or_continue(tmp_path / "state.json", 1, pool)
    fuzz.fuzz(tally, pool, 2, with_judge=False)
    assert tally.failures == dict.fromkeys("01", "IndexError: list index out of range")
    assert "2 failures" in tally.report()


@pytest.mark.host
@needs_judge
def test_a_crash_of_the_judge_costs_one_model(pool: list[Base]) -> None:
    """Bytes that no checker has seen kill the child; the models around them are judged."""
    sound = pool[0].raw
    # The checker refuses it, so the child ends with our error instead of the judge's crash.
    verdicts = judge_all([sound, sound[:64], sound])
    assert verdicts == ["ok", "crashed: exit 1", "ok"]


@pytest.mark.unit
def test_mutants_depend_on_seed_and_number_only(pool: list[Base]) -> None:
    first = [mutant(pool, 5, number) for number in range(20)]
    assert [mutant(pool, 5, number) for number in reversed(range(20))] == first[::-1]
    assert [mutant(pool, 6, number) for number in range(20)] != first
