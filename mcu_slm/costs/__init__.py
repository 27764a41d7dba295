"""What a layer costs on a Cortex-M4, from its shapes alone: nothing is built.

Operators state how often the loops of their kernels go round (`Operator.features`); what a round
costs was measured once on the simulated core (`make costs`) and stands in `cortex_m4.toml`. A
prediction multiplies and adds.
"""

from mcu_slm.costs.prediction import code_bytes, kernel_of, predict
from mcu_slm.costs.table import TABLE_FILE, Cost, CostTable, KernelCosts, load_table

__all__ = [
    "TABLE_FILE",
    "Cost",
    "CostTable",
    "KernelCosts",
    "code_bytes",
    "kernel_of",
    "load_table",
    "predict",
]
