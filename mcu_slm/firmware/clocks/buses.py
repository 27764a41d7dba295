"""Dividers of the APB buses, which all families write in the same codes."""

from __future__ import annotations

from typing import Final

# Divider -> value of a field PPRE (RCC_CFGR; RCC_D1CFGR, D2CFGR and D3CFGR on H7).
_APB_FIELDS: Final = {1: 0, 2: 4, 4: 5, 8: 6, 16: 7}


def least_divider(dividers: dict[int, int], clock_hz: int, limit_hz: int) -> int:
    """Return the first divider, of rising ones, that keeps a clock within a limit."""
    return next(divider for divider in dividers if clock_hz <= limit_hz * divider)


def apb_divider(clock_hz: int, limit_hz: int) -> int:
    """Return the least divider that keeps a bus within its limit."""
    return least_divider(_APB_FIELDS, clock_hz, limit_hz)


def apb_field(divider: int) -> int:
    """Return the value of a field PPRE for a divider."""
    return _APB_FIELDS[divider]
