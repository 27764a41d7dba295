"""Broken files: always one of our errors, never a crash, never unbounded time."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mcu_slm import ops, tflite
from mcu_slm.compile.emit import compile_model
from mcu_slm.errors import ModelError, UnsupportedOperatorError
from mcu_slm.tflite.encode import encode_model
from mcu_slm.tflite.rules import RULES
from tests.models import every_operator, tiny
from tests.tflite.broken import FILES_BROKEN, changed, decoded, set_operator, set_tensor
from tests.tflite.broken_variables import VARIABLES_BROKEN, streamed

pytestmark = pytest.mark.unit

SLOWEST_S = 2.0
BROKEN = FILES_BROKEN | VARIABLES_BROKEN


def survives(raw: bytes) -> bool:
    """Return whether reader and operators accept a file; any error but ours fails the test."""
    start = time.process_time()
    try:
        ops.parse_graph(ops.fold_graph(tflite.read_model(raw)))
    except ModelError:
        return False
    else:
        return True
    finally:
        assert time.process_time() - start < SLOWEST_S


def test_truncation_at_any_length_is_an_error() -> None:
    raw = tflite.write_model(every_operator())
    lengths = {*range(64), *range(64, len(raw), 23), len(raw) - 1}
    for length in sorted(lengths):
        with pytest.raises(ModelError):
            tflite.read_model(raw[:length])


@pytest.mark.parametrize(("model", "mutants"), [(tiny, 2850), (every_operator, 150)])
def test_flipped_bytes_give_a_model_or_our_error(model: Callable[[], Any], mutants: int) -> None:
    raw = tflite.write_model(model())
    rng = np.random.default_rng(2024)
    accepted = 0
    for _ in range(mutants):
        mutant = bytearray(raw)
        for position in rng.integers(0, len(raw), rng.integers(1, 4)):
            mutant[position] = rng.integers(256)
        accepted += survives(bytes(mutant))
    # Both outcomes occur: flips in names and weights are harmless, flips in offsets are not.
    assert mutants // 20 < accepted < mutants * 9 // 10


def test_extreme_words_give_a_model_or_our_error() -> None:
    raw = tflite.write_model(tiny())
    words = [0, 0x7F, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x7F800000, 0x7FC00000]
    for position in range(0, len(raw) - 4, 4):
        for word in words:
            survives(raw[:position] + struct.pack("<I", word) + raw[position + 4 :])


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_field_is_named(name: str) -> None:
    broken = BROKEN[name]
    with pytest.raises(ModelError, match=broken.message) as caught:
        tflite.read_model(broken.make())
    assert caught.value.values["rule"] == broken.rule


def test_every_rule_has_a_file_that_only_it_refuses() -> None:
    assert {broken.rule for broken in BROKEN.values()} == set(RULES)


def test_no_two_files_are_refused_with_the_same_words() -> None:
    """A reader who meets one message must not have to guess which rule it was."""
    found: dict[str, str] = {}
    for name, broken in BROKEN.items():
        with pytest.raises(ModelError) as caught:
            tflite.read_model(broken.make())
        assert found.setdefault(str(caught.value), broken.rule) == broken.rule, name


def test_the_unchanged_tables_are_accepted() -> None:
    """Otherwise the table above would prove nothing."""
    assert tflite.read_model(changed(lambda _model, _subgraph: None)).nodes
    assert tflite.read_model(streamed(lambda _model, _subgraph: None)).start_values


@pytest.mark.parametrize(
    "name",
    [
        "custom",
        "future",
        "two subgraphs",
        "sparse",
        "data outside",
        "start values by another layer",
    ],
)
def test_what_is_legal_but_not_supported_is_told_apart(name: str) -> None:
    with pytest.raises(UnsupportedOperatorError):
        tflite.read_model(BROKEN[name].make())


def test_a_field_outside_its_table_is_named() -> None:
    raw = bytearray(tflite.write_model(tiny()))
    table = struct.unpack_from("<I", raw, 0)[0]
    index = table - struct.unpack_from("<i", raw, table)[0]
    size = struct.unpack_from("<H", raw, index + 2)[0]
    struct.pack_into("<H", raw, index + 4, size)
    with pytest.raises(
        ModelError, match=f"a field at offset {size} lies outside its table of {size}"
    ):
        tflite.read_model(bytes(raw))


@pytest.mark.parametrize("raw", [b"", b"TFL3", b"\x1c\0\0\0TFL2" + bytes(40), b"#!/bin/sh\n" * 9])
def test_another_kind_of_file_is_recognised(raw: bytes) -> None:
    with pytest.raises(
        ModelError, match=r"not a TensorFlow Lite flatbuffer .*TFL3.*export it again"
    ):
        tflite.read_model(raw, "upload.tflite")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        ModelError, match=r"nothing\.tflite: No such file or directory.*Check the path"
    ):
        tflite.read_file(tmp_path / "nothing.tflite")
    with pytest.raises(ModelError, match="Is a directory"):
        tflite.read_file(tmp_path)


def test_one_long_buffer_shared_by_many_entries_costs_no_memory() -> None:
    """Offsets may all point at one place: a small file must not unfold into gigabytes."""
    long = {"data": np.zeros(1 << 20, np.uint8)}
    raw = bytearray(encode_model({"version": 3, "buffers": [long] + [{}] * 20_000}))
    vector = raw.index(struct.pack("<I", 20_001))
    first = vector + 4
    target = first + struct.unpack_from("<I", raw, first)[0]
    for entry in range(20_001):
        place = first + 4 * entry
        struct.pack_into("<I", raw, place, (target - place) % 2**32)
    assert target > first + 4 * 20_001
    buffers = decoded(bytes(raw))["buffers"]
    assert len(buffers) == 20_001
    assert {len(buffer["data"]) for buffer in buffers} == {1 << 20}
    assert all(np.shares_memory(buffer["data"], buffers[0]["data"]) for buffer in buffers[:50])


def test_one_long_name_shared_by_many_entries_is_refused() -> None:
    code = {"custom_code": "x" * 1_500_000}
    raw = bytearray(encode_model({"version": 3, "operator_codes": [code] + [{}] * 5_000}))
    vector = raw.index(struct.pack("<I", 5_001))
    first = vector + 4
    target = first + struct.unpack_from("<I", raw, first)[0]
    for entry in range(5_001):
        place = first + 4 * entry
        struct.pack_into("<I", raw, place, (target - place) % 2**32)
    with pytest.raises(ModelError, match="too many items"):
        decoded(bytes(raw))


def test_a_refused_model_leaves_no_folder(tmp_path: Path) -> None:
    raw = changed(set_operator(inputs=(0, 1)))
    graph = tflite.read_model(raw)
    compile_model(graph, raw, tmp_path / "fine")  # without a bias it is legal
    broken = tflite.read_model(changed(set_tensor(3, shape=(1, 3))))
    with pytest.raises(ModelError, match="output of 3 elements"):
        compile_model(broken, raw, tmp_path / "broken")
    assert not (tmp_path / "broken").exists()
