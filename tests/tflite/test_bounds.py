"""Hostile files cost bounded time and memory, measured in a process of their own."""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mcu_slm import tflite
from mcu_slm.ir import GraphBuilder
from mcu_slm.tflite.decode import MAX_FILE_BYTES, MAX_TABLES
from mcu_slm.tflite.encode import encode_model
from tests.models import tiny
from tests.tflite.broken import decoded

pytestmark = [
    pytest.mark.unit,
    pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="skipped: not Linux"),
]

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 2.0
MEBIBYTES = 512
MEASURE = """
import re, sys, time
from pathlib import Path
from mcu_slm import ops, tflite
from mcu_slm.errors import McuSlmError
start = time.process_time()
try:
    ops.parse_graph(ops.fold_graph(tflite.read_file(Path(sys.argv[1]))[0]))
    verdict = "accepted"
except McuSlmError as error:
    verdict = error.values.get("rule", "operator")
seconds = time.process_time() - start
# Not getrusage(): there a child starts from the peak of the process that it was forked from.
peak = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text()).group(1)
print(verdict, seconds, int(peak) // 1024)
"""


def pointing_at_one(model: dict[str, Any], entries: int) -> bytes:
    """Return a file whose vector of `entries` tables points at its first one throughout."""
    raw = bytearray(encode_model(model))
    first = raw.index(struct.pack("<I", entries)) + 4
    target = first + struct.unpack_from("<I", raw, first)[0]
    for place in range(first, first + 4 * entries, 4):
        struct.pack_into("<I", raw, place, (target - place) % 2**32)
    return bytes(raw)


def many_tensors() -> bytes:
    """Return as many full tensor tables as there may be tables."""
    model = decoded(tflite.write_model(tiny()))
    subgraph = model["subgraphs"][0]
    count = MAX_TABLES // 2 - 50
    subgraph["tensors"] = [subgraph["tensors"][0]] + [{}] * (count - 1)
    return pointing_at_one(model, count)


def shared_metadata() -> bytes:
    """Return thousands of entries that all name one large buffer."""
    model = decoded(tflite.write_model(tiny()))
    model["buffers"].append({"data": np.zeros(4 << 20, np.uint8)})
    entries = [{"name": f"note {i}", "buffer": len(model["buffers"]) - 1} for i in range(20_000)]
    return encode_model({**model, "metadata": entries})


def shared_long_vector() -> bytes:
    """Return operators that all share one input list of a hundred thousand entries."""
    model = decoded(tflite.write_model(tiny()))
    subgraph = model["subgraphs"][0]
    operator = {**subgraph["operators"][0], "inputs": np.zeros(100_000, np.int32)}
    subgraph["operators"] = [operator] + [{}] * 4_000
    return pointing_at_one(model, 4_001)


def large_layer() -> bytes:
    """Return an honest layer of 15 million weights: the most work that one file can ask for."""
    b = GraphBuilder()
    x = b.tensor("x", (1, 3_000), scale=0.5)
    weights = b.tensor("weights", (5_000, 3_000), scale=0.25, data=np.ones((5_000, 3_000)))
    y = b.tensor("y", (1, 5_000), scale=2000.0)
    b.node("FULLY_CONNECTED", [x, weights], [y], fused_activation_function="NONE")
    return tflite.write_model(b.build([x], [y]))


FILES: dict[str, tuple[Callable[[], bytes], str]] = {
    "a gigabyte of zeros": (lambda: b"", "file-size"),
    "many tensors": (many_tensors, "count"),
    "shared metadata": (shared_metadata, "metadata"),
    "shared long vector": (shared_long_vector, "item-count"),
    "large layer": (large_layer, "accepted"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_check_takes_bounded_time_and_memory(name: str, tmp_path: Path) -> None:
    make, verdict = FILES[name]
    path = tmp_path / "hostile.tflite"
    with path.open("wb") as stream:
        stream.write(make())
        if name == "a gigabyte of zeros":
            stream.truncate(1 << 30)  # sparse on disk, not in memory
    assert path.stat().st_size <= MAX_FILE_BYTES or verdict == "file-size"
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path)],
        cwd=ROOT, capture_output=True, text=True, timeout=600, check=True,
    )  # fmt: skip
    found, seconds, mebibytes = done.stdout.split()
    assert found == verdict
    assert float(seconds) < SECONDS
    assert int(mebibytes) < MEBIBYTES
