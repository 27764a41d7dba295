"""Models through the judge, many per child process; a crash costs the one model it came from.

The parent starts `python -m tests.tflite.judged FOLDER FIRST`; the child says the number of each
model before it touches it and the verdict after it.
"""

from __future__ import annotations

import os
import resource
import signal
import struct
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mcu_slm import ops, tflite
from mcu_slm.ir import Graph, Tensor
from mcu_slm.ops import reference

ROOT = Path(__file__).resolve().parents[2]
SECONDS_PER_MODEL = 20
WINDOWS = 2
_MEMORY_BYTES = 4 << 30
_ARENA_BYTES = 4 << 20
_BATCH_SECONDS = 580.0


def judge_all(models: Sequence[bytes]) -> list[str]:
    """Return `ok`, `refused: ...`, `differs: ...` or `crashed: ...` per model."""
    verdicts: list[str] = []
    with tempfile.TemporaryDirectory(prefix="mcu-slm-fuzz-") as name:
        folder = Path(name)
        packed = b"".join(struct.pack("<I", len(raw)) + raw for raw in models)
        (folder / "models").write_bytes(packed)
        while len(verdicts) < len(models):
            verdicts += _run_child(folder, len(verdicts), len(models))
    return verdicts


def _run_child(folder: Path, first: int, count: int) -> list[str]:
    """Return the verdicts of one child: up to the end, or up to the model that it died of."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.tflite.judged", str(folder), str(first)],
        cwd=ROOT,
        # Every arena comes fresh from the system, that is zeroed, as in a process of its own: one
        # of the judge's kernels (SPACE_TO_BATCH_ND) reads memory that it never wrote.
        env={**os.environ, "PYTHONPATH": str(ROOT), "MALLOC_MMAP_THRESHOLD_": "65536"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        errors="replace",
        check=False,
        timeout=_BATCH_SECONDS,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("verdict ")]
    verdicts = [line.removeprefix("verdict ") for line in lines]
    if first + len(verdicts) < count:
        how = f"signal {-done.returncode}" if done.returncode < 0 else f"exit {done.returncode}"
        verdicts.append(f"crashed: {how}")
    return verdicts


def _unpack(path: Path) -> list[bytes]:
    raw, models, place = path.read_bytes(), [], 0
    while place < len(raw):
        size = struct.unpack_from("<I", raw, place)[0]
        models.append(raw[place + 4 : place + 4 + size])
        place += 4 + size
    return models


def _judge(raw: bytes) -> str:
    """Run two noise windows; a refusal and a wrong byte are told apart from a crash."""
    from tflite_micro.python.tflite_micro import runtime

    graph = tflite.read_model(raw)
    rng = np.random.default_rng(len(raw))
    inputs = [_noise(rng, graph.tensor(index)) for index in graph.inputs]
    try:
        interpreter = runtime.Interpreter.from_bytes(
            raw,
            arena_size=_ARENA_BYTES,
            intrepreter_config=runtime.InterpreterConfig.kAllocationRecording,
        )
        found = [_infer(interpreter, graph, [array[i] for array in inputs]) for i in range(WINDOWS)]
    except Exception as error:  # whatever it says, it did not crash
        return f"refused: {type(error).__name__}: {' '.join(str(error).split())}"
    folded = ops.fold_graph(graph)
    expected = reference.run(folded, ops.parse_graph(folded), inputs)
    for position, index in enumerate(graph.outputs):
        if index not in expected:  # a constant
            continue
        for window in range(WINDOWS):
            row = window % len(expected[index])  # one row where only constants were read
            if found[window][position].tobytes() != expected[index][row].tobytes():
                return f"differs: output {position}"
    return "ok"


def _noise(rng: np.random.Generator, tensor: Tensor) -> npt.NDArray[Any]:
    noise = rng.integers(0, 256, WINDOWS * tensor.byte_count, np.uint8)
    if tensor.dtype == "bool":
        noise &= 1
    return noise.view(tensor.dtype).reshape((WINDOWS, *tensor.shape))


def _infer(interpreter: Any, graph: Graph, window: list[npt.NDArray[Any]]) -> list[Any]:
    if not graph.keeps_state:  # otherwise the windows are a stream
        interpreter.reset()
    for position, array in enumerate(window):
        interpreter.set_input(array, position)
    interpreter.invoke()
    return [np.array(interpreter.get_output(i)) for i in range(len(graph.outputs))]


def _child(folder: Path, first: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for raw in _unpack(folder / "models")[first:]:
        signal.alarm(SECONDS_PER_MODEL)  # nobody handles it: the process ends there
        print(f"verdict {_judge(raw)}", flush=True)


if __name__ == "__main__":
    _child(Path(sys.argv[1]), int(sys.argv[2]))
