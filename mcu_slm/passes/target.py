"""What the passes that choose kernels are told about the board and what to save."""

from __future__ import annotations

from dataclasses import dataclass

from mcu_slm.dsp.budget import NO_LIMIT, Budget
from mcu_slm.dsp.dual_issue import DUAL_ISSUE_CORES
from mcu_slm.dsp.tuning import SPEED, TUNINGS, Tuning


@dataclass(frozen=True)
class Target:
    """A core with DSP instructions and the board around it.

    `dual_issue`: the core starts two instructions at a time, which its assembly is ordered for.

    Units: kept_bytes of RAM that live from one inference to the next, beside the arena.
    """

    tuning: Tuning = SPEED
    dual_issue: bool = False
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
    return Target(TUNINGS[optimize], core in DUAL_ISSUE_CORES, budget or NO_LIMIT)
