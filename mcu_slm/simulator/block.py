"""A block of registers that keep what is written, for models of peripherals to begin with."""

from __future__ import annotations

from collections.abc import Callable


class Block:
    """A block of registers. While its clock is off, nothing is written and zeros are read.

    `report` hears of registers that are written and not modelled: their address, and what for.

    Args:
        base: Address of its first register.
        size_bytes: How far its registers reach.
        is_clocked: Whether its clock is on.
    """

    next_event: int | None = None
    feature = "something that is not modelled"

    def __init__(self, base: int, size_bytes: int, is_clocked: Callable[[], bool]) -> None:
        self.base = base
        self.size_bytes = size_bytes
        self._is_clocked = is_clocked
        self.report: Callable[[int, str], None] = lambda _address, _feature: None
        self.reset()

    def reset(self) -> None:
        """Take all registers back to their reset values."""
        self.values: dict[int, int] = {}

    def advance(self) -> None:
        """Let time pass up to now."""

    def read(self, offset: int) -> int:
        """Read a register."""
        return self.get(offset) if self._is_clocked() else 0

    def write(self, offset: int, value: int) -> None:
        """Write a register."""
        if not self._is_clocked():
            return
        if self.is_foreign(offset, value):
            self.report(self.base + offset, self.feature)
        self.put(offset, value)

    def is_foreign(self, _offset: int, _value: int) -> bool:
        """Return whether a write asks for something that is not modelled."""
        return False

    def get(self, offset: int) -> int:
        """Return what a register shows."""
        return self.values.get(offset, 0)

    def put(self, offset: int, value: int) -> None:
        """Take what is written to a register."""
        self.values[offset] = value
