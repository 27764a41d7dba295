"""What one inference costs, measured on the firmware's own ELF on the board simulator."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mcu_slm.boards import Board
from mcu_slm.boards.clocks import SteadyFlashFacts
from mcu_slm.errors import BuildError
from mcu_slm.manifest import CompiledModel
from mcu_slm.verify.sim import CONSTANTS_CRC32, SimulatedFirmware

if TYPE_CHECKING:
    from mcu_slm.simulator.profile import Profile

RUN_FUNCTION = "mcu_slm_model_run"
CHECK_SYMBOLS = ("mcu_slm_model_constants", CONSTANTS_CRC32)
"""What is in flash for the check of the weights at boot alone: the list of arrays, their CRC."""


@dataclass(frozen=True)
class LayerCost:
    """One layer. `estimated_cycles` is None on cores without a validated cycle model."""

    name: str
    op: str
    macs: int
    instructions: int
    estimated_cycles: int | None


@dataclass(frozen=True)
class Measurement:
    """One inference: executed instructions, estimated cycles, stack high-water.

    `most_cycles`: with all wait states that code can meet, see `mcu_slm.simulator.wait_states`;
    None where the flash is not described.

    Units: estimated cycles without flash wait states, bytes of stack.
    """

    instructions: int
    estimated_cycles: int | None
    most_cycles: int | None
    stack_bytes: int
    layers: tuple[LayerCost, ...]


def measure(
    board: Board, elf: Path, compiled: CompiledModel, window: npt.NDArray[np.int8]
) -> Measurement:
    """Boot a firmware, send one window, and measure the model's functions.

    Instructions that an IT block skips count, because they take a cycle. Interrupt handlers do not
    count.

    Raises:
        ToolError: The simulator is not installed.
        FirmwareFault: The firmware faulted.
    """
    firmware = SimulatedFirmware(board, elf, compiled)
    firmware.greet()
    active = [layer for layer in compiled.layers if layer.function]
    functions = [RUN_FUNCTION, *(layer.function for layer in active)]
    with firmware.simulator.profile(functions) as profile:
        firmware.infer(window)
    total = profile[RUN_FUNCTION]
    layers = []
    for layer in active:
        cost = profile[layer.function]
        cycles = None if cost.cycles is None else round(cost.cycles)
        layers.append(LayerCost(layer.name, layer.op, layer.macs, cost.instructions, cycles))
    return Measurement(
        total.instructions,
        None if total.cycles is None else round(total.cycles),
        _most_cycles(board, profile, total.cycles),
        firmware.client.stats().stack_used_bytes,
        tuple(layers),
    )


def _most_cycles(board: Board, profile: Profile, cycles: float | None) -> int | None:
    """Return the cycles of a profile with the flash's wait states at their worst."""
    facts = board.chip.clock
    if cycles is None or not isinstance(facts, SteadyFlashFacts) or not facts.flash_line_bytes:
        return None
    lines = profile.most_lines_read(facts.flash_line_bytes, facts.flash_cache_lines)
    return round(cycles + facts.wait_states(board.clock_hz) * lines)


def linked_bytes(elf: Path, objects: Sequence[Path]) -> int:
    """Return the flash bytes of some object files that are in the linked image.

    Every function and array has a section of its own; a section counts when one of its symbols is
    in the image. Sections without symbols (string literals) always count.
    """
    image_symbols = {symbol.name for symbol in _symbols(_open(elf))}
    total = 0
    for path in objects:
        item = _open(path)
        names: dict[int, set[str]] = {}
        for symbol in _symbols(item):
            if isinstance(symbol["st_shndx"], int):
                names.setdefault(symbol["st_shndx"], set()).add(symbol.name)
        for index, section in enumerate(item.iter_sections()):
            if not section["sh_flags"] & 0x2 or section["sh_type"] != "SHT_PROGBITS":
                continue
            if index not in names or names[index] & image_symbols:
                total += section["sh_size"]
    return total


def symbol_bytes(elf: Path, names: Sequence[str]) -> int:
    """Return the bytes of some symbols of the linked image; those it lacks have none."""
    return sum(symbol["st_size"] for symbol in _symbols(_open(elf)) if symbol.name in names)


def _symbols(elf: Any) -> list[Any]:
    table = elf.get_section_by_name(".symtab")
    kinds = ("STT_FUNC", "STT_OBJECT")
    return [s for s in table.iter_symbols() if s["st_info"]["type"] in kinds] if table else []


def _open(path: Path) -> Any:
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        return ELFFile(io.BytesIO(path.read_bytes()))
    except (OSError, ELFError) as error:
        raise BuildError(str(path), f"cannot be read: {error}", remedy="Build again.") from error
