"""Writes the folder of generated C for one model."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np

from mcu_slm import __version__
from mcu_slm.compile import arrays, constants
from mcu_slm.compile.choices import KERNEL_FAMILIES, OPTIMIZE
from mcu_slm.compile.program import Program, make_program
from mcu_slm.compile.states import state_bytes
from mcu_slm.compile.texts import input_offset, model_text, output_offset
from mcu_slm.costs import predict
from mcu_slm.dsp.budget import Budget
from mcu_slm.dsp.dual_issue import paired
from mcu_slm.errors import ModelError, UnsupportedOperatorError, UsageError
from mcu_slm.files import write_atomic
from mcu_slm.ir import Graph
from mcu_slm.manifest import MANIFEST, CompiledModel, Layer, load_compiled
from mcu_slm.ops import Operator
from mcu_slm.ops.base import GeneratedKernel
from mcu_slm.passes import check_names, target_for
from mcu_slm.resources import KERNELS
from mcu_slm.rows import row_offsets
from mcu_slm.templating import render
from mcu_slm.tool_files import hashes_of, refuse_edited, replace_files

_TEMPLATES = ("model.h", "model.c", "model_layers.h")
_SHARED_HEADERS = (
    "dsp_lstm.h",
    "dsp_depthwise.h",
    "dsp_matrix.h",
    "dsp_winograd.h",
    "dsp_products.h",
    "add_short.h",
    "dsp_rescale.h",
    "dsp_instructions.h",
    "sums.h",
    "softmax_share.h",
    "sums_in_registers.h",
    "fixed_point.h",
    "elements.h",
    "requantize.h",
)
"""An earlier one may include a later one."""
_ALWAYS = ("memory_copy.h",)
_TFLITE_SOURCE = "model_tflite.c"


def compile_model(
    graph: Graph,
    raw: bytes,
    out: Path,
    kernel_family: str = "portable",
    optimize: str = "speed",
    core: str | None = None,
    *,
    without: Collection[str] = (),
    budget: Budget | None = None,
    force: bool = False,
) -> CompiledModel:
    """Compile a graph into C files below `out` and return what is there.

    Kernels of the dsp family are scheduled for `core`, by default so that all its cores like them,
    and chosen within `budget`, by default without more flash for weights than in the file.
    `without` names passes (`mcu_slm.passes`) to leave out.

    Files that would not change are left untouched; kernels of an earlier model that this one does
    not need are removed. Files that somebody edited are given up only with `force`.

    Raises:
        UnsupportedOperatorError: The model needs what this compiler lacks; nothing is written then.
        ModelError: The model contradicts itself.
        UsageError: No such kernel family or pass, nothing to optimise for of that name, or files
            that were edited.
    """
    if kernel_family not in KERNEL_FAMILIES:
        raise UsageError("--kernels", f"{kernel_family!r}", f"one of {', '.join(KERNEL_FAMILIES)}")
    if optimize not in OPTIMIZE:
        raise UsageError("--optimize", f"{optimize!r}", f"one of {', '.join(OPTIMIZE)}")
    check_names(without)
    _require_activations(graph)
    target = target_for(kernel_family, optimize, core, budget)
    program = make_program(graph, raw, target, without, saves_ram=optimize == "ram")
    files = {name: text.encode() for name, text in _files(program).items()}
    compiled = _manifest(program, kernel_family, optimize, hashes_of(files))
    before = _written_before(out)
    if not force:
        refuse_edited(out, files, before)
    replace_files(out, files, before)
    write_atomic(out / MANIFEST, compiled.to_json())
    return compiled


def _require_activations(graph: Graph) -> None:
    """Check that inputs and outputs are of types that C has, and computed or given at run time."""
    if len(set(graph.inputs)) < len(graph.inputs):
        raise ModelError(
            "model inputs", "a tensor is listed twice", "each once", "Export it again."
        )
    for what, tensors in (("input", graph.inputs), ("output", graph.outputs)):
        for number in tensors:
            tensor = graph.tensor(number)
            where = f"model {what} {tensor.name}"
            if tensor.data is not None:
                raise UnsupportedOperatorError(where, "it is a constant", "an activation")
            if tensor.dtype not in arrays.C_TYPES:
                known = ", ".join(arrays.C_TYPES)
                raise UnsupportedOperatorError(where, f"type {tensor.dtype}", f"one of {known}")


def _written_before(out: Path) -> dict[str, str]:
    """Return the hashes of the files that an earlier compilation wrote."""
    try:
        return load_compiled(out).files
    except ModelError:
        return {}


def _files(program: Program) -> dict[str, str]:
    """Return every file of the folder but the manifest."""
    text = model_text(program, notice_of(program, "firmware_templates/model"))
    files = {name: render(f"model/{name}.j2", text) for name in _TEMPLATES}
    files["model_weights.h"] = _weights_header(program)
    files["model_weights.c"] = _weights_source(program)
    files |= tflite_texts(program)
    generated = _generated_files(program)
    for name, (source, content) in {**generated, **_kernel_files(program, generated)}.items():
        files[name] = f"{notice_of(program, f'mcu_slm/kernels/{source}')}\n{content}"
    return files


def tflite_texts(program: Program) -> dict[str, str]:
    """Return the flatbuffer as a C array."""
    return {"model_tflite.h": _tflite_header(program), _TFLITE_SOURCE: _tflite_source(program)}


def kernel_text(program: Program, name: str) -> str:
    """Return a kernel file as it is generated."""
    source, content = _kernel(name)
    return f"{notice_of(program, f'mcu_slm/kernels/{source}')}\n{content}"


def notice_of(program: Program, source: str = "") -> str:
    """Return the head of a generated file; `source` is what else it is made from."""
    origin = f"the model or {source}" if source else "the model"
    return "\n".join(
        (
            "/* SPDX-License-Identifier: 0BSD",
            f" * Generated by mcu-slm {__version__}. Do not edit: change {origin} instead.",
            f" * Model SHA-256 {program.sha256}",
            " */",
        )
    )


def _generated_files(program: Program) -> dict[str, tuple[str, str]]:
    """Return for each file of a generated kernel its template and its text."""
    return {
        f"{kernel.name}.{kind}": (
            f"{kernel.template}.{kind}.j2",
            _generated(kernel, kind, dual_issue=program.dual_issue),
        )
        for kernel in program.generated
        for kind in ("c", "h")
    }


def _generated(kernel: GeneratedKernel, kind: str, *, dual_issue: bool) -> str:
    text = render(f"{kernel.template}.{kind}.j2", kernel.values, dual_issue=dual_issue)
    return paired(text) if dual_issue else text


def _kernel_files(
    program: Program, generated: dict[str, tuple[str, str]]
) -> dict[str, tuple[str, str]]:
    """Return the other kernels that the model calls, and the shared headers that all include.

    For each file its path below the kernels and its text.
    """
    names = [f"{kernel}.{kind}" for kernel in program.kernels for kind in ("c", "h")]
    files = {name: _kernel(name) for name in names if name not in generated}
    texts = [text for _, text in (*files.values(), *generated.values())]
    for header in _SHARED_HEADERS:
        if any(f'"{header}"' in text for text in texts):
            files[header] = _kernel(header)
            texts.append(files[header][1])
    return files | {name: _kernel(name) for name in _ALWAYS}


def _kernel(name: str) -> tuple[str, str]:
    """Return a kernel file's path below the kernels and its text."""
    path = next(path for path in (KERNELS / name, KERNELS / "dsp" / name) if path.is_file())
    return path.relative_to(KERNELS).as_posix(), path.read_text(encoding="utf-8")


def _weights_header(program: Program) -> str:
    lines = [
        notice_of(program),
        "#ifndef MCU_SLM_MODEL_WEIGHTS_H",
        "#define MCU_SLM_MODEL_WEIGHTS_H",
        "",
        "#include <stdint.h>",
        "",
    ]
    lines += [f"extern {arrays.declaration(a.symbol, a.data)};" for a in program.arrays]
    return "\n".join([*lines, "", *constants.declaration(program.arrays), "#endif", ""])


def _weights_source(program: Program) -> str:
    head = f'{notice_of(program)}\n#include "model_weights.h"\n'
    texts = [arrays.definition(a.symbol, a.data, a.comment) for a in program.arrays]
    return "\n".join([head, *texts, *constants.definition(program.arrays)])


def _tflite_header(program: Program) -> str:
    size = len(program.raw)
    return "\n".join(
        (
            notice_of(program),
            "/* The flatbuffer itself, for firmware that runs the TFLM interpreter. */",
            "#ifndef MCU_SLM_MODEL_TFLITE_H",
            "#define MCU_SLM_MODEL_TFLITE_H",
            "",
            "#include <stdint.h>",
            "",
            f"#define MCU_SLM_MODEL_TFLITE_BYTES {size}",
            "",
            f"extern const uint8_t mcu_slm_model_tflite[{size}];",
            "",
            "#endif",
            "",
        )
    )


def _tflite_source(program: Program) -> str:
    data = np.frombuffer(program.raw, np.uint8)
    text = arrays.definition("mcu_slm_model_tflite", data)
    # Flatbuffers are read in place and need 16-byte alignment.
    text = text.replace("const uint8_t", "__attribute__((aligned(16))) const uint8_t", 1)
    return f'{notice_of(program)}\n#include "model_tflite.h"\n\n{text}'


def _predicted(operator: Operator) -> tuple[int | None, int | None]:
    """Return the instructions and cycles that a layer is expected to take."""
    cost = predict(operator)
    return (None, None) if cost is None else (round(cost.instructions), round(cost.cycles))


def _layer(program: Program, index: int) -> Layer:
    """Return a layer for the manifest, with those of its outputs that the file knows."""
    graph, step, offsets = program.graph, program.steps[index], program.plan.offsets
    outputs = tuple(t for t in graph.value_outputs(step.node) if t < program.file_tensors)
    return Layer(
        step.source,
        graph.layer_name(step.node),
        step.node.op,
        program.functions[index],
        step.operator.macs,
        outputs,
        tuple(offsets[tensor] for tensor in outputs),
        tuple(graph.tensor(tensor).byte_count for tensor in outputs),
        *_predicted(step.operator),
    )


def _manifest(program: Program, family: str, optimize: str, files: dict[str, str]) -> CompiledModel:
    graph = program.graph
    sources = sorted(name for name in files if name.endswith(".c") and name != _TFLITE_SOURCE)
    layers = tuple(_layer(program, index) for index in range(len(program.steps)))
    return CompiledModel(
        tool_version=__version__,
        model_sha256=program.sha256,
        kernel_family=family,
        optimize=optimize,
        input_bytes=row_offsets(graph, graph.inputs)[1],
        output_bytes=row_offsets(graph, graph.outputs)[1],
        arena_bytes=program.plan.arena_bytes,
        state_bytes=state_bytes(program.states),
        weight_bytes=program.constant_bytes(weights=True),
        spent_weight_bytes=program.spent_weight_bytes,
        table_bytes=program.constant_bytes(weights=False),
        macs=program.macs,
        input_offset=input_offset(program),
        output_offset=output_offset(program),
        labels=program.labels,
        sources=tuple(sources),
        layers=layers,
        files=files,
    )
