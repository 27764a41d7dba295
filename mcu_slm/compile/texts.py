"""The holes of the templates `model/*.j2`, filled from a program."""

from __future__ import annotations

from dataclasses import dataclass

from mcu_slm import plan
from mcu_slm.compile import names
from mcu_slm.compile.program import Program
from mcu_slm.ir import Node, Tensor
from mcu_slm.ops import Arguments, short_name

_HASH_BYTES_PER_LINE = 8


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
    """What `model.h`, `model.c` and `model_layers.h` say."""

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


def model_text(program: Program, notice: str) -> ModelText:
    """Return the texts of a program."""
    graph = program.graph
    source, output = graph.tensor(graph.inputs[0]), graph.tensor(graph.outputs[0])
    return ModelText(
        notice=notice,
        input_shape=str(list(source.shape)),
        input_scale=_scale(source),
        input_zero_point=_zero_point(source),
        output_shape=str(list(output.shape)),
        output_scale=_scale(output),
        output_zero_point=_zero_point(output),
        macs=f"{program.macs:,}",
        weight_bytes=f"{program.constant_bytes(weights=True):,}",
        table_bytes=f"{program.constant_bytes(weights=False):,}",
        arena_bytes=program.plan.arena_bytes,
        input_bytes=source.byte_count,
        output_bytes=output.byte_count,
        alignment=plan.ALIGNMENT,
        labels=tuple(_c_string(label) for label in program.labels),
        sha256_lines=_hash_lines(program.sha256),
        kernels=program.kernels,
        tensors=tuple(_tensor_text(program, tensor) for tensor in sorted(program.plan.offsets)),
        layers=tuple(_layer_text(program, index) for index in range(len(program.operators))),
        input_macro=program.places[graph.inputs[0]],
        output_macro=program.places[graph.outputs[0]],
    )


def _hash_lines(sha256: str) -> tuple[str, ...]:
    digest, step = bytes.fromhex(sha256), _HASH_BYTES_PER_LINE
    lines = (digest[i : i + step] for i in range(0, len(digest), step))
    return tuple(", ".join(f"0x{byte:02x}" for byte in line) + "," for line in lines)


def _tensor_text(program: Program, tensor: int) -> TensorText:
    entry, layout = program.graph.tensor(tensor), program.plan
    life = "shares its source"
    if layout.owners[tensor] == tensor:
        buffer = layout.buffers[tensor]
        first = "input" if buffer.first < 0 else str(buffer.first)
        last = "output" if buffer.last == len(program.graph.nodes) else str(buffer.last)
        life = f"{first} .. {last}"
    name = names.comment_safe(short_name(entry.name))
    return TensorText(name, program.places[tensor], layout.offsets[tensor], entry.byte_count, life)


def _layer_text(program: Program, index: int) -> LayerText:
    graph, node, operator = program.graph, program.graph.nodes[index], program.operators[index]
    summary = operator.summary()
    facts = [f"{node.op}{', ' + summary if summary else ''}{_activation(node)}"]
    for position in operator.activations:
        tensor = graph.tensor(node.inputs[position])
        constant = " (constant)" if tensor.data is not None else ""
        facts.append(f"in   {_describe(tensor)}{constant}")
    facts += [f"out  {_describe(graph.tensor(tensor))}" for tensor in node.outputs]
    if operator.macs:
        facts.append(f"{operator.macs:,} multiply-accumulates")
    arguments = Arguments(
        tuple(program.places[node.inputs[position]] for position in operator.activations),
        tuple(program.places[tensor] for tensor in node.outputs),
        program.symbols[index],
    )
    body = tuple(f"    {line}" for line in operator.call(arguments).splitlines())
    title = names.comment_safe(short_name(graph.tensor(node.outputs[0]).name))
    return LayerText(index, title, tuple(facts), program.functions[index], body)


def _scale(tensor: Tensor) -> str:
    return repr(tensor.quantization.scale) if tensor.quantization else "1.0"


def _zero_point(tensor: Tensor) -> int:
    return tensor.quantization.zero_point if tensor.quantization else 0


def _describe(tensor: Tensor) -> str:
    text = f"{tensor.dtype} {list(tensor.shape)} {names.comment_safe(short_name(tensor.name))}"
    if tensor.quantization is not None:
        text += f", scale {_scale(tensor)}, zero point {_zero_point(tensor)}"
    return text


def _activation(node: Node) -> str:
    name = node.options.get("fused_activation_function", "NONE")
    return "" if name == "NONE" else f", {name}"


def _c_string(text: str) -> str:
    """Return text for a C string literal."""
    raw = text.encode("utf-8")
    plain = (chr(b) if 32 <= b < 127 and b not in b'"\\?' else f"\\{b:03o}" for b in raw)
    return "".join(plain)
