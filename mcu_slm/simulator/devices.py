"""What all models of peripherals with a behaviour have in common."""

from __future__ import annotations

from typing import Protocol, cast


class Timed(Protocol):
    """Something that happens at times of its own: the core stops there and lets it."""

    @property
    def next_event(self) -> int | None:
        """Board time at which something happens next; None for nothing."""

    def advance(self) -> None:
        """Let time pass up to now."""


class Device(Timed, Protocol):
    """A block of registers with a behaviour, words of 32 bits."""

    @property
    def base(self) -> int:
        """Address of its first register."""

    @property
    def size_bytes(self) -> int:
        """How far its registers reach."""

    def read(self, offset: int) -> int:
        """Read a register."""

    def write(self, offset: int, value: int) -> None:
        """Write a register."""

    def reset(self) -> None:
        """Take all registers back to their reset values."""


class NarrowDevice(Device, Protocol):
    """A device for which it matters how many bytes an access has."""

    def read_narrow(self, offset: int, size: int) -> int:
        """Read a register with an access of so many bytes."""

    def write_narrow(self, offset: int, size: int, value: int) -> None:
        """Write a register with an access of so many bytes."""


def as_narrow(device: Device) -> NarrowDevice | None:
    """Return a device as one that is told the size of accesses, None where it does not ask."""
    return cast(NarrowDevice, device) if hasattr(device, "read_narrow") else None
