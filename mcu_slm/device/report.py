"""What flashing did or would do, and how it tells how far it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from mcu_slm.device.image import FlashImage, Sector

Step = Literal["erase", "write", "verify"]
Method = Literal["swd", "uart"]
Progress = Callable[[Step, float], None]
"""Called with the step and the fraction of it that is done, 0 to 1."""


@dataclass(frozen=True)
class FlashReport:
    """What was erased, written and read back; with `dry_run`, what would be.

    `device` is the probe's id or the port; empty in a dry run that named none. Units: seconds.
    """

    method: Method
    board: str
    device: str
    image: FlashImage
    sectors: tuple[Sector, ...]
    dry_run: bool
    seconds: float

    @property
    def erased_bytes(self) -> int:
        """Bytes of all sectors that lose their content."""
        return sum(sector.byte_count for sector in self.sectors)

    def lines(self) -> tuple[str, ...]:
        """Return one line per sector and segment, for people."""
        would = "would be " if self.dry_run else ""
        lines = [
            f"sector {s.number} (0x{s.address:08x}, {s.byte_count:,} bytes) {would}erased"
            for s in self.sectors
        ]
        lines += [
            f"0x{s.address:08x} to 0x{s.end - 1:08x} ({len(s.data):,} bytes) "
            f"{would}written and {would}read back"
            for s in self.image.segments
        ]
        if not self.dry_run:
            lines.append(f"{self.image.byte_count:,} bytes verified in {self.seconds:.1f} s")
        if self.method == "uart":
            lines.append("Set BOOT0 low afterwards, or the next reset starts the boot loader again")
        return tuple(lines)
