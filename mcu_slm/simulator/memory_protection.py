"""The memory protection unit of Armv7-M, as far as caches are concerned: nothing is forbidden here.

Source: Armv7-M Architecture Reference Manual, B3.5.
"""

from __future__ import annotations

from typing import Final

_TYPE, _CTRL, _RNR, _RBAR, _RASR = 0xED90, 0xED94, 0xED98, 0xED9C, 0xEDA0
MPU_REGISTERS: Final = range(_TYPE, _RASR + 4)
_EIGHT_REGIONS: Final = 8 << 8
_ENABLE: Final = 1
_VALID: Final = 1 << 4
_TEX_1: Final = 1 << 19
_ATTRIBUTES: Final = (7 << 19) | (1 << 17) | (1 << 16)  # TEX, C, B


class MemoryProtection:
    """Eight regions; where they overlap, the highest number counts."""

    def __init__(self) -> None:
        self._control = self._number = 0
        self._regions: dict[int, list[int]] = {n: [0, 0] for n in range(8)}

    def read(self, offset: int) -> int:
        """Read a register."""
        base, attributes = self._regions[self._number]
        shown = {_TYPE: _EIGHT_REGIONS, _CTRL: self._control, _RNR: self._number, _RASR: attributes}
        return base | self._number if offset == _RBAR else shown[offset]

    def write(self, offset: int, value: int) -> None:
        """Write a register."""
        if offset == _CTRL:
            self._control = value
        elif offset == _RNR:
            self._number = value & 7
        elif offset == _RBAR:
            self._number = value & 7 if value & _VALID else self._number
            self._regions[self._number][0] = value & ~31
        elif offset == _RASR:
            self._regions[self._number][1] = value

    def is_uncached(self, address: int, size: int) -> bool:
        """Return whether a region makes bytes normal memory that is not cached.

        A region whose base is no multiple of its size is none.
        """
        for base, attributes in reversed(self._regions.values()):
            reach = 2 << (attributes >> 1 & 31)
            covers = base <= address and address + size <= base + reach
            if attributes & _ENABLE and self._control & _ENABLE and covers and not base % reach:
                return attributes & _ATTRIBUTES == _TEX_1
        return False
