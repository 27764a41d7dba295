"""How much arena TensorFlow Lite Micro takes for a model: its own report, from the judge's package.

That runs on this machine, mostly with pointers of 64 bits: a core of 32 bits takes less. Kernels of
CMSIS-NN may ask for working memory that the reference kernels, which run here, do not.

As a program (`python -m mcu_slm.arena_report FILE`) it is the child process: a model must not take
the tool with it when the interpreter crashes.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from mcu_slm import judge
from mcu_slm.errors import ModelError, missing_extra

_TOTAL: Final = re.compile(r"Arena allocation total (\d+) bytes")
_ALIGNMENT: Final = 16
_SECONDS: Final = 60.0


def arena_bytes(model: bytes) -> int:
    """Return the bytes of arena that the interpreter takes for a flatbuffer here.

    Raises:
        ToolError: The interpreter is not installed.
        ModelError: It refused the model.
    """
    if not judge.available("tflm"):
        raise missing_extra("tflite-micro", "verify", "the size of the interpreter's arena")
    with tempfile.TemporaryDirectory(prefix="mcu-slm-arena-") as name:
        path = Path(name) / "model.tflite"
        path.write_bytes(model)
        command = [sys.executable, "-m", "mcu_slm.arena_report", str(path)]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    found = _TOTAL.search(done.stdout + done.stderr)
    if done.returncode != 0 or found is None:
        said = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ModelError("TensorFlow Lite Micro", f"it states no arena: {said}")
    return -(-int(found[1]) // _ALIGNMENT) * _ALIGNMENT


if __name__ == "__main__":
    from tflite_micro.python.tflite_micro import runtime

    recording = runtime.InterpreterConfig.kAllocationRecording
    runtime.Interpreter.from_file(sys.argv[1], intrepreter_config=recording).print_allocations()
