"""What a build gave: sizes, stack, files; as text and as JSON."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcu_slm.firmware.elf import Section
from mcu_slm.firmware.stack import ProgramStack


@dataclass(frozen=True)
class BuildResult:
    """A built firmware. Sizes in bytes.

    `flash_bytes` is what is programmed, alignment included; `ram_bytes` is data, zeroed data and
    the reserved stack, `stack_bytes`. `stack` is the most that the whole program takes of it,
    `model_stack_bytes` the most that one inference takes, interrupts aside: both computed from the
    compiler's frames, and None where they cannot be known, since the user's code took the place of
    ours; `stack_unknown` then says why. `model_objects` are the objects from the tool's folder,
    `objects` all.
    """

    elf: Path
    bin: Path
    compiler: str
    compiler_version: str
    preset: str
    flash_bytes: int
    flash_available_bytes: int
    ram_bytes: int
    ram_available_bytes: int
    stack_bytes: int
    model_stack_bytes: int | None
    stack: ProgramStack | None
    stack_unknown: str
    sections: tuple[Section, ...]
    objects: tuple[Path, ...]
    model_objects: tuple[Path, ...]
    rebuilt: int

    @property
    def program_stack_bytes(self) -> int | None:
        """The most stack that the whole program takes, None where that cannot be known."""
        return None if self.stack is None else self.stack.needed_bytes

    def to_json(self) -> dict[str, Any]:
        """Return the result as plain values, paths relative to the build folder."""
        fields = dataclasses.asdict(self)
        folder = self.elf.parent
        fields["program_stack_bytes"] = self.program_stack_bytes
        for name in ("elf", "bin"):
            fields[name] = fields[name].relative_to(folder).as_posix()
        for name in ("objects", "model_objects"):
            fields[name] = [path.relative_to(folder).as_posix() for path in fields[name]]
        return fields

    def lines(self) -> list[str]:
        """Return the result as text."""
        stack = f"of {self.stack_bytes:,} bytes"
        if self.stack is None:
            stack = f"not known, {stack} reserved: {self.stack_unknown}"
        else:
            interrupts = f"{self.stack.interrupt_bytes:,} of them for interrupts"
            stack = f"{self.stack.needed_bytes:,} {stack} at most, computed; {interrupts}"
        if self.model_stack_bytes is not None:
            stack += f", {self.model_stack_bytes:,} for one inference"
        return [
            f"{self.elf}  ({self.compiler_version})",
            f"flash {self.flash_bytes:,} of {self.flash_available_bytes:,} bytes",
            f"RAM   {self.ram_bytes:,} of {self.ram_available_bytes:,} bytes, stack included",
            f"stack {stack}",
        ]
