"""The flags that tell why a chip was reset: they gather until software clears them."""

from __future__ import annotations

from mcu_slm.boards.reset import ResetFlags


def after_reset(facts: ResetFlags, before: int, cause: str) -> int:
    """Return the register after another reset from inside; it also pulls the chip's own pin down.

    Args:
        facts: Where the family has its flags.
        before: The register before the reset.
        cause: One of `RESET_CAUSES`.
    """
    return before & facts.mask | facts.flag(cause) | facts.flag("pin")


def after_write(facts: ResetFlags, before: int, written: int) -> int:
    """Return the register after a write: flags are read-only, the clear bit clears them."""
    if written >> facts.clear_bit & 1:
        return written & ~facts.mask & ~(1 << facts.clear_bit)
    return written & ~facts.mask | before & facts.mask
