"""Rules of the whole file: versions, counts, buffers, metadata and signatures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcu_slm.tflite.rules import printable, refuse, unsupported

MAX_TENSORS = 4_096
MAX_OPERATORS = 4_096
MAX_METADATA_BYTES = 16 << 20

_FORMAT_VERSION = 3
_UINT64 = 2**64
_COMPRESSION = "COMPRESSION_METADATA"


def check_model(name: str, model: Mapping[str, Any]) -> None:
    """Check what belongs to the file rather than to a tensor or an operator.

    Raises:
        ModelError: A rule does not hold.
        UnsupportedOperatorError: The file is legal but not one self-contained flatbuffer.
    """
    if model["version"] != _FORMAT_VERSION:
        found = f"file format version is {model['version']}"
        refuse("format-version", name, found, str(_FORMAT_VERSION))
    if not model["subgraphs"]:
        unsupported("subgraphs", name, "the model has 0 subgraphs", "one or more")
    for kind, limit in (("tensors", MAX_TENSORS), ("operators", MAX_OPERATORS)):
        count = sum(len(subgraph[kind]) for subgraph in model["subgraphs"])
        if count > limit:
            refuse("count", name, f"{count:,} {kind}", f"at most {limit:,}")
    _check_buffers(name, model["buffers"])
    _check_signatures(name, model["signature_defs"], len(model["subgraphs"][0]["tensors"]))


def _check_buffers(name: str, buffers: list[Any]) -> None:
    for index, buffer in enumerate(buffers):
        where = f"{name}: buffer {index}"
        offset, size = buffer["offset"], buffer["size"]
        if offset + size >= _UINT64:
            found = f"data at byte {offset:,} of {size:,} bytes"
            refuse("external-data", where, found, "an end that 64 bits can hold")
        if offset > 1 or size > 1:
            unsupported(
                "external-data",
                where,
                f"data outside the flatbuffer (at byte {offset:,} of the file)",
                "data inside it",
                "Export as one flatbuffer below 2 GB.",
            )
    if buffers and buffers[0]["data"] is not None and len(buffers[0]["data"]):
        found = f"{len(buffers[0]['data']):,} bytes of data"
        refuse("buffer-zero", f"{name}: buffer 0", found, "none: it stands for tensors without")


def _check_signatures(name: str, signatures: list[Any], tensor_count: int) -> None:
    for signature in signatures:
        for entry in (*signature["inputs"], *signature["outputs"]):
            if entry["tensor_index"] >= tensor_count:
                where = f"{name}: signature entry {printable(entry['name'] or '')!r}"
                found = f"tensor number {entry['tensor_index']}"
                refuse("signature", where, found, f"0 to {tensor_count - 1}")


def read_metadata(name: str, model: Mapping[str, Any]) -> dict[str, bytes]:
    """Return metadata buffers by name.

    Raises:
        ModelError: An entry points at no buffer, or the entries unfold to too many bytes.
        UnsupportedOperatorError: Compression that the interpreter would obey.
    """
    count = len(model["buffers"])
    for index in () if model["metadata_buffer"] is None else model["metadata_buffer"].tolist():
        if not 0 <= index < count:
            refuse("metadata", f"{name}: metadata_buffer", f"buffer {index} of {count}")
    found: dict[str, bytes] = {}
    total = 0
    for entry in model["metadata"]:
        key = entry["name"] or ""
        where = f"{name}: metadata {printable(key)!r}"
        if entry["buffer"] >= count:
            wrong = f"buffer {entry['buffer']} of {count}"
            refuse("metadata", where, wrong, "a buffer that exists")
        data = model["buffers"][entry["buffer"]]["data"]
        total += 0 if data is None else len(data)
        if total > MAX_METADATA_BYTES:
            expected = f"at most {MAX_METADATA_BYTES:,}"
            refuse("metadata", where, f"metadata of more than {total:,} bytes", expected)
        content = b"" if data is None else data.tobytes()
        if key == _COMPRESSION:
            remedy = "Do not compress."
            unsupported("memory-plan", where, "compressed constants", "plain ones", remedy)
        found[key] = content
    found.pop("", None)
    return found
