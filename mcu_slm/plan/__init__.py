"""Arena layout: which bytes of RAM hold which activation, and when."""

from mcu_slm.plan.buffers import ALIGNMENT, Buffer, Clearances, Level, arena_bytes, lower_bound
from mcu_slm.plan.memory import ALIASING, Demand, MemoryPlan, plan_graph
from mcu_slm.plan.placement import place_buffers

__all__ = [
    "ALIASING",
    "ALIGNMENT",
    "Buffer",
    "Clearances",
    "Demand",
    "Level",
    "MemoryPlan",
    "arena_bytes",
    "lower_bound",
    "place_buffers",
    "plan_graph",
]
