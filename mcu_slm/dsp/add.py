"""ADD and SUB: four sums in a single shift at a time, and sums whose terms stand in tables."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mcu_slm.dsp.specialized import Specialized
from mcu_slm.ops.add import InOneShift, Sum
from mcu_slm.ops.base import Arguments, Constant, GeneratedKernel
from mcu_slm.ops.broadcast import BroadcastOperator
from mcu_slm.ops.features import Features, clamped
from mcu_slm.quant import INT32_MAX

_KERNEL = "dsp_add"


@dataclass(frozen=True)
class ShortText:
    """The holes of `kernels/dsp/dsp_add_short.[ch].j2`."""

    name: str
    guard: str
    shift: int


@dataclass(frozen=True, eq=False)
class FourSum(Specialized):
    """A sum with a form in a single shift, which the kernel is made for."""

    activations = (0, 1)

    plain: InOneShift

    @property
    def generated(self) -> tuple[GeneratedKernel, ...]:
        """The kernel for this shift."""
        shift = self.plain.form.lifted().shift
        name = f"mcu_slm_dsp_add_short_{shift}"
        text = ShortText(name, f"{name.upper()}_H", shift)
        return (GeneratedKernel(name, "dsp/dsp_add_short", text),)

    def clearance(self, position: int) -> int | None:
        """Return what the portable kernel needs: no element is written before it is read."""
        return self.plain.clearance(position)

    def features(self) -> Features:
        """Return rows and elements, and those that a narrow activation clamps afterwards."""
        return self.plain.features()

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        return self.plain.short_call(self.plain.form.lifted(), arguments, self.generated[0].name)


@dataclass(frozen=True, eq=False)
class TableSum(Specialized):
    """A sum from tables of twice the terms."""

    kernels = (_KERNEL,)
    activations = (0, 1)

    plain: Sum

    def constants(self) -> tuple[Constant, ...]:
        """Return the operands at twice the common scale."""
        return tuple(
            Constant(c.suffix, 2 * c.data, c.is_weight, f"twice, {c.comment}")
            for c in self.plain.constants()
        )

    def clearance(self, position: int) -> int | None:
        """Return what the portable kernel needs: the order is the same."""
        return self.plain.clearance(position)

    def features(self) -> Features:
        """Return rows and elements, and those that a narrow activation clamps afterwards."""
        plain = self.plain
        counted = BroadcastOperator.features(plain)
        return counted | clamped(plain.loops.lengths, plain.act_min, plain.act_max)

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        shift = -self.plain.output.shift
        fields: dict[str, object] = {
            **self.plain.term_fields(arguments),
            "multiplier": self.plain.output.multiplier,
            "offset": _offset(self.plain),
            "shift": shift,
        }
        return self.plain.ordered_call(fields, arguments, f"mcu_slm_{_KERNEL}")


def of_sum(plain: Sum) -> FourSum | TableSum | None:
    """Return the layer for its kernel.

    None where one value is added to a whole row, or where a sum without a form in a single shift
    has no shift to the right, or no room for the zero point.
    """
    if isinstance(plain, InOneShift):
        loops, _ = plain.loops.walked_first()
        has_shift = plain.form.lifted().shift > 0  # SSAT knows no shift by 0
        return FourSum(plain) if loops.steps2[-1] and has_shift else None
    if plain.output.shift > -1:
        return None
    most = sum(int(np.abs(constant.data.astype(np.int64)).max()) for constant in plain.constants())
    product = (2 * most * plain.output.multiplier >> 32) + 2  # and a rounding, and the sign
    return TableSum(plain) if product + abs(_offset(plain)) <= INT32_MAX else None


def _offset(plain: Sum) -> int:
    """Return the zero point and half a step, before the shift."""
    shift = -plain.output.shift
    return (plain.output_zero_point << shift) + (1 << (shift - 1))
