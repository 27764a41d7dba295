"""The list of a model's constant arrays and their CRC-32, for the check of the flash at boot."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any, Protocol

import numpy.typing as npt


class ConstantArray(Protocol):
    """An array of `model_weights.c`."""

    @property
    def symbol(self) -> str:
        """Its name in C."""

    @property
    def data(self) -> npt.NDArray[Any]:
        """Its values."""


def crc32(constants: Sequence[ConstantArray]) -> int:
    """Return the CRC-32 of the arrays as they lie in flash, one behind the other."""
    state = 0
    for array in constants:
        little_endian = array.data.astype(array.data.dtype.newbyteorder("<"), copy=False)
        state = zlib.crc32(little_endian.tobytes(), state)
    return state


def declaration(constants: Sequence[ConstantArray]) -> list[str]:
    """Return the lines that `model_weights.h` says about the check."""
    lines = [
        "/* For the check of the flash: every array above, and their CRC-32 (as zlib's). */",
        f"#define MCU_SLM_MODEL_CONSTANT_ARRAYS {len(constants)}",
        "",
    ]
    if constants:
        lines += [
            "struct mcu_slm_constants {",
            "    const void *start;",
            "    uint32_t byte_count;",
            "};",
            "",
            "extern const struct mcu_slm_constants "
            "mcu_slm_model_constants[MCU_SLM_MODEL_CONSTANT_ARRAYS];",
        ]
    return [*lines, "extern const uint32_t mcu_slm_model_constants_crc32;", ""]


def definition(constants: Sequence[ConstantArray]) -> list[str]:
    """Return the lines of `model_weights.c` behind the arrays."""
    lines = []
    if constants:
        entries = [f"    {{{a.symbol}, {a.data.nbytes}}}," for a in constants]
        lines = [
            "const struct mcu_slm_constants "
            "mcu_slm_model_constants[MCU_SLM_MODEL_CONSTANT_ARRAYS] = {",
            *entries,
            "};",
            "",
        ]
    return [
        *lines,
        f"const uint32_t mcu_slm_model_constants_crc32 = 0x{crc32(constants):08X}U;",
        "",
    ]
