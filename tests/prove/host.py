"""The generated C of one graph after another on this machine, each in a process of its own.

Kernels are compiled once, with the flags of the product's host leg; a graph costs one call of the
compiler, in which every warning is an error.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np

from mcu_slm import toolchain
from mcu_slm.compile import emit
from mcu_slm.manifest import CompiledModel
from mcu_slm.rows import Rows

SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-common", "-g")

_HARNESS = Path(__file__).with_name("harness.c")
_SOURCE = "model_and_sizes.c"
_SIZES = """\
#include "model_layers.h"
#include <stddef.h>
extern const size_t prove_input_bytes, prove_output_bytes, prove_arena_bytes, prove_state_bytes;
const size_t prove_input_bytes = MCU_SLM_MODEL_INPUT_BYTES;
const size_t prove_output_bytes = MCU_SLM_MODEL_OUTPUT_BYTES;
const size_t prove_arena_bytes = MCU_SLM_MODEL_ARENA_BYTES;
const size_t prove_state_bytes = MCU_SLM_MODEL_STATE_BYTES;
#include "model.c"
#include "model_weights.c"
"""
_PER_MODEL = {"model.c", "model_weights.c"}
_SECONDS = 60.0
_SHOWN = 400


class LegError(Exception):
    """A leg gave no bytes: the code does not compile, or it crashed."""


class HostLeg:
    """A compiled model folder as a function from windows to outputs."""

    def __init__(
        self, build_dir: Path, *, sanitize: bool = False, family: str = "portable"
    ) -> None:
        self.family = family
        self.schedule: str | None = None
        name = "host" if family == "portable" else f"host {family}"
        self.name = f"{name}, sanitized" if sanitize else name
        self._compiler = toolchain.find_host_compiler()
        self._flags = (*toolchain.HOST_FLAGS, *(SANITIZERS if sanitize else ()))
        root = emit.KERNELS
        kernels = toolchain.compile_objects(
            self._compiler, sorted(root.rglob("*.c")), root, build_dir / "kernels",
            (*self._flags, f"-I{root}", f"-I{root / 'dsp'}", "-O2"),
        )  # fmt: skip
        self._kernels = {item.source.name: str(item.path) for item in kernels}
        (harness,) = toolchain.compile_objects(
            self._compiler, [_HARNESS], _HARNESS.parent, build_dir / "harness", self._flags
        )
        self._harness = str(harness.path)

    def run(self, folder: Path, compiled: CompiledModel, rows: Rows) -> Rows:
        """Return the outputs for `rows`.

        Raises:
            LegError: The code does not compile without a warning, or it crashed.
        """
        program = self._build(folder, compiled)
        try:
            done = subprocess.run(
                [program], input=rows.tobytes(), capture_output=True, timeout=_SECONDS, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise LegError(f"no answer within {_SECONDS:.0f} s") from error
        if done.returncode:
            said = done.stderr.decode(errors="replace")
            raise LegError(f"the program ended with {done.returncode}: {said[:_SHOWN]}")
        return np.frombuffer(done.stdout, np.int8).reshape(len(rows), compiled.output_bytes)

    def _build(self, folder: Path, compiled: CompiledModel) -> Path:
        (folder / _SOURCE).write_text(_SIZES, encoding="utf-8")
        # Kernels that were made for this model are compiled with it.
        others = [name for name in compiled.sources if name not in _PER_MODEL]
        kernels = [self._kernels.get(name, name) for name in others]
        program = folder / "model"
        command = (
            *self._compiler.command, *self._flags, *toolchain.WARNING_FLAGS, "-O1",
            _SOURCE, self._harness, *kernels, "-o", program.name,
        )  # fmt: skip
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise LegError(f"the compiler ended with {done.returncode}: {done.stderr[:_SHOWN]}")
        return program
