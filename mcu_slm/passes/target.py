"""What the passes that choose kernels are told about the board and what to save."""

from __future__ import annotations

from dataclasses import dataclass

from mcu_slm.dsp.budget import NO_LIMIT, Budget
from mcu_slm.dsp.tuning import SPEED, Tuning, tuning_for


@dataclass(frozen=True)
class Target:
    """A core with DSP instructions and the board around it.

    Units: kept_bytes of RAM that live from one inference to the next, beside the arena.
    """

    tuning: Tuning = SPEED
    budget: Budget = NO_LIMIT
    kept_bytes: int = 0

    def allows(self, arena_bytes: int) -> bool:
        """Return whether the RAM that is known holds an arena."""
        limit = self.budget.ram_bytes
        return limit is None or arena_bytes + self.kept_bytes <= limit


def target_for(
    kernel_family: str, optimize: str, core: str | None, budget: Budget | None = None
) -> Target | None:
    """Return what dsp kernels are chosen for; None for portable ones, which have no choice."""
    if kernel_family != "dsp":
        return None
    return Target(tuning_for(optimize, core), budget or NO_LIMIT)
