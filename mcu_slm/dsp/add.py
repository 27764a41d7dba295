"""ADD and SUB whose terms stand in tables: those without a form in a single shift."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mcu_slm.dsp.specialized import Specialized
from mcu_slm.ops.add import InOneShift, Sum
from mcu_slm.ops.base import Arguments, Constant
from mcu_slm.ops.broadcast import BroadcastOperator
from mcu_slm.ops.features import Features, clamped
from mcu_slm.quant import INT32_MAX

_KERNEL = "dsp_add"


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


def of_sum(plain: Sum) -> TableSum | None:
    """Return the layer for this kernel.

    None where there is a shorter form, no shift, or no room for the zero point.
    """
    if isinstance(plain, InOneShift) or plain.output.shift > -1:
        return None
    most = sum(int(np.abs(constant.data.astype(np.int64)).max()) for constant in plain.constants())
    product = (2 * most * plain.output.multiplier >> 32) + 2  # and a rounding, and the sign
    return TableSum(plain) if product + abs(_offset(plain)) <= INT32_MAX else None


def _offset(plain: Sum) -> int:
    """Return the zero point and half a step, before the shift."""
    shift = -plain.output.shift
    return (plain.output_zero_point << shift) + (1 << (shift - 1))
