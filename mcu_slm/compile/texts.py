"""The holes of the templates `model/*.j2`, filled from a program."""

from __future__ import annotations

from dataclasses import dataclass

from mcu_slm import plan
from mcu_slm.compile import arrays, names
from mcu_slm.compile.meaning import AnswerText, CountsText, answer_text, counts_text
from mcu_slm.compile.program import Program
from mcu_slm.compile.states import StatePlace, state_bytes
from mcu_slm.ir import Graph, Node, Tensor
from mcu_slm.ops import Arguments, short_name
from mcu_slm.ops.state import holder
from mcu_slm.rows import row_offsets

_HASH_BYTES_PER_LINE = 8


@dataclass(frozen=True)
class TensorText:
    """An activation as the generated code names it."""

    name: str
    macro: str
    offset: int
    byte_count: int
    life: str
    place: str


@dataclass(frozen=True)
class PortText:
    """An input or output as `model.h` describes it."""

    text: str


@dataclass(frozen=True)
class GatherText:
    """A copy of one of several outputs to where they stand together.

    `gap` are the arena's indices between the output before and this one.
    """

    target: str
    source: str
    byte_count: int
    gap: range


@dataclass(frozen=True)
class StateText:
    """A state as the generated code names it; `setting` is how it gets its start values."""

    name: str
    macro: str
    offset: int
    byte_count: int
    setting: str


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
    inputs: tuple[PortText, ...]
    outputs: tuple[PortText, ...]
    macs: str
    weight_bytes: str
    table_bytes: str
    arena_bytes: int
    scratch_bytes: str
    state_bytes: int
    input_bytes: int
    output_bytes: int
    alignment: int
    labels: tuple[str, ...]
    answer: AnswerText
    counts: CountsText
    sha256_lines: tuple[str, ...]
    kernels: tuple[str, ...]
    tensors: tuple[TensorText, ...]
    states: tuple[StateText, ...]
    layers: tuple[LayerText, ...]
    input_place: str
    output_place: str
    gathered: tuple[GatherText, ...]


def model_text(program: Program, notice: str) -> ModelText:
    """Return the texts of a program."""
    graph = program.graph
    layout = program.plan
    return ModelText(
        notice=notice,
        inputs=_ports(graph, graph.inputs),
        outputs=_ports(graph, graph.outputs),
        macs=f"{program.macs:,}",
        weight_bytes=f"{program.constant_bytes(weights=True):,}",
        table_bytes=f"{program.constant_bytes(weights=False):,}",
        arena_bytes=layout.arena_bytes,
        scratch_bytes=f"{program.scratch_bytes:,}",
        state_bytes=state_bytes(program.states),
        input_bytes=row_offsets(graph, graph.inputs)[1],
        output_bytes=row_offsets(graph, graph.outputs)[1],
        alignment=plan.ALIGNMENT,
        labels=tuple(names.c_string(label) for label in program.labels),
        answer=answer_text(graph),
        counts=counts_text(graph),
        sha256_lines=_hash_lines(program.sha256),
        kernels=program.kernels,
        tensors=tuple(_tensor_text(program, tensor) for tensor in sorted(layout.offsets)),
        states=tuple(_state_text(place) for place in program.states.values()),
        layers=tuple(_layer_text(program, index) for index in range(len(program.operators))),
        input_place=f"mcu_slm_arena + {input_offset(program)}",
        output_place=f"mcu_slm_arena + {output_offset(program)}",
        gathered=_gathered(program),
    )


def input_offset(program: Program) -> int:
    """Return where the input row starts in the arena."""
    return program.plan.offsets[program.graph.inputs[0]]


def output_offset(program: Program) -> int:
    """Return where the output row starts in the arena."""
    gathered = program.plan.gathered
    return program.plan.offsets[program.graph.outputs[0]] if gathered is None else gathered


def _ports(graph: Graph, tensors: tuple[int, ...]) -> tuple[PortText, ...]:
    offsets, _ = row_offsets(graph, tensors)
    ports = []
    for number, start in zip(tensors, offsets, strict=True):
        tensor = graph.tensor(number)
        text = f"{tensor.dtype} {list(tensor.shape)}"
        if tensor.quantization is not None:
            text += f", real = {_scale(tensor)} * (q - ({_zero_point(tensor)}))"
        if len(tensors) > 1:
            name = names.comment_safe(short_name(tensor.name))
            text += f", bytes {start} to {start + tensor.byte_count - 1}, {name}"
        ports.append(PortText(text))
    return tuple(ports)


def _gathered(program: Program) -> tuple[GatherText, ...]:
    """Return the copies that bring several outputs together."""
    graph, start = program.graph, program.plan.gathered
    if start is None:
        return ()
    copies, end = [], 0
    for number, inner in zip(graph.outputs, row_offsets(graph, graph.outputs)[0], strict=True):
        size, target = graph.tensor(number).byte_count, f"mcu_slm_arena + {start + inner}"
        gap = range(start + end, start + inner)
        copies.append(GatherText(target, program.places[number], size, gap))
        end = inner + size
    return tuple(copies)


def _hash_lines(sha256: str) -> tuple[str, ...]:
    digest, step = bytes.fromhex(sha256), _HASH_BYTES_PER_LINE
    lines = (digest[i : i + step] for i in range(0, len(digest), step))
    return tuple(", ".join(f"0x{byte:02x}" for byte in line) + "," for line in lines)


def _tensor_text(program: Program, tensor: int) -> TensorText:
    entry, layout = program.graph.tensor(tensor), program.plan
    life = "shares its source"
    if layout.owners[tensor] == tensor:
        first, last = layout.lives[tensor]
        end = "output" if last == len(program.graph.nodes) else str(last)
        life = f"{'input' if first < 0 else first} .. {end}"
    name = names.comment_safe(short_name(entry.name))
    offset = layout.offsets[tensor]
    place = f"mcu_slm_arena + {offset}"
    if entry.dtype != "int8":
        place = f"({arrays.C_TYPES[entry.dtype]} *)(void *)({place})"
    return TensorText(name, program.places[tensor], offset, entry.byte_count, life, place)


def _state_text(place: StatePlace) -> StateText:
    setting = f"memset({place.macro}, {place.fill}, {place.byte_count});"
    if place.symbol:
        setting = f"memcpy({place.macro}, {place.symbol}, {place.byte_count});"
    name = names.comment_safe(short_name(place.name))
    return StateText(name, place.macro, place.offset, place.byte_count, setting)


def _layer_text(program: Program, index: int) -> LayerText:
    graph, step = program.graph, program.steps[index]
    node, operator = step.node, step.operator
    summary = names.comment_safe(operator.summary())
    facts = [f"{node.op}{', ' + summary if summary else ''}{_activation(node)}"]
    facts += [f"does {names.comment_safe(name)}, too" for name in step.merged]
    for position in operator.activations:
        tensor = graph.tensor(node.inputs[position])
        constant = " (constant)" if tensor.data is not None else ""
        facts.append(f"in   {_describe(tensor)}{constant}")
    kept = [program.states[holder(graph, node.inputs[p])] for p in operator.states]
    facts += [f"keeps {names.comment_safe(short_name(place.name))}" for place in kept]
    outputs = graph.value_outputs(node)
    facts += [f"out  {_describe(graph.tensor(tensor))}" for tensor in outputs]
    if operator.macs:
        facts.append(f"{operator.macs:,} multiply-accumulates")
    scratch = program.plan.scratch.get(index)
    if scratch is not None:
        facts.append(f"{operator.scratch_bytes:,} bytes of working memory")
    sources = [program.places[node.inputs[position]] for position in operator.activations]
    arguments = Arguments(
        (*sources, *(place.macro for place in kept)),
        tuple(program.places[tensor] for tensor in outputs),
        program.symbols[index],
        f"mcu_slm_arena + {scratch}" if scratch is not None else "",
    )
    lines = operator.call(arguments).splitlines()
    body = tuple(f"    {line}" if line.strip() else "" for line in lines)
    title = names.comment_safe(short_name(graph.layer_name(node)))
    return LayerText(step.source, title, tuple(facts), program.functions[index], body)


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
