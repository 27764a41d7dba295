"""Floating-point registers that hold weights or inputs: how many are filled, and how often.

The names of kernels say for which depths they are, by how they fill them.
"""

from __future__ import annotations

from mcu_slm.dsp.matrix import Matrix
from mcu_slm.dsp.tuning import Tuning

_CHUNKS_PER_MORE = 4


def fitting_bank(pairs: int, bank: int) -> int:
    """Return how many registers to fill at a time so that nothing is left, if nearly all do.

    What is left takes code of its own; a few more chunks take hardly longer.
    """
    least = -(-pairs // bank)
    counts = range(least, least + least // _CHUNKS_PER_MORE + 1)
    return next((pairs // count for count in counts if pairs % count == 0), bank)


def chunks_of(pairs: int, bank: int) -> tuple[int, int]:
    """Return how often the registers are filled in a loop, and the pairs of inputs left."""
    return (0, pairs) if pairs <= bank else divmod(pairs, bank)


def depths_of(matrix: Matrix, chunks: int, rest: int, tuning: Tuning) -> str:
    """Return which depths a kernel is for, as its name says it."""
    if not chunks:
        return str(matrix.depth)
    return f"n{2 * tuning.bank}" + (f"p{2 * rest}" if rest else "")


def inputs_of(matrix: Matrix, chunks: int, rest: int, tuning: Tuning) -> str:
    """Return which depths a kernel is for, as its comment says it."""
    if not chunks:
        return str(matrix.depth)
    return f"a multiple of {2 * tuning.bank}" + (f" and {2 * rest}" if rest else "")


def registers_of(used: int) -> str:
    """Return the registers that a kernel fills, as the compiler is told."""
    return ", ".join(f'"s{register}"' for register in range(used))


def bank_of(used: int) -> str:
    """Return the same registers as the assembler is told."""
    return range_of(range(max(used, 1)))


def range_of(registers: range) -> str:
    """Return some registers as the assembler is told."""
    first, last = f"s{registers[0]}", f"s{registers[-1]}"
    return first if first == last else f"{first}-{last}"


def scale_words_of(matrix: Matrix) -> int:
    """Return how many numbers a channel's rescaling takes."""
    return 2 + (matrix.form in {"signed", "extra"})


def numbered(count: int) -> str:
    """Return the numbers of so many registers, as the assembler repeats something for them."""
    return ",".join(map(str, range(count)))
