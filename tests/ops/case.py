"""What a case of an operator is."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from mcu_slm.ir import Graph


@dataclass(frozen=True, eq=False)
class Case:
    """One graph. `lowest`: the judge refuses inputs below it (a root of a negative number)."""

    name: str
    graph: Graph
    lowest: int = -128


def rng_of(name: str) -> np.random.Generator:
    """Return the generator of a case."""
    return np.random.default_rng(zlib.crc32(name.encode()))
