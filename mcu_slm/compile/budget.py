"""What of a board's flash and RAM a model's constants and its arena may take."""

from __future__ import annotations

from mcu_slm.boards import Board
from mcu_slm.dsp.budget import Budget

FIRMWARE_FLASH_BYTES = 64 * 1024
"""Flash that is left for all that is no constant of the model: code of its layers, start-up,
drivers, the protocol, and known answers (8 KiB of inputs at most). A ResNet with seven kinds of
generated kernels takes 44,132 bytes of it; what remains is the user's."""

FIRMWARE_RAM_BYTES = 4 * 1024
"""RAM that is left beside stack, arena and state: the protocol's buffers and drivers, of which the
same firmware takes 1,380 bytes."""


def budget_of(board: Board, flash_bytes: int | None = None, ram_bytes: int | None = None) -> Budget:
    """Return what a board has for a model, or less where a project limits it.

    Args:
        board: The board.
        flash_bytes: The project's limit of weights, tables and code.
        ram_bytes: Its limit of arena and state.
    """
    ram = board.chip.ram.size_bytes - board.stack_bytes - FIRMWARE_RAM_BYTES
    flash = board.chip.flash.size_bytes
    limit = flash if flash_bytes is None else min(flash, flash_bytes)
    return Budget(
        max(limit - FIRMWARE_FLASH_BYTES, 0),
        max(ram if ram_bytes is None else min(ram, ram_bytes), 0),
    )
