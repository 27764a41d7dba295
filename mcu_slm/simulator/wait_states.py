"""How often code waits for the flash, at most.

Without wait states every instruction is there in time. With them it is as long as it comes from the
instruction cache or was prefetched. The worst case counted here is a flash that never prefetches,
with a cache that is of use only where a whole watched function with all its callees fits: then each
of its lines is read once, otherwise at every execution. Reads of constants are left out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from mcu_slm.simulator.trace import BRANCH_ONLY, Edge


def most_lines_read(edges: Iterable[Edge], line_bytes: int, cache_lines: int) -> int:
    """Return how many lines of code the flash delivers at most during a profile."""
    seen: defaultdict[int, set[int]] = defaultdict(set)
    executed = Counter[int]()
    for edge in edges:
        if edge.part == BRANCH_ONLY:
            continue
        address, size = edge.block
        lines = range(address // line_bytes, (address + size - 1) // line_bytes + 1)
        seen[edge.node].update(lines)
        executed[edge.node] += edge.count * len(lines)
    return sum(
        len(lines) if len(lines) <= cache_lines else executed[node] for node, lines in seen.items()
    )
