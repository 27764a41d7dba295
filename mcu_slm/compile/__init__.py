"""Flatbuffer -> C: no interpreter, no heap, one call per layer.

`compile_model` writes a folder that any C project can add; `manifest.json` in it tells the other
stages what is there.
"""

from mcu_slm.compile.budget import budget_of
from mcu_slm.compile.choices import KERNEL_FAMILIES, Choices, recorded_choices
from mcu_slm.compile.emit import compile_model
from mcu_slm.compile.estimate import Estimate, estimate
from mcu_slm.compile.interpreter import compile_for_interpreter

__all__ = [
    "KERNEL_FAMILIES",
    "Choices",
    "Estimate",
    "budget_of",
    "compile_for_interpreter",
    "compile_model",
    "estimate",
    "recorded_choices",
]
