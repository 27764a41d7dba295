"""What the factory programmed: the chip's own number. All simulated chips are the same one."""

from __future__ import annotations

from typing import Final

_SPREAD: Final = 0x9E3779B1  # gives each word another value


def read(address: int, size: int) -> int:
    """Return what stands in the factory's area."""
    word = (address >> 2) * _SPREAD & 0xFFFFFFFF
    return word >> (8 * (address & 3)) & ((1 << (8 * size)) - 1)


def ignore_write(_address: int, _size: int, _value: int) -> None:
    """Ignore a write, as the chip does."""


def unique_id(addresses: tuple[int, ...]) -> str:
    """Return a chip's number as the protocol tells it."""
    return b"".join(read(address, 4).to_bytes(4, "little") for address in addresses).hex()
