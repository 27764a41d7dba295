"""The generated C of a graph on a simulated bare Arm core: the same bytes as on this machine.

Kernels are compiled once per core; a graph costs two objects, a link and a few windows.
"""

from __future__ import annotations

from pathlib import Path

from mcu_slm.errors import McuSlmError
from mcu_slm.manifest import CompiledModel
from mcu_slm.rows import Rows
from mcu_slm.verify import BARE_CORES, BareModel, build_for_core
from tests.prove.host import LegError

CORES = tuple(BARE_CORES)
"""What `--cores` may name."""

WINDOWS = 3
"""Instructions are interpreted: a beginning of the windows has to do."""


class CoreLeg:
    """A compiled model folder on one core, as a function from windows to outputs."""

    def __init__(self, core: str, build_dir: Path, family: str = "portable") -> None:
        self.core, self.family = core, family
        self.schedule = core if family == "dsp" else None  # M7 has one of its own
        self.name = core if family == "portable" else f"{core} {family}"
        self._cache = build_dir / "cores"

    def run(self, folder: Path, compiled: CompiledModel, rows: Rows) -> Rows:
        """Return the outputs for the first windows.

        Raises:
            LegError: The code does not compile, or the core faulted.
        """
        try:
            place = folder / self.core
            elf = build_for_core(folder, compiled, self.core, place, cache=self._cache)
            return BareModel(elf, compiled, self.core).predict(rows[:WINDOWS])
        except McuSlmError as error:
            raise LegError(str(error)) from error
