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
from mcu_slm.tflite.decode import Decoder
from mcu_slm.tflite.encode import encode_model
from tests.models import every_operator, tiny

pytestmark = pytest.mark.unit

Fields = dict[str, Any]
SLOWEST_S = 2.0


def survives(raw: bytes) -> bool:
    """Return whether reader and operators accept a file; any error but ours fails the test."""
    start = time.perf_counter()
    try:
        ops.parse_graph(tflite.read_model(raw))
    except ModelError:
        return False
    else:
        return True
    finally:
        assert time.perf_counter() - start < SLOWEST_S


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
    assert mutants // 10 < accepted < mutants * 9 // 10


def test_extreme_words_give_a_model_or_our_error() -> None:
    raw = tflite.write_model(tiny())
    words = [0, 0x7F, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x7F800000, 0x7FC00000]
    for position in range(0, len(raw) - 4, 4):
        for word in words:
            survives(raw[:position] + struct.pack("<I", word) + raw[position + 4 :])


def decoded(raw: bytes) -> Fields:
    return Decoder(raw, "model").model()


def changed(change: Callable[[Fields, Fields], None]) -> bytes:
    """Return the tiny model after `change(model, subgraph)` on its decoded tables."""
    model = decoded(tflite.write_model(tiny()))
    subgraph = model["subgraphs"][0]
    for tensor in subgraph["tensors"]:
        tensor["quantization"].pop("details")
    change(model, subgraph)
    return encode_model(model)


def set_tensor(index: int, **fields: Any) -> Callable[[Fields, Fields], None]:
    return lambda _model, subgraph: subgraph["tensors"][index].update(fields)


def set_quantization(index: int, **fields: Any) -> Callable[[Fields, Fields], None]:
    return lambda _model, subgraph: subgraph["tensors"][index]["quantization"].update(fields)


def set_operator(**fields: Any) -> Callable[[Fields, Fields], None]:
    return lambda _model, subgraph: subgraph["operators"][0].update(fields)


def set_model(**fields: Any) -> Callable[[Fields, Fields], None]:
    return lambda model, _subgraph: model.update(fields)


def set_subgraph(**fields: Any) -> Callable[[Fields, Fields], None]:
    return lambda _model, subgraph: subgraph.update(fields)


def run_twice(_model: Fields, subgraph: Fields) -> None:
    subgraph["operators"] = subgraph["operators"] * 2


def two_subgraphs(model: Fields, subgraph: Fields) -> None:
    model["subgraphs"] = [subgraph, subgraph]


def custom_operator(model: Fields, _subgraph: Fields) -> None:
    model["operator_codes"][0].update(
        builtin_code=32, deprecated_builtin_code=32, custom_code="Mine"
    )


def future_operator(model: Fields, _subgraph: Fields) -> None:
    model["operator_codes"][0].update(builtin_code=9999, deprecated_builtin_code=127)


def data_outside(model: Fields, _subgraph: Fields) -> None:
    model["buffers"][1].update(offset=4096, size=8)


TWO_SCALES_THREE_POINTS = {
    "scale": np.float32([1, 2]),
    "zero_point": np.int64([0, 0, 0]),
}
THREE_SCALES = {"scale": np.float32([1, 2, 3]), "zero_point": np.int64([0])}

BROKEN = {
    "version": (set_model(version=7), r"file format version is 7; expected 3"),
    "no subgraph": (set_model(subgraphs=[]), r"0 subgraphs; expected exactly one"),
    "two subgraphs": (two_subgraphs, r"2 subgraphs; expected exactly one"),
    "buffer": (set_tensor(1, buffer=99), r"tensor 1 \(weights\): buffer 99 of 4"),
    "type": (set_tensor(1, type=77), r"tensor 1 \(weights\): unknown element type 77"),
    "string": (set_tensor(1, type=5), r"tensor 1 \(weights\): constant of type string"),
    "short data": (
        set_tensor(1, shape=(2, 5)),
        r"8 bytes of data for shape \[2, 5\] int8; expected 10",
    ),
    "long data": (
        set_tensor(1, shape=(2, 3)),
        r"8 bytes of data for shape \[2, 3\] int8; expected 6",
    ),
    "empty axis": (set_tensor(0, shape=(0, 4)), r"tensor 0 \(window\): shape \[0, 4\]"),
    "dynamic axis": (set_tensor(0, shape=(-1, 4)), r"shape \[-1, 4\].*fixed batch of 1"),
    "huge shape": (set_tensor(0, shape=(2**30, 2**30)), r"at most 1,073,741,824 elements"),
    "rank": (set_tensor(0, shape=(1,) * 9), r"rank 9; expected at most 8"),
    "sparse": (set_tensor(1, sparsity={}), r"tensor 1 \(weights\): sparse weights"),
    "scale 0": (set_quantization(0, scale=np.float32([0])), r"tensor 0 \(window\): scale is 0.0"),
    "scale NaN": (set_quantization(0, scale=np.float32([np.nan])), r"\(window\): scale is nan"),
    "scale infinite": (
        set_quantization(3, scale=np.float32([np.inf])),
        r"\(logits\): scale is inf",
    ),
    "scale negative": (set_quantization(1, scale=np.float32([-1])), r"\(weights\): scale is -1.0"),
    "zero points": (set_quantization(1, **TWO_SCALES_THREE_POINTS), r"2 scales, 3 zero points"),
    "channels": (set_quantization(1, **THREE_SCALES), r"3 scales for shape \[2, 4\]"),
    "operator input": (
        set_operator(inputs=(0, 1, 9)),
        r"operator 0: inputs: tensor number 9; .*to 3",
    ),
    "operator output": (set_operator(outputs=(-1,)), r"operator 0: outputs: tensor number -1"),
    "operator code": (set_operator(opcode_index=5), r"operator 0: operator code 5 of 1"),
    "custom": (custom_operator, r"operator 0: custom operator 'Mine'"),
    "future": (future_operator, r"operator 0: operator code 9999"),
    "graph input": (set_subgraph(inputs=(4,)), r"inputs: tensor number 4; .*from 0 to 3"),
    "no output": (set_subgraph(outputs=()), r"the graph has no input or no output"),
    "order": (set_subgraph(inputs=(3,)), r"\(FULLY_CONNECTED\): reads tensor 0 \(window\) before"),
    "written twice": (
        run_twice,
        r"operator 1 \(FULLY_CONNECTED\): writes tensor 3 \(logits\) a second",
    ),
    "never written": (set_subgraph(operators=[]), r"output tensor 3 is never written"),
    "data outside": (data_outside, r"data outside the flatbuffer"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_field_is_named(name: str) -> None:
    change, message = BROKEN[name]
    with pytest.raises(ModelError, match=message):
        tflite.read_model(changed(change))


def test_the_unchanged_tables_are_accepted() -> None:
    """Otherwise the table above would prove nothing."""
    assert tflite.read_model(changed(lambda _model, _subgraph: None)).nodes


@pytest.mark.parametrize("name", ["custom", "future", "two subgraphs", "sparse", "data outside"])
def test_what_is_legal_but_not_supported_is_told_apart(name: str) -> None:
    with pytest.raises(UnsupportedOperatorError):
        tflite.read_model(changed(BROKEN[name][0]))


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
