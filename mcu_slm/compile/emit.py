"""Writes the folder of generated C for one model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mcu_slm import __version__, ops, plan
from mcu_slm.compile import arrays, names
from mcu_slm.errors import UnsupportedOperatorError, UsageError
from mcu_slm.files import sha256_bytes, write_atomic
from mcu_slm.ir import Graph, Node, Tensor
from mcu_slm.manifest import MANIFEST, CompiledModel, Layer
from mcu_slm.metadata import read_info
from mcu_slm.ops import Arguments, Operator
from mcu_slm.templating import render

KERNEL_FAMILIES = ("portable",)
_KERNELS = Path(__file__).resolve().parent.parent / "kernels"
_SHARED_HEADERS = ("requantize.h", "fixed_point.h")
_ALWAYS = ("memory_copy.h",)


@dataclass(frozen=True)
class TensorText:
    """An activation as the generated code names it."""

    name: str
    macro: str
    offset: int
    byte_count: int
    life: str


@dataclass(frozen=True)
class LayerText:
    """A layer as the generated code shows it."""

    index: int
    title: str
    facts: tuple[str, ...]
    function: str
    body: tuple[str, ...]


@dataclass(frozen=True)
class ModelText:
    """The holes of the templates `model/*.j2`."""

    notice: str
    input_shape: str
    input_scale: str
    input_zero_point: int
    output_shape: str
    output_scale: str
    output_zero_point: int
    macs: str
    weight_bytes: str
    table_bytes: str
    arena_bytes: int
    input_bytes: int
    output_bytes: int
    alignment: int
    labels: tuple[str, ...]
    sha256_lines: tuple[str, ...]
    kernels: tuple[str, ...]
    tensors: tuple[TensorText, ...]
    layers: tuple[LayerText, ...]
    input_macro: str
    output_macro: str


@dataclass(frozen=True, eq=False)
class _Array:
    """A constant array of the generated code, with the symbol it is known by."""

    symbol: str
    data: npt.NDArray[Any]
    is_weight: bool
    comment: str


def compile_model(
    graph: Graph, raw: bytes, out: Path, kernel_family: str = "portable"
) -> CompiledModel:
    """Compile a graph into C files below `out` and return what is there.

    Files that would not change are left untouched, and files of an earlier model that no longer
    belong are removed.

    Raises:
        UnsupportedOperatorError: The model needs what this compiler lacks; nothing is written then.
        ModelError: The model contradicts itself.
        UsageError: No such kernel family.
    """
    if kernel_family not in KERNEL_FAMILIES:
        raise UsageError("--kernels", f"{kernel_family!r}", f"one of {', '.join(KERNEL_FAMILIES)}")
    _require_single_io(graph)
    emitter = _Emitter(graph, raw, kernel_family)
    texts = emitter.files()
    compiled = emitter.manifest({name: sha256_bytes(text.encode()) for name, text in texts.items()})
    for name, text in texts.items():
        write_atomic(out / name, text)
    _remove_strays(out, set(texts) | {MANIFEST})
    write_atomic(out / MANIFEST, compiled.to_json())
    return compiled


def _require_single_io(graph: Graph) -> None:
    for what, tensors in (("inputs", graph.inputs), ("outputs", graph.outputs)):
        if len(tensors) != 1:
            raise UnsupportedOperatorError("model", f"{len(tensors)} {what}", "one")
        tensor = graph.tensor(tensors[0])
        if tensor.dtype != "int8":
            raise UnsupportedOperatorError(
                f"model {what[:-1]} {tensor.name}",
                f"type {tensor.dtype}",
                "int8",
                "Convert with int8 inputs and outputs (inference_input_type = int8).",
            )


def _remove_strays(out: Path, kept: set[str]) -> None:
    """Remove kernels of an earlier compilation, by the names that only this compiler uses."""
    ours = {path.name for path in _KERNELS.glob("*.[ch]")}
    for path in out.glob("*.[ch]"):
        if path.name in ours and path.name not in kept:
            path.unlink()


class _Emitter:
    """Derives every text of the folder from the graph.

    Holds no state that changes after construction.
    """

    def __init__(self, graph: Graph, raw: bytes, kernel_family: str) -> None:
        self._graph = graph
        self._raw = raw
        self._family = kernel_family
        self._sha256 = sha256_bytes(raw)
        self._operators = ops.parse_graph(graph)
        self._plan = plan.plan_graph(graph)
        self._info = read_info(graph.metadata)
        self._layer_names = names.unique(
            names.identifier(graph.tensor(node.outputs[0]).name) for node in graph.nodes
        )
        self._macros = self._tensor_macros()
        self._constants = self._constant_inputs()
        self._arrays, self._symbols = self._layer_arrays()

    # Naming

    def _tensor_macros(self) -> dict[int, str]:
        tensors = sorted(self._plan.offsets)
        fragments = names.unique(names.identifier(self._graph.tensor(t).name) for t in tensors)
        return {t: f"TENSOR_{text.upper()}" for t, text in zip(tensors, fragments, strict=True)}

    def _constant_inputs(self) -> dict[int, str]:
        """Return the symbols of constants that operators read as activations, as a position."""
        wanted: list[int] = []
        for node, operator in zip(self._graph.nodes, self._operators, strict=True):
            for position in operator.activations:
                tensor = node.inputs[position]
                if tensor not in self._macros and tensor not in wanted:
                    wanted.append(tensor)
        fragments = names.unique(names.identifier(self._graph.tensor(t).name) for t in wanted)
        return {t: f"mcu_slm_constant_{text}" for t, text in zip(wanted, fragments, strict=True)}

    def _layer_arrays(self) -> tuple[list[_Array], list[dict[str, str]]]:
        """Return all constant arrays once, and for each layer the symbol of each of its constants.

        Equal tables (not weights: a reader looks for those at their layer) are stored once.
        """
        found: list[_Array] = []
        for tensor, symbol in self._constants.items():
            data = self._graph.tensor(tensor).data
            assert data is not None
            found.append(_Array(symbol, data, True, self._graph.tensor(tensor).name))
        known: dict[tuple[str, bytes], str] = {}
        symbols: list[dict[str, str]] = []
        for index, operator in enumerate(self._operators):
            layer: dict[str, str] = {}
            for constant in operator.constants():
                symbol = f"mcu_slm_{index:02}_{self._layer_names[index]}_{constant.suffix}"
                key = (constant.data.dtype.name, constant.data.tobytes())
                if not constant.is_weight and key in known:
                    layer[constant.suffix] = known[key]
                    continue
                layer[constant.suffix] = symbol
                if not constant.is_weight:
                    known[key] = symbol
                found.append(_Array(symbol, constant.data, constant.is_weight, constant.comment))
            symbols.append(layer)
        return found, symbols

    # Texts

    def files(self) -> dict[str, str]:
        """Return every file of the folder but the manifest."""
        text = self._model_text()
        files = {
            name: render(f"model/{name}.j2", text)
            for name in ("model.h", "model.c", "model_layers.h")
        }
        files["model_weights.h"] = self._weights_header()
        files["model_weights.c"] = self._weights_source()
        files["model_tflite.h"] = self._tflite_header()
        files["model_tflite.c"] = self._tflite_source()
        for kernel in self._kernel_files():
            content = (_KERNELS / kernel).read_text(encoding="utf-8")
            files[kernel] = f"{self._notice(f'mcu_slm/kernels/{kernel}')}\n{content}"
        return files

    def _notice(self, source: str = "") -> str:
        origin = f"the model or {source}" if source else "the model"
        return "\n".join(
            (
                "/* SPDX-License-Identifier: 0BSD",
                f" * Generated by mcu-slm {__version__}. Do not edit: change {origin} instead.",
                f" * Model SHA-256 {self._sha256}",
                " */",
            )
        )

    def _kernels(self) -> tuple[str, ...]:
        return tuple(
            sorted({kernel for operator in self._operators for kernel in operator.kernels})
        )

    def _kernel_files(self) -> list[str]:
        files = [f"{kernel}.{kind}" for kernel in self._kernels() for kind in ("c", "h")]
        for header in _SHARED_HEADERS:
            if any(
                f'"{header}"' in (_KERNELS / name).read_text(encoding="utf-8") for name in files
            ):
                files.append(header)
        return [*files, *_ALWAYS]

    def _model_text(self) -> ModelText:
        source = self._graph.tensor(self._graph.inputs[0])
        output = self._graph.tensor(self._graph.outputs[0])
        digest = bytes.fromhex(self._sha256)
        return ModelText(
            notice=self._notice("firmware_templates/model"),
            input_shape=str(list(source.shape)),
            input_scale=_scale(source),
            input_zero_point=_zero_point(source),
            output_shape=str(list(output.shape)),
            output_scale=_scale(output),
            output_zero_point=_zero_point(output),
            macs=f"{sum(operator.macs for operator in self._operators):,}",
            weight_bytes=f"{self._bytes(weights=True):,}",
            table_bytes=f"{self._bytes(weights=False):,}",
            arena_bytes=self._plan.arena_bytes,
            input_bytes=source.byte_count,
            output_bytes=output.byte_count,
            alignment=plan.ALIGNMENT,
            labels=tuple(_c_string(label) for label in self._labels()),
            sha256_lines=tuple(
                ", ".join(f"0x{byte:02x}" for byte in digest[i : i + 8]) + ","
                for i in (0, 8, 16, 24)
            ),
            kernels=self._kernels(),
            tensors=self._tensor_texts(),
            layers=tuple(self._layer_text(index) for index in range(len(self._operators))),
            input_macro=self._macros[self._graph.inputs[0]],
            output_macro=self._macros[self._graph.outputs[0]],
        )

    def _labels(self) -> tuple[str, ...]:
        """Return the labels when there is one per output value."""
        count = self._graph.tensor(self._graph.outputs[0]).element_count
        return self._info.labels if len(self._info.labels) == count else ()

    def _bytes(self, *, weights: bool) -> int:
        return sum(array.data.nbytes for array in self._arrays if array.is_weight == weights)

    def _tensor_texts(self) -> tuple[TensorText, ...]:
        lives = {buffer.name: (buffer.first, buffer.last) for buffer in self._plan.buffers}
        last = len(self._graph.nodes)
        rows = []
        for tensor, offset in sorted(self._plan.offsets.items()):
            entry = self._graph.tensor(tensor)
            first, end = lives.get(entry.name, (0, 0))
            life = "shares its source"
            if entry.name in lives:
                life = f"{'input' if first < 0 else first} .. {'output' if end == last else end}"
            rows.append(
                TensorText(entry.name, self._macros[tensor], offset, entry.byte_count, life)
            )
        return tuple(rows)

    def _layer_text(self, index: int) -> LayerText:
        node, operator = self._graph.nodes[index], self._operators[index]
        output = self._graph.tensor(node.outputs[0])
        summary = operator.summary()
        facts = [f"{node.op}{', ' + summary if summary else ''}{_activation(node)}"]
        for position in operator.activations:
            tensor = self._graph.tensor(node.inputs[position])
            facts.append(
                f"in   {_describe(tensor)}{' (constant)' if tensor.data is not None else ''}"
            )
        facts += [f"out  {_describe(self._graph.tensor(tensor))}" for tensor in node.outputs]
        if operator.macs:
            facts.append(f"{operator.macs:,} multiply-accumulates")
        body = self._body(node, operator, self._symbols[index])
        return LayerText(index, output.name, tuple(facts), self._function(index), body)

    def _function(self, index: int) -> str:
        moves_nothing = not self._operators[index].kernels
        return "" if moves_nothing else f"mcu_slm_layer_{index:02}_{self._layer_names[index]}"

    def _body(self, node: Node, operator: Operator, constants: dict[str, str]) -> tuple[str, ...]:
        places = {**self._macros, **self._constants}
        arguments = Arguments(
            tuple(places[node.inputs[position]] for position in operator.activations),
            tuple(places[tensor] for tensor in node.outputs),
            constants,
        )
        return tuple(f"    {line}" for line in operator.call(arguments).splitlines())

    def _weights_header(self) -> str:
        lines = [
            self._notice(),
            "#ifndef MCU_SLM_MODEL_WEIGHTS_H",
            "#define MCU_SLM_MODEL_WEIGHTS_H",
            "",
            "#include <stdint.h>",
            "",
        ]
        lines += [f"extern {arrays.declaration(a.symbol, a.data)};" for a in self._arrays]
        return "\n".join([*lines, "", "#endif", ""])

    def _weights_source(self) -> str:
        head = f'{self._notice()}\n#include "model_weights.h"\n'
        body = [arrays.definition(a.symbol, a.data, a.comment) for a in self._arrays]
        return "\n".join([head, *body])

    def _tflite_header(self) -> str:
        return "\n".join(
            (
                self._notice(),
                "/* The flatbuffer itself, for firmware that runs the TFLM interpreter. */",
                "#ifndef MCU_SLM_MODEL_TFLITE_H",
                "#define MCU_SLM_MODEL_TFLITE_H",
                "",
                "#include <stdint.h>",
                "",
                f"#define MCU_SLM_MODEL_TFLITE_BYTES {len(self._raw)}",
                "",
                f"extern const uint8_t mcu_slm_model_tflite[{len(self._raw)}];",
                "",
                "#endif",
                "",
            )
        )

    def _tflite_source(self) -> str:
        data = np.frombuffer(self._raw, np.uint8)
        text = arrays.definition("mcu_slm_model_tflite", data)
        # Flatbuffers are read in place and need 16-byte alignment.
        text = text.replace("const uint8_t", "__attribute__((aligned(16))) const uint8_t", 1)
        return f'{self._notice()}\n#include "model_tflite.h"\n\n{text}'

    def manifest(self, files: dict[str, str]) -> CompiledModel:
        """Return the manifest for files with the given hashes."""
        graph, offsets = self._graph, self._plan.offsets
        sources = sorted(name for name in files if name.endswith(".c") and name != "model_tflite.c")
        layers = tuple(
            Layer(
                index,
                graph.tensor(node.outputs[0]).name,
                node.op,
                self._function(index),
                operator.macs,
                node.outputs,
                tuple(offsets[tensor] for tensor in node.outputs),
                tuple(graph.tensor(tensor).byte_count for tensor in node.outputs),
            )
            for index, (node, operator) in enumerate(zip(graph.nodes, self._operators, strict=True))
        )
        return CompiledModel(
            tool_version=__version__,
            model_sha256=self._sha256,
            kernel_family=self._family,
            input_bytes=graph.tensor(graph.inputs[0]).byte_count,
            output_bytes=graph.tensor(graph.outputs[0]).byte_count,
            arena_bytes=self._plan.arena_bytes,
            weight_bytes=self._bytes(weights=True),
            table_bytes=self._bytes(weights=False),
            macs=sum(operator.macs for operator in self._operators),
            input_offset=offsets[graph.inputs[0]],
            output_offset=offsets[graph.outputs[0]],
            labels=self._labels(),
            sources=tuple(sources),
            layers=layers,
            files=files,
        )


def _scale(tensor: Tensor) -> str:
    return repr(tensor.quantization.scale) if tensor.quantization else "1.0"


def _zero_point(tensor: Tensor) -> int:
    return tensor.quantization.zero_point if tensor.quantization else 0


def _describe(tensor: Tensor) -> str:
    text = f"{tensor.dtype} {list(tensor.shape)} {tensor.name}"
    if tensor.quantization is not None:
        text += f", scale {_scale(tensor)}, zero point {_zero_point(tensor)}"
    return text.replace("*/", "* /")


def _activation(node: Node) -> str:
    name = node.options.get("fused_activation_function", "NONE")
    return "" if name == "NONE" else f", {name}"


def _c_string(text: str) -> str:
    """Return text for a C string literal."""
    raw = text.encode("utf-8")
    plain = (chr(b) if 32 <= b < 127 and b not in b'"\\?' else f"\\{b:03o}" for b in raw)
    return "".join(plain)
