"""Models through the judge, many per child process; a crash costs the one model it came from.

The child is `python -m tests.tflite.judged FOLDER FIRST`, see `tests.children`.
"""

from __future__ import annotations

import struct
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mcu_slm import ops, tflite
from mcu_slm.ir import Graph, Tensor
from mcu_slm.ops import reference
from tests.children import answer, verdicts_of

WINDOWS = 2
_ARENA_BYTES = 4 << 20


def judge_all(models: Sequence[bytes]) -> list[str]:
    """Return `ok`, `refused: ...`, `differs: ...` or `crashed: ...` per model."""
    with tempfile.TemporaryDirectory(prefix="mcu-slm-fuzz-") as name:
        folder = Path(name)
        packed = b"".join(struct.pack("<I", len(raw)) + raw for raw in models)
        (folder / "models").write_bytes(packed)
        return verdicts_of("tests.tflite.judged", folder, len(models))


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
    if _leaves_32_bits(folded, expected):
        return "refused: not defined: QUANTIZE of numbers beyond 32 bits"
    for position, index in enumerate(graph.outputs):
        if index not in expected:  # a constant
            continue
        for window in range(WINDOWS):
            row = window % len(expected[index])  # one row where only constants were read
            if found[window][position].tobytes() != expected[index][row].tobytes():
                return f"differs: output {position}"
    return "ok"


def _leaves_32_bits(graph: Graph, values: Mapping[int, npt.NDArray[Any]]) -> bool:
    """Return whether a QUANTIZE of real numbers met one that the judge does not define."""
    for node in graph.nodes:
        source = values.get(node.inputs[0]) if node.op == "QUANTIZE" else None
        if source is None or source.dtype != np.float32:
            continue
        quantization = graph.tensor(node.outputs[0]).quantization
        assert quantization is not None
        with np.errstate(over="ignore"):
            steps = np.abs(source / np.float32(quantization.scale))
        if not (steps < 2.0**31).all():
            return True
    return False


def _noise(rng: np.random.Generator, tensor: Tensor) -> npt.NDArray[Any]:
    """Return bytes of any kind; real numbers of common sizes, which most scales can hold."""
    if tensor.dtype == "float32":
        sizes = 10.0 ** rng.uniform(-3, 3, (WINDOWS, *tensor.shape))
        return (sizes * rng.standard_normal(sizes.shape)).astype(np.float32)
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


if __name__ == "__main__":
    packed_models = _unpack(Path(sys.argv[1]) / "models")
    answer(lambda number: _judge(packed_models[number]), int(sys.argv[2]), len(packed_models))
