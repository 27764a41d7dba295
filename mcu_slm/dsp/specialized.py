"""A layer done by kernels of the dsp family: the same numbers by other code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from mcu_slm.ops.base import Activations, Int8, Operator
from mcu_slm.quant import Int64, Multiplier


@dataclass(frozen=True, eq=False)
class Specialized(Operator):
    """A layer whose mathematics are those of the operator `plain`.

    Subclasses give kernels, constants, working memory, clearance and the call.
    """

    plain: Any

    def reference(self, inputs: Sequence[Activations]) -> list[Activations]:
        """Return what the plain operator returns."""
        outputs: list[Activations] = self.plain.reference(inputs)
        return outputs

    def accumulators(self, inputs: Sequence[Int8]) -> Int64 | None:
        """Return the sums of the plain operator."""
        sums: npt.NDArray[Any] | None = self.plain.accumulators(inputs)
        return sums

    @property
    def macs(self) -> int:
        """Products of one inference."""
        return int(self.plain.macs)

    def requantization(self) -> tuple[Multiplier, ...]:
        """Return the multipliers of the plain operator."""
        multipliers: tuple[Multiplier, ...] = self.plain.requantization()
        return multipliers

    def summary(self) -> str:
        """Return the facts of the plain operator."""
        return str(self.plain.summary())


def constant_struct(kind: str, name: str, fields: dict[str, object]) -> list[str]:
    """Return the lines of a constant C struct with named fields."""
    lines = [f"static const {kind} {name} = {{"]
    lines += [f"    .{field} = {value}," for field, value in fields.items()]
    return [*lines, "};"]
