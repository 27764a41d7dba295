"""Minimal broken files, built by code: the tiny model with one thing wrong each.

Two ways to break it: change a decoded table and encode it again, or walk to a field in the bytes
and overwrite it there, for what an encoder cannot be made to write.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import numpy as np

from mcu_slm import tflite
from mcu_slm.tflite.decode import Decoder
from mcu_slm.tflite.encode import encode_model
from mcu_slm.tflite.schema import TABLES
from tests.models import tiny

Fields = dict[str, Any]
Change = Callable[[Fields, Fields], None]


@dataclass(frozen=True)
class Broken:
    """`rule`: the rule that refuses the file; `message`: a pattern of what the reader is told."""

    rule: str
    make: Callable[[], bytes]
    message: str


def decoded(raw: bytes) -> Fields:
    return Decoder(raw, "model").model()


def changed(change: Change) -> bytes:
    """Return the tiny model after `change(model, subgraph)` on its decoded tables."""
    model = decoded(tflite.write_model(tiny()))
    change(model, model["subgraphs"][0])
    return encode_model(model)


def set_tensor(index: int, **fields: Any) -> Change:
    return lambda _model, subgraph: subgraph["tensors"][index].update(fields)


def set_quantization(index: int, **fields: Any) -> Change:
    return lambda _model, subgraph: subgraph["tensors"][index]["quantization"].update(fields)


def set_operator(**fields: Any) -> Change:
    return lambda _model, subgraph: subgraph["operators"][0].update(fields)


def set_code(**fields: Any) -> Change:
    return lambda model, _subgraph: model["operator_codes"][0].update(fields)


def set_buffer(index: int, **fields: Any) -> Change:
    return lambda model, _subgraph: model["buffers"][index].update(fields)


def set_model(**fields: Any) -> Change:
    return lambda model, _subgraph: model.update(fields)


def set_subgraph(**fields: Any) -> Change:
    return lambda _model, subgraph: subgraph.update(fields)


def run_twice(_model: Fields, subgraph: Fields) -> None:
    subgraph["operators"] = subgraph["operators"] * 2


def two_subgraphs(model: Fields, subgraph: Fields) -> None:
    model["subgraphs"] = [subgraph, subgraph]


def many(kind: str, count: int) -> Change:
    def change(_model: Fields, subgraph: Fields) -> None:
        subgraph[kind] = [dict.fromkeys(name for name, _ in TABLES["Tensor"])] * count

    return change


def attach(key: str, content: bytes) -> Change:
    """Return a change that adds metadata."""

    def change(model: Fields, _subgraph: Fields) -> None:
        model["metadata"].append({"name": key, "buffer": len(model["buffers"])})
        model["buffers"].append({"data": np.frombuffer(content, np.uint8)})

    return change


def words(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}i", *values)


# --- In the bytes


def place(raw: bytes, *path: str | int) -> int:
    """Return where a field is stored: names of fields, numbers of vector entries.

    The last one is not followed: for a vector or string the place of its offset.
    """
    kind, position = "Model", struct.unpack_from("<I", raw, 0)[0]
    for step, name in enumerate(path):
        if isinstance(name, int):
            found = position + 4 + 4 * name
            kind = kind[1:-1]
        else:
            slots = [field for field, k in TABLES[kind] for _ in range(1 + (k == "union"))]
            vtable = position - struct.unpack_from("<i", raw, position)[0]
            entry = vtable + 4 + 2 * slots.index(name)
            found = position + struct.unpack_from("<H", raw, entry)[0]
            kind = dict(TABLES[kind])[name]
        if step == len(path) - 1:
            return found
        position = found + struct.unpack_from("<I", raw, found)[0]
    raise AssertionError(path)


def target(raw: bytes, *path: str | int) -> int:
    """Return where the offset stored at a field points."""
    found = place(raw, *path)
    return found + int(struct.unpack_from("<I", raw, found)[0])


def overwritten(position: Callable[[bytes], int], layout: str, value: int) -> Callable[[], bytes]:
    def make() -> bytes:
        raw = bytearray(tflite.write_model(tiny()))
        struct.pack_into(layout, raw, position(bytes(raw)), value)
        return bytes(raw)

    return make


def moved(step: int, *path: str | int) -> Callable[[], bytes]:
    """Return the tiny model with an offset pointing `step` bytes further."""

    def make() -> bytes:
        raw = bytearray(tflite.write_model(tiny()))
        found = place(bytes(raw), *path)
        offset = struct.unpack_from("<I", raw, found)[0]
        struct.pack_into("<I", raw, found, offset + step)
        return bytes(raw)

    return make


def shared_table(entries: int) -> bytes:
    """Return a small file whose vector of tables is long."""
    return encode_model({"version": 3, "buffers": [{}] * entries})


def table_index(raw: bytes, *path: str | int) -> int:
    """Return where the field index of a table is, the root's without a path."""
    table = target(raw, *path) if path else struct.unpack_from("<I", raw, 0)[0]
    return int(table - struct.unpack_from("<i", raw, table)[0])


def misaligned_constant() -> bytes:
    """Return the tiny model with the weights at the end of the file, on an odd half word."""
    raw = bytearray(tflite.write_model(tiny()))
    found = target(bytes(raw), "buffers", 1, "data")
    length = struct.unpack_from("<I", raw, found)[0]
    end = len(raw) + (-len(raw)) % 4 + 2
    raw += bytes(end - len(raw)) + struct.pack("<I", length) + bytes(length)
    at = place(bytes(raw), "buffers", 1, "data")
    struct.pack_into("<I", raw, at, end - at)
    return bytes(raw)


def later_format() -> bytes:
    """Return the tiny model with a field that no version of the format has yet."""
    with patch.dict(TABLES, {"Buffer": (*TABLES["Buffer"], ("later", "i32"))}):
        return changed(set_buffer(1, later=7))


def unknown_activation() -> bytes:
    """Return the tiny model whose layer has activation 99."""
    raw = bytearray(
        changed(
            set_operator(builtin_options=("FullyConnected", {"fused_activation_function": "RELU"}))
        )
    )
    # The union is two slots, its table the second.
    operator = target(bytes(raw), *FIRST_OPERATOR)
    index = table_index(bytes(raw), *FIRST_OPERATOR)
    at = operator + struct.unpack_from("<H", raw, index + 4 + 2 * 4)[0]
    options = at + struct.unpack_from("<I", raw, at)[0]
    index = options - struct.unpack_from("<i", raw, options)[0]
    raw[options + struct.unpack_from("<H", raw, index + 4)[0]] = 99
    return bytes(raw)


FIRST_TENSOR = ("subgraphs", 0, "tensors", 0)
FIRST_OPERATOR = ("subgraphs", 0, "operators", 0)


def of(rule: str, change: Change, message: str) -> Broken:
    return Broken(rule, lambda: changed(change), message)


TWO_SCALES_THREE_POINTS = {"scale": np.float32([1, 2]), "zero_point": np.int64([0, 0, 0])}
THREE_SCALES = {"scale": np.float32([1, 2, 3]), "zero_point": np.int64([0])}
TWO_SCALES = {"scale": np.float32([1, 2]), "zero_point": np.int64([0])}
VARIABLE_DATA = "a variable with constant data"

TABLES_BROKEN: dict[str, Broken] = {
    "version": of("format-version", set_model(version=7), r"format version is 7; expected 3"),
    "no subgraph": of("subgraphs", set_model(subgraphs=[]), r"0 subgraphs; expected one or more"),
    "two subgraphs": of("subgraphs", two_subgraphs, r"subgraph 1 is not called by CALL_ONCE"),
    "tensors": of("count", many("tensors", 4097), r"4,097 tensors; expected at most 4,096"),
    "buffer": of("buffer-index", set_tensor(1, buffer=99), r"1 \(weights\): buffer 99 of 4"),
    "activation's buffer": of(
        "buffer-index", set_tensor(0, buffer=4), r"tensor 0 \(window\): buffer 4 of 4"
    ),
    "type": of("type", set_tensor(1, type=77), r"1 \(weights\): unknown element type 77"),
    "string": of("type", set_tensor(1, type=5), r"1 \(weights\): constant of type string"),
    "variant": of("type", set_tensor(0, type=14), r"0 \(window\): tensor of type variant"),
    "handle of four": of(
        "handle", set_tensor(0, type=13), r"0 \(window\): a handle of shape \[1, 4\]; expected one"
    ),
    "short data": of(
        "data-size",
        set_tensor(1, shape=(2, 5)),
        r"8 bytes of data for shape \[2, 5\] int8; expected 10",
    ),
    "long data": of(
        "data-size",
        set_tensor(1, shape=(2, 3)),
        r"8 bytes of data for shape \[2, 3\] int8; expected 6",
    ),
    "no truth value": of(
        "truth-value",
        set_tensor(1, type=6),
        r"1 \(weights\): byte 254 among truth values; .*0 or 1",
    ),
    "empty axis": of(
        "empty-tensor", set_tensor(0, shape=(0, 4)), r"tensor 0 \(window\): shape \[0, 4\]"
    ),
    "dynamic axis": of(
        "dimension", set_tensor(0, shape=(-1, 4)), r"shape \[-1, 4\].*fixed batch of 1"
    ),
    "huge shape": of(
        "tensor-size", set_tensor(0, shape=(2**30, 2**30)), r"expected at most 16,777,216 bytes"
    ),
    "product that wraps in 32 bits": of(
        "tensor-size", set_tensor(0, shape=(2**16, 2**16)), r"at most 16,777,216 bytes"
    ),
    "product that wraps in 64 bits": of(
        "tensor-size", set_tensor(0, shape=(2**30,) * 3), r"at most 16,777,216 bytes"
    ),
    "wrap beside an empty axis": of(
        "tensor-size", set_tensor(0, shape=(0, 2**30, 2**30)), r"at most 16,777,216 bytes"
    ),
    "rank": of("rank", set_tensor(0, shape=(1,) * 7), r"rank 7; expected at most 6"),
    "sparse": of("sparse", set_tensor(1, sparsity={}), r"tensor 1 \(weights\): sparse weights"),
    "scale 0": of("scale", set_quantization(0, scale=np.float32([0])), r"\): scale is 0.0"),
    "scale NaN": of("scale", set_quantization(0, scale=np.float32([np.nan])), r"scale is nan"),
    "scale infinite": of("scale", set_quantization(3, scale=np.float32([np.inf])), r"scale is inf"),
    "scale negative": of("scale", set_quantization(1, scale=np.float32([-1])), r"scale is -1.0"),
    "zero points": of(
        "zero-point", set_quantization(1, **TWO_SCALES_THREE_POINTS), r"2 scales, 3 zero points"
    ),
    "no zero point": of(
        "zero-point", set_quantization(1, zero_point=np.int64([])), r"1 scales, 0 zero points"
    ),
    "zero point of int8": of(
        "zero-point",
        set_quantization(0, zero_point=np.int64([128])),
        r"0 \(window\): zero point is 128; expected -128 to 127 for int8",
    ),
    "zero point that fits after wrapping": of(
        "zero-point", set_quantization(0, zero_point=np.int64([2**32])), r"is 4294967296; expected"
    ),
    "zero point of a bias": of(
        "zero-point", set_quantization(2, zero_point=np.int64([1])), r"is 1; expected 0 for int32"
    ),
    "channels": of(
        "quantised-dimension", set_quantization(1, **THREE_SCALES), r"3 scales for shape \[2, 4\]"
    ),
    "quantised dimension beyond the rank": of(
        "quantised-dimension",
        set_quantization(1, **TWO_SCALES, quantized_dimension=2),
        r"quantised dimension 2; expected an axis of shape \[2, 4\]",
    ),
    "negative quantised dimension": of(
        "quantised-dimension",
        set_quantization(1, **TWO_SCALES, quantized_dimension=-1),
        r"quantised dimension -1",
    ),
    "custom quantisation": of(
        "quantisation-details",
        set_quantization(1, details=("Conv2D", {})),  # its code, 1, is CustomQuantization here
        r"1 \(weights\): custom quantisation; expected scales and zero points",
    ),
    "operator input": of(
        "tensor-index",
        set_operator(inputs=(0, 1, 9)),
        r"operator 0: inputs: tensor number 9; .*-1 to 3",
    ),
    "operator input below -1": of(
        "tensor-index", set_operator(inputs=(-2, 1, 2)), r"operator 0: inputs: tensor number -2"
    ),
    "operator output": of(
        "tensor-index", set_operator(outputs=(-1,)), r"operator 0: outputs: tensor number -1"
    ),
    "intermediate": of(
        "tensor-index", set_operator(intermediates=(7,)), r"operator 0: intermediates: .* 7"
    ),
    "graph input": of(
        "tensor-index", set_subgraph(inputs=(4,)), r"inputs: tensor number 4; .*from 0 to 3"
    ),
    "operator code": of(
        "operator-code", set_operator(opcode_index=5), r"operator 0: operator code 5 of 1"
    ),
    "custom": of(
        "operator-code",
        set_code(builtin_code=32, deprecated_builtin_code=32, custom_code="Mine"),
        r"operator 0: custom operator 'Mine'",
    ),
    "future": of(
        "operator-code",
        set_code(builtin_code=9999, deprecated_builtin_code=127),
        r"operator 0: operator code 9999",
    ),
    "operator version": of(
        "operator-version", set_code(version=0), r"FULLY_CONNECTED version 0; expected 1 or more"
    ),
    "operator without outputs": of(
        "operator-outputs", set_operator(outputs=()), r"\(FULLY_CONNECTED\): no outputs"
    ),
    "another operator's options": of(
        "options",
        set_operator(builtin_options=("Softmax", {"beta": 1.0})),
        r"\(FULLY_CONNECTED\): options of kind Softmax; expected FullyConnected",
    ),
    "custom options of a built-in operator": of(
        "options",
        set_operator(custom_options=np.zeros(4, np.uint8)),
        r"\(FULLY_CONNECTED\): custom options; expected none",
    ),
    "bias type": of(
        "options",
        set_operator(builtin_options=("FullyConnected", {"quantized_bias_type": -2})),
        r"\(FULLY_CONNECTED\): bias type -2",
    ),
    "no output": of("graph-ends", set_subgraph(outputs=()), r"graph has no input or no output"),
    "input twice": of(
        "graph-ends", set_subgraph(inputs=(0, 0)), r"tensor 0 \(window\): is an input .* twice"
    ),
    "constant input": of(
        "graph-ends", set_subgraph(inputs=(0, 1)), r"1 \(weights\): is an input .* and a constant"
    ),
    "variable input": of(
        "variable", set_tensor(0, is_variable=True), r"0 \(window\): is an input .* and a variable"
    ),
    "variable with data": of(
        "variable", set_tensor(1, is_variable=True), rf"1 \(weights\): {VARIABLE_DATA}"
    ),
    "order": of(
        "order", set_subgraph(inputs=(3,)), r"\(FULLY_CONNECTED\): reads tensor 0 \(window\) before"
    ),
    "written twice": of(
        "double-write", run_twice, r"operator 1 \(FULLY_CONNECTED\): writes tensor 3 \(logits\) a s"
    ),
    "constant written": of(
        "double-write", set_operator(outputs=(2,)), r"writes tensor 2 \(bias\) a second time"
    ),
    "never written": of(
        "unwritten-output", set_subgraph(operators=[]), r"output tensor 3 is never written"
    ),
    "data outside": of(
        "external-data", set_buffer(1, offset=4096, size=8), r"buffer 1: data outside the flatbuf"
    ),
    "external buffer": of(
        "external-data",
        set_tensor(1, external_buffer=3),
        r"1 \(weights\): data in external buffer 3",
    ),
    "options of a second kind": of(
        "options",
        set_operator(builtin_options_2=("Conv2D", {})),
        r"\(FULLY_CONNECTED\): options of a second kind",
    ),
    "end of outside data wraps": of(
        "external-data",
        set_buffer(1, offset=2**64 - 4, size=8),
        r"buffer 1: data at byte 18,446,744,073,709,551,612 of 8 bytes; .* 64 bits",
    ),
    "data of buffer 0": of(
        "buffer-zero", set_buffer(0, data=np.zeros(4, np.uint8)), r"buffer 0: 4 bytes of data"
    ),
    "metadata buffer": of(
        "metadata",
        set_model(metadata=[{"name": "note", "buffer": 4}]),
        r"metadata 'note': buffer 4 of 4",
    ),
    "old metadata buffer": of(
        "metadata", set_model(metadata_buffer=[-1]), r"metadata_buffer: buffer -1 of 4"
    ),
    "memory plan of too few bytes": of(
        "memory-plan", attach("OfflineMemoryAllocation", b"abc"), r"a memory plan of 3 bytes"
    ),
    "memory plan with a wrong count": of(
        "memory-plan",
        attach("OfflineMemoryAllocation", words(1, 0, 4, -1)),
        r"a memory plan of 1 offsets that says 4; expected 4, one per tensor",
    ),
    "memory plan of another graph": of(
        "memory-plan",
        attach("OfflineMemoryAllocation", words(1, 0, 3, 0, -1, -1)),
        r"a memory plan of 3 offsets that says 3; expected 4",
    ),
    "memory plan beyond the arena": of(
        "memory-plan",
        attach("OfflineMemoryAllocation", words(1, 0, 4, 2**30, -1, -1, 0)),
        r"tensor 0 \(window\): planned at 1,073,741,824; .* inside an arena of 67,108,864",
    ),
    "memory plan before the arena": of(
        "memory-plan",
        attach("OfflineMemoryAllocation", words(1, 0, 4, 0, -1, -1, -16)),
        r"tensor 3 \(logits\): planned at -16; expected a multiple of 16",
    ),
    "memory plan off the alignment": of(
        "memory-plan",
        attach("OfflineMemoryAllocation", words(1, 0, 4, 0, -1, -1, 24)),
        r"tensor 3 \(logits\): planned at 24; expected a multiple of 16",
    ),
    "memory plan with an overlap": of(
        "memory-plan",
        attach("OfflineMemoryAllocation", words(1, 0, 4, 0, -1, -1, 0)),
        r"tensor 0 \(window\): shares memory with tensor 3 while both are needed",
    ),
    "compression": of("memory-plan", attach("COMPRESSION_METADATA", b"x"), r"compressed constants"),
    "signature": of(
        "signature",
        set_model(signature_defs=[{"inputs": [{"name": "x", "tensor_index": 4}], "outputs": []}]),
        r"signature entry 'x': tensor number 4; expected 0 to 3",
    ),
}

BYTES_BROKEN: dict[str, Broken] = {
    "eight bytes with a root offset past their end": Broken(
        "offset", lambda: b"\xff\xff\xff\x7fTFL3", r"a value at byte 2147483647 lies outside .* 8 b"
    ),
    "another kind of file": Broken("identifier", lambda: b"#!/bin/sh\n" * 9, r"not a TensorFlow"),
    "too large": Broken("file-size", lambda: bytes((16 << 20) + 1), r"the file has 16,777,217"),
    "field index of odd size": Broken(
        "table",
        overwritten(table_index, "<H", 7),
        r"Model: the table's field index is broken \(size 7\)",
    ),
    "table beyond the end": Broken(
        "table",
        overwritten(lambda raw: table_index(raw) + 2, "<H", 0xFFFE),
        r"Model: the table of 65534 bytes reaches beyond the file",
    ),
    "more fields than the format has": Broken(
        "table",
        later_format,
        r"Model.buffers\[1\] has a field beyond the 3 that the format has",
    ),
    "offset to nowhere": Broken(
        "offset",
        overwritten(lambda raw: place(raw, "subgraphs"), "<I", 0xFFFFFFF0),
        r"a value at byte \d+ lies outside the file",
    ),
    "vector beyond the end": Broken(
        "vector",
        overwritten(lambda raw: target(raw, *FIRST_TENSOR, "shape"), "<I", 0x3FFFFFFF),
        r"Model.subgraphs\[0\].tensors\[0\].shape claims 1,073,741,823 entries",
    ),
    "vector whose bytes wrap in 32 bits": Broken(
        "vector",
        overwritten(lambda raw: target(raw, *FIRST_TENSOR, "shape"), "<I", 0x40000001),
        r"shape claims 1,073,741,825 entries, beyond the end",
    ),
    "misaligned vector": Broken(
        "alignment", moved(1, *FIRST_TENSOR, "shape"), r"a number of 4 bytes at byte \d+"
    ),
    "misaligned table": Broken(
        "alignment", moved(2, "subgraphs", 0, "tensors", 0), r"expected a multiple of 4"
    ),
    "misaligned constant": Broken(
        "alignment",
        misaligned_constant,
        r"a number of 4 bytes at byte \d+; expected a multiple of 4",
    ),
    "string without end": Broken(
        "string",
        overwritten(
            lambda raw: target(raw, *FIRST_TENSOR, "name") + 4 + len("window"), "<B", ord("x")
        ),
        r"tensors\[0\].name \(b'window'\) has no zero byte at its end",
    ),
    "string that is no text": Broken(
        "string",
        overwritten(lambda raw: target(raw, *FIRST_TENSOR, "name") + 4, "<B", 0xFF),
        r"name is b'\\xffindow'; expected UTF-8 text",
    ),
    "tables without end": Broken(
        "item-count", lambda: shared_table(25_001), r"too many tables; expected at most 25,000"
    ),
    "unknown activation": Broken(
        "enum",
        unknown_activation,
        r"fused_activation_function is 99; expected one of NONE, RELU",
    ),
}

FILES_BROKEN = TABLES_BROKEN | BYTES_BROKEN
