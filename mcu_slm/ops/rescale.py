"""Multipliers that are known not to overflow, and those that have a shorter form in C."""

from __future__ import annotations

from mcu_slm.ops.base import NodeView
from mcu_slm.quant import INT8_MAX, INT8_MIN, INT32_MAX, Multiplier, quantize_multiplier

LARGEST_DIFFERENCE = INT8_MAX - INT8_MIN
"""Of an int8 value and a zero point."""


def bounded_multiplier(view: NodeView, real_multiplier: float, largest: int) -> Multiplier:
    """Return the multiplier of values of magnitude `largest` at most.

    The judge shifts left in 32 bits before it multiplies: what overflows there means nothing.

    Raises:
        ModelError: The shift would overflow; the output scale is far too fine for the input's.
    """
    # Beyond 2^31 nothing fits, and infinity has no mantissa.
    multiplier = quantize_multiplier(min(real_multiplier, 2.0**31))
    require_fit(view, real_multiplier, largest, multiplier)
    return multiplier


def require_fit(
    view: NodeView, real_multiplier: float, largest: int, multiplier: Multiplier
) -> None:
    """Raise the error of `bounded_multiplier` for a multiplier that is already derived."""
    if largest << max(multiplier.shift, 0) > INT32_MAX:
        view.fail(
            f"real multiplier {real_multiplier:.4g} of values up to {largest}",
            "a product that fits 32 bits",
            "Export the model with a larger output scale.",
        )


LONGEST_SHORT_SHIFT = 22
"""The zero point is raised by as many bits and still fits int32."""


def has_short_form(multiplier: Multiplier) -> bool:
    """Whether `mcu_slm_scale_down` of `kernels/requantize.h` does what requantisation does."""
    return 1 <= -multiplier.shift <= LONGEST_SHORT_SHIFT


def short_form(multiplier: Multiplier, zero_point: int) -> dict[str, object]:
    """Return the fields that go with the multiplier in a short form."""
    right_shift = -multiplier.shift
    addend = (zero_point << right_shift) + (1 << (right_shift - 1))
    return {"addend": addend, "right_shift": right_shift}
