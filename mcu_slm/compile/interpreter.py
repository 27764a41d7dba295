"""The folder of a model that TensorFlow Lite Micro's interpreter runs: same C interface, no layers.

The flatbuffer is an array, one C++ file starts the interpreter around it, and `model.h` is what it
is for compiled models. So protocol, self-test and firmware do not know the difference.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from mcu_slm import __version__
from mcu_slm.compile import constants
from mcu_slm.compile.emit import kernel_text, notice_of, tflite_texts
from mcu_slm.compile.program import make_program
from mcu_slm.compile.texts import ModelText, model_text
from mcu_slm.errors import UnsupportedOperatorError
from mcu_slm.files import write_atomic
from mcu_slm.ir import Graph
from mcu_slm.manifest import INTERPRETER, MANIFEST, CompiledModel
from mcu_slm.templating import render
from mcu_slm.tool_files import hashes_of

_WORDS: Final = {
    **{"2D": "2D", "ND": "Nd", "V2": "V2", "LSTM": "LSTM", "L2": "L2", "RELU6": "Relu6"},
    "MATMUL": "MatMul",
}
_METHODS: Final = {"CUMSUM": "CumSum", "PADV2": "PadV2"}
# What initialises variables lies in a subgraph of its own.
_OF_VARIABLES: Final = ("VAR_HANDLE", "ASSIGN_VARIABLE", "READ_VARIABLE")


@dataclasses.dataclass(frozen=True)
class AdapterText:
    """What `tflm_adapter.h` and `.cc` say; `methods` add the operators, without their `Add`."""

    notice: str
    arena_bytes: int
    arena_origin: str
    methods: tuple[str, ...]


def compile_for_interpreter(
    graph: Graph, raw: bytes, out: Path, operators: Collection[str], arena_bytes: int, origin: str
) -> CompiledModel:
    """Write the files of a model for the interpreter into a folder, and return what is there.

    Args:
        graph: The model, constants folded.
        raw: The file that it came from.
        out: The folder.
        operators: The operators in the file, by their names there.
        arena_bytes: What the interpreter gets.
        origin: Where that number comes from, in a sentence.

    Raises:
        UnsupportedOperatorError: More than one input or output, or one that is not int8.
    """
    for what, ends in (("input", graph.inputs), ("output", graph.outputs)):
        if len(ends) != 1 or graph.tensor(ends[0]).dtype != "int8":
            found = ", ".join(graph.tensor(end).dtype for end in ends)
            raise UnsupportedOperatorError(
                f"model {what}s", found, "one of int8, for --runtime tflm"
            )
    program = make_program(graph, raw)
    whole = model_text(program, notice_of(program, "firmware_templates/model"))
    text = _without_layers(whole, len(raw), arena_bytes)
    names = {*operators, *(_OF_VARIABLES if "CALL_ONCE" in operators else ())}
    adapter = AdapterText(
        text.notice, arena_bytes, origin, tuple(sorted(method_of(name) for name in names))
    )
    texts = {
        "model.h": render("model/model.h.j2", text),
        "model.c": render("model/tflm_model.c.j2", text),
        "tflm_adapter.h": render("model/tflm_adapter.h.j2", adapter),
        "tflm_adapter.cc": render("model/tflm_adapter.cc.j2", adapter),
        "memory_copy.h": kernel_text(program, "memory_copy.h"),
        **tflite_texts(program),
        **_constants(text.notice, raw),
    }
    files = {name: content.encode() for name, content in texts.items()}
    for name, content in files.items():
        write_atomic(out / name, content)
    compiled = CompiledModel(
        tool_version=__version__,
        model_sha256=program.sha256,
        kernel_family=INTERPRETER,
        optimize="",
        input_bytes=text.input_bytes,
        output_bytes=text.output_bytes,
        arena_bytes=arena_bytes,
        state_bytes=0,
        weight_bytes=len(raw),
        table_bytes=0,
        macs=program.macs,
        input_offset=0,
        output_offset=0,
        labels=program.labels,
        sources=("model.c", "model_tflite.c", "model_weights.c", "tflm_adapter.cc"),
        layers=(),
        files=hashes_of(files),
    )
    write_atomic(out / MANIFEST, compiled.to_json())
    return compiled


@dataclasses.dataclass(frozen=True)
class _Flatbuffer:
    """The array of the file, as the check of the flash takes it."""

    symbol: str
    data: npt.NDArray[np.uint8]


def _constants(notice: str, raw: bytes) -> dict[str, str]:
    """Return what the check of the flash reads: all constants lie in the flatbuffer."""
    arrays = [_Flatbuffer("mcu_slm_model_tflite", np.frombuffer(raw, np.uint8))]
    guard = ["#ifndef MCU_SLM_MODEL_WEIGHTS_H", "#define MCU_SLM_MODEL_WEIGHTS_H"]
    header = [notice, *guard, "", "#include <stdint.h>", "", *constants.declaration(arrays)]
    includes = ['#include "model_weights.h"', "", '#include "model_tflite.h"', ""]
    return {
        "model_weights.h": "\n".join([*header, "#endif", ""]),
        "model_weights.c": "\n".join([notice, *includes, *constants.definition(arrays)]),
    }


def method_of(operator: str) -> str:
    """Return the name in the resolver's method that adds an operator: MAX_POOL_2D -> MaxPool2D."""
    words = (_WORDS.get(word, word.capitalize()) for word in operator.split("_"))
    return _METHODS.get(operator, "".join(words))


def _without_layers(text: ModelText, flatbuffer_bytes: int, arena_bytes: int) -> ModelText:
    return dataclasses.replace(
        text,
        weight_bytes=f"{flatbuffer_bytes:,}",
        table_bytes="0",
        arena_bytes=arena_bytes,
        scratch_bytes="0",
        state_bytes=0,
    )
