"""How the matrices of a batch lie in a tensor: any walk with one step per axis will do."""

from __future__ import annotations

from collections.abc import Sequence
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

    def lowest(self, lengths: tuple[int, ...], vectors: int, values: int) -> Int64:
        """Return the first place of each matrix, wherever it begins. Shape: [matrices]."""
        below = (vectors - 1) * min(self.vector_step, 0) + (values - 1) * min(self.value_step, 0)
        return self.starts(lengths) + below

    def ends(self, lengths: tuple[int, ...], vectors: int, values: int) -> Int64:
        """Return the place behind the last one of each vector. Shape: [matrices, vectors]."""
        vector_starts = self.starts(lengths)[:, None] + np.arange(vectors) * self.vector_step
        return vector_starts + (values - 1) * max(self.value_step, 0) + 1

    def at(self, pointer: str) -> str:
        """Return the C expression of the first value in a tensor."""
        return f"{pointer} + {self.offset}" if self.offset else pointer


def walk_lines(
    lengths: tuple[int, ...], walks: Sequence[tuple[str, Matrices, str]], body: Sequence[str]
) -> list[str]:
    """Return C loops over matrices around a body, for those axes that are longer than 1.

    Args:
        lengths: Matrices along each batch axis.
        walks: For each pointer its declaration, how the matrices lie, and where the tensor is.
        body: Statements that use the pointers.
    """
    longer = [axis for axis, length in enumerate(lengths) if length > 1]
    lines = []
    places = [side.at(pointer) for _, side, pointer in walks]
    for depth, (axis, index) in enumerate(zip(longer, "ijkm", strict=False)):
        head = f"for (int32_t {index} = 0; {index} < {lengths[axis]}; {index}++) {{"
        lines.append("    " * depth + head)
        places = [
            f"{place} + {index} * {side.batch_steps[axis]}" if side.batch_steps[axis] else place
            for place, (_, side, _) in zip(places, walks, strict=True)
        ]
    inside = "    " * len(longer)
    declarations = zip(walks, places, strict=True)
    lines += [f"{inside}{declaration} = {place};" for (declaration, *_), place in declarations]
    lines += ["", *(inside + line if line else "" for line in body)]
    return lines + ["    " * depth + "}" for depth in reversed(range(len(longer)))]
