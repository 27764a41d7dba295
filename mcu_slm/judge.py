"""The judge: TensorFlow Lite Micro's reference interpreter, in a child process with limits.

The interpreter is native code that trusts its model; a crash there must not take us along. LiteRT
runs the same way, as information only.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mcu_slm import tflite
from mcu_slm.errors import ModelError, ToolError, missing_extra
from mcu_slm.tflite.memory_plan import MEMORY_PLAN

INTERPRETERS = {"tflm": "tflite_micro", "litert": "ai_edge_litert"}
TFLM_VERSION = "0.dev20261023182759"
"""The one version whose bytes are the contract."""

_ARENA_BYTES = 64 << 20
_MEMORY_BYTES = 8 << 30
_SECONDS = 600.0

Arrays = list[npt.NDArray[Any]]


def available(interpreter: str) -> bool:
    """Return whether the package of an interpreter is installed."""
    return importlib.util.find_spec(INTERPRETERS[interpreter]) is not None


def run(
    model: bytes,
    inputs: Sequence[npt.NDArray[Any]],
    interpreter: str = "tflm",
    tensors: Sequence[int] = (),
    seconds: float = _SECONDS,
) -> Arrays:
    """Return the model's outputs for many windows, then the tensors asked for by number.

    Every window starts from reset state. Where layers keep state from one inference to the next
    (`Graph.keeps_state`), the windows are one stream instead: only the first one does.

    Shapes: inputs: one [windows, *shape] per model input -> one [windows, *shape] per output and
        per tensor.

    Raises:
        ToolError: The interpreter is not installed, or it is another version than the contract's.
        ModelError: The interpreter refused the model or crashed on it.
    """
    if not available(interpreter):
        raise missing_extra(INTERPRETERS[interpreter].replace("_", "-"), "verify", "the judge")
    with tempfile.TemporaryDirectory(prefix="mcu-slm-judge-") as name:
        folder = Path(name)
        (folder / "model.tflite").write_bytes(model)
        np.savez(folder / "inputs.npz", *inputs)
        numbers = ",".join(map(str, tensors))
        command = [sys.executable, "-m", "mcu_slm.judge", interpreter, str(folder), numbers]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=seconds, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise ModelError(
                f"the judge ({interpreter})", f"no answer within {seconds:.0f} s"
            ) from error
        if done.returncode != 0:
            raise _failure(interpreter, done)
        with np.load(folder / "outputs.npz") as outputs:
            return [outputs[key] for key in outputs.files]


def _failure(interpreter: str, done: subprocess.CompletedProcess[str]) -> ModelError | ToolError:
    lines = [line for line in done.stderr.strip().splitlines() if line.strip()]
    said = lines[-1] if lines else "no message"
    if said.startswith("version: "):
        return ToolError(
            "the judge",
            f"tflite-micro {said.removeprefix('version: ')} is installed",
            TFLM_VERSION,
            f"Install it with: pip install tflite-micro=={TFLM_VERSION}",
        )
    how = f"crashed (signal {-done.returncode})" if done.returncode < 0 else "refused the model"
    return ModelError(
        f"the judge ({interpreter})", f"{how}: {said}", remedy="The model is not legal for TFLM."
    )


def _limit_memory() -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    except (ImportError, ValueError, OSError):  # no such limit on this system
        return


def _load_tflm(
    raw: bytes, keep: Sequence[int]
) -> tuple[Callable[[Arrays], Arrays], Callable[[int], Any]]:
    from importlib.metadata import version

    if version("tflite-micro") != TFLM_VERSION:
        sys.exit(f"version: {version('tflite-micro')}")
    from tflite_micro.python.tflite_micro import runtime

    config = runtime.InterpreterConfig
    mode = config.kAllocationRecording
    if keep:
        # Where every tensor has a place of its own, the interpreter takes no plan from the file.
        mode = config.kPreserveAllTensors
        plan = MEMORY_PLAN.encode()
        raw = raw.replace(plan, b"_" * len(plan))
    interpreter = runtime.Interpreter.from_bytes(
        raw, arena_size=_ARENA_BYTES, intrepreter_config=mode
    )
    graph = tflite.read_model(raw)
    outputs = range(len(graph.outputs))

    def infer(window: Arrays) -> Arrays:
        if not graph.keeps_state:  # a stream starts with the new interpreter
            interpreter.reset()
        for index, array in enumerate(window):
            interpreter.set_input(array, index)
        interpreter.invoke()
        return [np.array(interpreter.get_output(i)) for i in outputs]

    return infer, lambda number: np.array(interpreter.GetTensor(number, 0)["tensor_data"])


def _load_litert(
    raw: bytes, keep: Sequence[int]
) -> tuple[Callable[[Arrays], Arrays], Callable[[int], Any]]:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_content=raw,
        experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
        experimental_preserve_all_tensors=bool(keep),
    )
    interpreter.allocate_tensors()
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    keeps_state = tflite.read_model(raw).keeps_state

    def infer(window: Arrays) -> Arrays:
        if not keeps_state:
            interpreter.reset_all_variables()
        for detail, array in zip(inputs, window, strict=True):
            interpreter.set_tensor(detail["index"], array)
        interpreter.invoke()
        return [interpreter.get_tensor(detail["index"]) for detail in outputs]

    return infer, interpreter.get_tensor


def _child(interpreter: str, folder: Path, tensors: Sequence[int]) -> None:
    """Run in the child process: read the job from `folder`, write the answers there."""
    _limit_memory()
    raw = (folder / "model.tflite").read_bytes()
    with np.load(folder / "inputs.npz") as archive:
        inputs = [archive[key] for key in archive.files]
    load = _load_tflm if interpreter == "tflm" else _load_litert
    infer, tensor = load(raw, tensors)
    rows: list[Arrays] = []
    for window in range(len(inputs[0])):
        outputs = infer([array[window] for array in inputs])
        rows.append([*outputs, *(tensor(number) for number in tensors)])
    np.savez(folder / "outputs.npz", *(np.stack(column) for column in zip(*rows, strict=True)))


if __name__ == "__main__":
    kind, place, wanted = sys.argv[1:4]
    try:
        _child(kind, Path(place), [int(n) for n in wanted.split(",") if n])
    except Exception as error:  # the parent shows the last line
        sys.exit(f"{type(error).__name__}: {error}")
