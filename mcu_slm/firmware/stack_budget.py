"""Whether the stack that a firmware reserves holds all that it may take."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from mcu_slm.boards import Board
from mcu_slm.errors import BudgetError, BuildError
from mcu_slm.firmware.stack import ProgramStack, program_stack

_WORD_BYTES: Final = 4
_SYSTEM_VECTORS: Final = 16
_SHOWN_FRAMES: Final = 5


def stack_of(
    board: Board, elf: Path, image: bytes, objects: Sequence[Path], *, interrupts_nest: bool
) -> tuple[ProgramStack | None, str]:
    """Return the most stack that a firmware takes, or why that cannot be known.

    Args:
        board: Its chip says how long the vector table is and what the core pushes.
        elf: The linked firmware.
        image: Its bytes from the beginning of flash on, the vector table first.
        objects: Its object files.
        interrupts_nest: Handlers have different priorities.
    """
    count = _SYSTEM_VECTORS + board.chip.interrupts
    vectors = [
        int.from_bytes(image[_WORD_BYTES * n : _WORD_BYTES * (n + 1)], "little")
        for n in range(count)
    ]
    has_fpu = board.chip.fpu != "none"
    try:
        found = program_stack(
            elf, objects, vectors, has_fpu=has_fpu, interrupts_nest=interrupts_nest
        )
    except BuildError as error:  # the user's code may do what ours does not: no reason to refuse it
        return None, f"{error.where}: {error.found}"
    return found, ""


def require_stack(board: Board, stack: ProgramStack, reserved_bytes: int) -> None:
    """Check that the stack is large enough; 0 reserved: the linker script sets none aside.

    Raises:
        BudgetError: It is too small; the message names the largest frames on the deepest path.
    """
    if reserved_bytes == 0 or stack.needed_bytes <= reserved_bytes:
        return
    frames = sorted(stack.path, key=lambda frame: -frame.frame_bytes)[:_SHOWN_FRAMES]
    shown = ", ".join(f"{frame.name} {frame.frame_bytes:,}" for frame in frames)
    raise BudgetError(
        board.name,
        f"the firmware needs {stack.needed_bytes:,} bytes of stack, {stack.interrupt_bytes:,} of "
        "them for interrupts",
        expected=f"at most the {reserved_bytes:,} bytes that firmware.ld reserves",
        remedy=f"Largest frames on the deepest path: {shown}. Raise _stack_bytes in firmware.ld, "
        "or make large local variables static.",
        memory="stack",
        needed_bytes=stack.needed_bytes,
        available_bytes=reserved_bytes,
        largest=frames,
        path=stack.path,
    )


def require_measured_stack(board: Board, stack: ProgramStack, measured_bytes: int) -> None:
    """Check that a run took no more than what was computed, which the reserve rests on.

    Raises:
        BudgetError: It took more: a frame was overlooked.
    """
    if measured_bytes <= stack.needed_bytes:
        return
    raise BudgetError(
        board.name,
        f"one inference on the simulator took {measured_bytes:,} bytes of stack",
        expected=f"at most the {stack.needed_bytes:,} bytes computed from the compiler's frames",
        remedy="A frame is missing from the sum. Report it with this project; until then, measure "
        "how much stack your firmware takes before you trust firmware.ld.",
        memory="stack",
        needed_bytes=measured_bytes,
        available_bytes=stack.needed_bytes,
    )
