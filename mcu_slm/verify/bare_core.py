"""The generated C on a simulated core, without firmware around it: any core, any size of model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mcu_slm.manifest import CompiledModel
from mcu_slm.rows import Rows
from mcu_slm.simulator.bare import INSTRUCTION_LIMIT, BareCore
from mcu_slm.verify.bare_build import ENTRY, RESET

if TYPE_CHECKING:
    from mcu_slm.simulator.profile import Profile


class BareModel:
    """A model that was built with `build_for_core`, as a function from windows to outputs.

    `instructions` has one count per window of the last `predict`; `stack_bytes` is the most stack
    that any window took.

    Raises:
        ToolError: Unicorn is not installed.
        FirmwareFault: The code faulted (from `predict`).
    """

    def __init__(
        self, elf: Path, compiled: CompiledModel, core: str, native: bool | None = None
    ) -> None:
        self._compiled = compiled
        rows = compiled.input_bytes + compiled.output_bytes
        self._core = BareCore(core, elf, rows, native)
        self.instructions: tuple[int, ...] = ()

    def predict(self, windows: npt.NDArray[np.int8], limit: int = INSTRUCTION_LIMIT) -> Rows:
        """Return the outputs. Shapes: int8 [windows, ...] -> int8 [windows, output bytes].

        Where a model keeps state, the windows are one stream that starts from reset state.

        Args:
            windows: The inputs.
            limit: Most instructions for one window.
        """
        core, output_bytes = self._core, self._compiled.output_bytes
        source, output = core.workspace, core.end - output_bytes  # writing too much is a fault
        rows = np.ascontiguousarray(windows, np.int8).reshape(len(windows), -1)
        outputs = np.empty((len(rows), output_bytes), np.int8)
        counts = []
        if core.has(RESET):
            core.call(RESET)
        for row, target in zip(rows, outputs, strict=True):
            core.write(source, row.tobytes())
            before = core.instructions
            core.call(ENTRY, source, output, limit=limit)
            counts.append(core.instructions - before)
            target[:] = np.frombuffer(core.read(output, output_bytes), np.int8)
        self.instructions = tuple(counts)
        return outputs

    @contextmanager
    def profile(self, functions: Sequence[str]) -> Iterator[Profile]:
        """Measure functions by name over all windows while the context is open; see `Profile`."""
        with self._core.profile(functions) as profile:
            yield profile

    @property
    def stack_bytes(self) -> int:
        """Most stack that was in use at a time, in bytes."""
        return self._core.stack_bytes
