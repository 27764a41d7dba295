"""How the matrices of a batch lie in a tensor: any walk with one step per axis will do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mcu_slm.ops.clearance import nested
from mcu_slm.quant import Int64


@dataclass(frozen=True)
class Matrices:
    """Matrices of vectors of values.

    Units: all in elements; a batch step of 0 repeats a matrix.
    """

    offset: int
    batch_steps: tuple[int, ...]
    vector_step: int
    value_step: int

    def places(self, lengths: tuple[int, ...], vectors: int, values: int) -> Int64:
        """Return where every value lies. Shape: [*lengths, vectors, values]."""
        steps = (*self.batch_steps, self.vector_step, self.value_step)
        found = self.offset + nested((*lengths, vectors, values), steps)
        return found.reshape(*lengths, vectors, values)

    def starts(self, lengths: tuple[int, ...]) -> Int64:
        """Return where every matrix begins. Shape: [matrices]."""
        return self.offset + nested(lengths, self.batch_steps)

    def ends(self, lengths: tuple[int, ...], vectors: int, values: int) -> Int64:
        """Return the place behind the last value of every vector. Shape: [matrices, vectors]."""
        vector_starts = self.starts(lengths)[:, None] + np.arange(vectors) * self.vector_step
        return vector_starts + (values - 1) * self.value_step + 1

    def at(self, pointer: str) -> str:
        """Return the C expression of the first value in a tensor."""
        return f"{pointer} + {self.offset}" if self.offset else pointer
