"""`known_answers.h/.c`: inputs with the judge's outputs, which the firmware checks at boot."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from mcu_slm.errors import UsageError

_MOST_VECTORS: Final = 0xFFFE  # the protocol counts them in 16 bits and keeps 0xFFFF for "none"
_NUMBERS_PER_LINE: Final = 16

_HEADER: Final = """\
/* {banner} */
#ifndef MCU_SLM_KNOWN_ANSWERS_H
#define MCU_SLM_KNOWN_ANSWERS_H

#include <stdint.h>

#include "model.h"

#ifdef __cplusplus
extern "C" {{
#endif

#define MCU_SLM_KNOWN_ANSWER_COUNT {count}u

extern const int8_t mcu_slm_known_inputs[][MCU_SLM_MODEL_INPUT_BYTES];
extern const int8_t mcu_slm_known_outputs[][MCU_SLM_MODEL_OUTPUT_BYTES];

#ifdef __cplusplus
}}
#endif

#endif
"""


def check_known_answers(
    inputs: npt.NDArray[np.int8], outputs: npt.NDArray[np.int8], input_bytes: int, output_bytes: int
) -> None:
    """Refuse known answers that do not fit the model.

    Shapes:
        inputs: int8 [vectors, input_bytes]
        outputs: int8 [vectors, output_bytes]

    Raises:
        UsageError: wrong type or shape, no vectors, or different numbers of them.
    """
    for name, array, width in (
        ("known inputs", inputs, input_bytes),
        ("known outputs", outputs, output_bytes),
    ):
        if array.dtype != np.int8 or array.ndim != 2 or array.shape[1] != width:
            raise UsageError(
                name,
                f"the array is {array.dtype} {list(array.shape)}",
                expected=f"int8 [vectors, {width}]",
                remedy="Give the model's flat inputs and outputs.",
            )
    if len(inputs) != len(outputs) or not 0 < len(inputs) <= _MOST_VECTORS:
        raise UsageError(
            "known answers",
            f"there are {len(inputs)} inputs and {len(outputs)} outputs",
            expected=f"as many of both, 1 to {_MOST_VECTORS:,}",
            remedy="Give one output per input.",
        )


def known_answers_header(banner: str, count: int) -> str:
    """Return the text of `known_answers.h`."""
    return _HEADER.format(banner=banner, count=count)


def known_answers_source(
    banner: str, inputs: npt.NDArray[np.int8], outputs: npt.NDArray[np.int8]
) -> str:
    """Return the text of `known_answers.c`."""
    return (
        f'/* {banner} */\n#include "known_answers.h"\n'
        + _array("mcu_slm_known_inputs", "MCU_SLM_MODEL_INPUT_BYTES", inputs)
        + _array("mcu_slm_known_outputs", "MCU_SLM_MODEL_OUTPUT_BYTES", outputs)
    )


def _array(name: str, width: str, vectors: npt.NDArray[np.int8]) -> str:
    lines = [f"\nconst int8_t {name}[][{width}] = {{"]
    for vector in vectors.tolist():
        lines.append("    {")
        for start in range(0, len(vector), _NUMBERS_PER_LINE):
            row = vector[start : start + _NUMBERS_PER_LINE]
            lines.append("        " + ", ".join(map(str, row)) + ",")
        lines.append("    },")
    return "\n".join([*lines, "};\n"])
