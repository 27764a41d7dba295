"""How C names element types and writes float constants."""

from __future__ import annotations

import numpy as np

C_NAMES = {
    "int8": "MCU_SLM_S8",
    "uint8": "MCU_SLM_U8",
    "int16": "MCU_SLM_S16",
    "int32": "MCU_SLM_S32",
    "float32": "MCU_SLM_F32",
    "bool": "MCU_SLM_U8",
}
"""Types of `kernels/elements.h`."""


def float_literal(value: float) -> str:
    """Return a C literal with a float32's exact bits, and its decimal value for people."""
    single = float(np.float32(value))
    return f"{single.hex()}f /* {single:.9g} */"
