"""The proof: the same windows through every leg, and the same bytes from each.

Legs: `tflm` (the judge), `numpy` (our readable specification), `host` (the generated C on this machine), `sim` (the firmware's own ELF
on the board simulator, spoken to over its UART), and `litert` as information.
"""

from mcu_slm.verify.legs import GATES, LEGS, Subject, run_legs
from mcu_slm.verify.result import Difference, LegResult

__all__ = ["GATES", "LEGS", "Difference", "LegResult", "Subject", "run_legs"]
