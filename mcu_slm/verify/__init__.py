"""The proof: the same windows through every leg, and the same bytes from each.

Legs: `tflm` (the judge), `numpy` (our readable specification), `host` (the generated C on this
    machine), `sim` (the firmware's own ELF on the board simulator, spoken to over its UART), and
    `litert` as information.

`build_for_core` and `BareModel` run the generated C on a simulated core without any board.
"""

from mcu_slm.verify.bare_build import BARE_CORES, build_for_core
from mcu_slm.verify.bare_core import BareModel
from mcu_slm.verify.bench import (
    CHECK_SYMBOLS,
    LayerCost,
    Measurement,
    linked_bytes,
    measure,
    symbol_bytes,
)
from mcu_slm.verify.inputs import (
    default_windows,
    graph_corners,
    graph_noise,
    graph_windows,
    load_windows,
)
from mcu_slm.verify.legs import GATES, LEGS, Proof, Subject, run_legs
from mcu_slm.verify.result import Difference, LegResult, leg_from_json

__all__ = [
    "BARE_CORES",
    "CHECK_SYMBOLS",
    "GATES",
    "LEGS",
    "BareModel",
    "Difference",
    "LayerCost",
    "LegResult",
    "Measurement",
    "Proof",
    "Subject",
    "build_for_core",
    "default_windows",
    "graph_corners",
    "graph_noise",
    "graph_windows",
    "leg_from_json",
    "linked_bytes",
    "load_windows",
    "measure",
    "run_legs",
    "symbol_bytes",
]
