"""One inference of a model, by kernel family and by what it is optimised for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mcu_slm.compile import Choices
from mcu_slm.pipeline.run_folder import Silence
from mcu_slm.pipeline.targets import measure_target, open_target
from mcu_slm.toolchain import ArmCompiler

BOARD: Final = "nucleo_f446re"
VARIANTS: Final = (
    Choices("portable", "speed"),
    Choices("dsp", "speed"),
    Choices("dsp", "size"),
    Choices("dsp", "ram"),
)
UNSPENT: Final = Choices("dsp", "speed", ("store-transformed",))
"""Measured for models of which the board's flash holds more than the file has."""


@dataclass(frozen=True)
class Result:
    """What one build of a model costs: the fields of `mcu-slm bench --json`."""

    model: str
    choices: Choices
    facts: dict[str, Any]

    @property
    def name(self) -> str:
        """How the variant is called in the tables."""
        if self.choices.kernels == "portable":
            return "portable"
        name = f"{self.choices.kernels}, {self.choices.optimize}"
        return f"{name}, no flash spent" if self.choices.without else name


def measure(model: Path, choices: Choices, runs: Path, compiler: ArmCompiler | None) -> Result:
    """Compile, build and measure one variant in a run folder of its own."""
    folder = runs / "-".join((choices.kernels, choices.optimize, *choices.without))
    target = open_target(model, BOARD, folder, Silence(), force=False)
    return Result(model.stem, choices, measure_target(target, compiler, choices))
