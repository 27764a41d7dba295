"""Say of a board's fault in which function and line it was, with the ELF file of its firmware."""

from __future__ import annotations

from pathlib import Path

from mcu_slm.protocol import Fault
from mcu_slm.simulator.elf import load_image
from mcu_slm.simulator.symbols import Place, Symboliser

_RETURN_BYTES = 2  # a return address lies behind the call


class FaultDescriber:
    """Describes faults; without an ELF file it names addresses alone.

    Raises:
        McuSlmError: The file is no firmware.
    """

    def __init__(self, elf: Path | None) -> None:
        self._symboliser = None if elf is None else Symboliser(load_image(elf))

    def describe(self, fault: Fault) -> str:
        """Return where it faulted, from where that was called, and why, in one line."""
        causes = " ".join(fault.causes) or "no cause bit set"
        if self._symboliser is None:
            return f"at pc 0x{fault.pc:08x}, lr 0x{fault.lr:08x} ({causes})"
        pc = self._symboliser.place(fault.pc)
        caller = self._symboliser.place((fault.lr & ~1) - _RETURN_BYTES)
        return f"in {_text(pc)}, called from {_text(caller)} ({causes})"


def _text(place: Place) -> str:
    """Return `function:line`, as far as known."""
    if not place.function:
        return f"0x{place.address:08x}"
    return f"{place.function} at {place.line}" if place.line else str(place)
