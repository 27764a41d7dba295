"""Stages are skipped exactly when nothing they depend on, and nothing they wrote, has changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mcu_slm.pipeline.evidence import EVIDENCE, Evidence, key_of, tool_fingerprint

pytestmark = pytest.mark.unit


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "model.tflite").write_bytes(b"model")
    Evidence(tmp_path).record("convert", "key", [tmp_path / "model.tflite"], {"bytes": 5}, 1.25)
    return tmp_path


def test_a_finished_stage_is_current_when_read_again(run: Path) -> None:
    evidence = Evidence(run)
    assert evidence.is_current("convert", "key")
    record = evidence.stage("convert")
    assert record is not None
    assert (record.facts, record.seconds) == ({"bytes": 5}, 1.25)
    assert list(record.outputs) == ["model.tflite"]


def test_a_stage_with_another_key_is_not_current(run: Path) -> None:
    assert not Evidence(run).is_current("convert", "other key")


def test_a_stage_whose_file_changed_is_not_current_and_names_it(run: Path) -> None:
    (run / "model.tflite").write_bytes(b"Model")
    evidence = Evidence(run)
    assert not evidence.is_current("convert", "key")
    assert evidence.edited("convert") == ["model.tflite"]


def test_edited_code_counts_as_there_where_edits_are_to_be_proved(run: Path) -> None:
    (run / "model.tflite").write_bytes(b"Model")
    assert Evidence(run).is_current("convert", "key", edits_allowed=True)
    (run / "model.tflite").unlink()
    assert not Evidence(run).is_current("convert", "key", edits_allowed=True)


def test_paths_may_be_given_relative_or_absolute(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(run.parent)
    relative = Path(run.name)
    Evidence(relative).record("convert", "key", [run / "model.tflite"])
    assert Evidence(relative).is_current("convert", "key")


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"[]", b'{"stages": 7}', b'{"stages": {"convert": {}}, "proof": 1}']
)
def test_a_damaged_record_proves_nothing_and_crashes_nobody(run: Path, damage: bytes) -> None:
    (run / EVIDENCE).write_bytes(damage)
    evidence = Evidence(run)
    assert not evidence.is_current("convert", "key")
    assert evidence.fields.get("proof") is None


def test_a_dropped_claim_is_gone_from_the_file(run: Path) -> None:
    evidence = Evidence(run)
    evidence.set("proof", {"complete": True})
    evidence.drop("proof")
    assert "proof" not in json.loads((run / EVIDENCE).read_text())


def test_keys_depend_on_every_part_and_not_on_the_order_of_fields() -> None:
    assert key_of({"a": 1, "b": 2}) == key_of({"b": 2, "a": 1})
    assert key_of("a", "b") != key_of("ab")


def test_the_tool_fingerprint_depends_on_the_rooms() -> None:
    assert tool_fingerprint("quant") != tool_fingerprint("tflite")
    assert tool_fingerprint() != tool_fingerprint("quant", "tflite")
