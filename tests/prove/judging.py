"""Graphs through the judge, many per child process, with all the bytes that it answers.

The child is `python -m tests.prove.judging FOLDER FIRST`, see `tests.children`: for item N it reads
`N.tflite` and the windows in `N.rows` and writes `N.out`.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mcu_slm import tflite
from mcu_slm.ir import Graph
from mcu_slm.rows import Rows, pack, row_offsets, unpack
from tests.children import answer, verdicts_of

_ARENA_BYTES = 4 << 20


def judge_all(models: Sequence[tuple[bytes, Rows]], output_bytes: Sequence[int]) -> list[Any]:
    """Return the judge's rows for every model and its windows, or a sentence why there are none.

    Args:
        models: Flatbuffers with their windows.
        output_bytes: Bytes of an output row of each.
    """
    with tempfile.TemporaryDirectory(prefix="mcu-slm-prove-") as name:
        folder = Path(name)
        for number, (raw, rows) in enumerate(models):
            (folder / f"{number}.tflite").write_bytes(raw)
            (folder / f"{number}.rows").write_bytes(rows.tobytes())
        verdicts = verdicts_of("tests.prove.judging", folder, len(models))
        return [
            _rows(folder / f"{number}.out", size)
            if verdict == "ok"
            else verdict + _reason(folder / str(number))
            for number, (verdict, size) in enumerate(zip(verdicts, output_bytes, strict=True))
        ]


def _rows(path: Path, size: int) -> Rows:
    return np.frombuffer(path.read_bytes(), np.int8).reshape(-1, size)


def _reason(stem: Path) -> str:
    """Return what the judge wrote about item `stem`, the first line of it."""
    path = stem.with_suffix(".said")
    lines = path.read_text(errors="replace").splitlines() if path.is_file() else []
    return f" ({lines[0]})" if lines else ""


def _judge(stem: Path) -> str:
    from tflite_micro.python.tflite_micro import runtime

    said = os.open(stem.with_suffix(".said"), os.O_WRONLY | os.O_CREAT)
    os.dup2(said, sys.stderr.fileno())
    os.close(said)
    raw = stem.with_suffix(".tflite").read_bytes()
    graph = tflite.read_model(raw)
    size = row_offsets(graph, graph.inputs)[1]
    inputs = unpack(graph, graph.inputs, _rows(stem.with_suffix(".rows"), size))
    try:
        interpreter = runtime.Interpreter.from_bytes(
            raw,
            arena_size=_ARENA_BYTES,
            intrepreter_config=runtime.InterpreterConfig.kAllocationRecording,
        )
        windows = range(len(inputs[0]))
        found = [_infer(interpreter, graph, [array[i] for array in inputs]) for i in windows]
    except Exception as error:  # whatever it says, it did not crash
        return f"refused: {type(error).__name__}: {' '.join(str(error).split())}"
    columns = [np.stack(column) for column in zip(*found, strict=True)]
    stem.with_suffix(".out").write_bytes(pack(graph, graph.outputs, columns).tobytes())
    return "ok"


def _infer(interpreter: Any, graph: Graph, window: list[Any]) -> list[Any]:
    if not graph.keeps_state:  # a stream starts with the new interpreter
        interpreter.reset()
    for position, array in enumerate(window):
        interpreter.set_input(array, position)
    interpreter.invoke()
    return [np.array(interpreter.get_output(i)) for i in range(len(graph.outputs))]


if __name__ == "__main__":
    place = Path(sys.argv[1])
    total = len(list(place.glob("*.tflite")))
    answer(lambda number: _judge(place / str(number)), int(sys.argv[2]), total)
