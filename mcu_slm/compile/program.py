"""A model with everything that the generated code needs names for: layers, tensors, constants."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy.typing as npt

from mcu_slm import ops, plan
from mcu_slm.answers import answer_of
from mcu_slm.compile import names
from mcu_slm.compile.states import StatePlace, place_states, state_bytes
from mcu_slm.files import sha256_bytes
from mcu_slm.ir import Graph
from mcu_slm.metadata import read_info
from mcu_slm.ops import Operator
from mcu_slm.ops.base import GeneratedKernel
from mcu_slm.ops.state import states_of
from mcu_slm.passes import Draft, Step, Target, plan_draft, run_passes, variants


@dataclass(frozen=True, eq=False)
class Array:
    """A constant array of the generated code, with the symbol it is known by."""

    symbol: str
    data: npt.NDArray[Any]
    is_weight: bool
    comment: str


@dataclass(frozen=True, eq=False)
class Program:
    """A model on its way to C.

    `file_tensors` is how many of the tensors are those of the file: the first ones.

    `functions[i]` is layer i's C function, empty where no byte moves; `places` gives the C
    expression of each tensor that is read or written at run time; `symbols[i]` the array of each
    of layer i's constants, by suffix; `states` what lives from one inference to the next, by
    tensor; `labels` the class names when there is one per output value, or per value of each token;
    `dual_issue`: generated kernels are for a core that starts two instructions at a time.
    """

    graph: Graph
    raw: bytes
    sha256: str
    steps: tuple[Step, ...]
    file_tensors: int
    plan: plan.MemoryPlan
    functions: tuple[str, ...]
    places: dict[int, str]
    arrays: tuple[Array, ...]
    symbols: tuple[dict[str, str], ...]
    states: dict[int, StatePlace]
    labels: tuple[str, ...]
    dual_issue: bool

    @property
    def operators(self) -> tuple[Operator, ...]:
        """The operators of the layers."""
        return tuple(step.operator for step in self.steps)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(operator.macs for operator in self.operators)

    @property
    def scratch_bytes(self) -> int:
        """The most working memory that a layer takes."""
        return max((operator.scratch_bytes for operator in self.operators), default=0)

    @property
    def kernels(self) -> tuple[str, ...]:
        """Names of the C kernels that some layer calls."""
        names = {name for operator in self.operators for name in operator.kernels}
        return tuple(sorted(names | {kernel.name for kernel in self.generated}))

    @property
    def generated(self) -> tuple[GeneratedKernel, ...]:
        """The kernels among them that are made for this model, each once."""
        found = {
            kernel.name: kernel for operator in self.operators for kernel in operator.generated
        }
        return tuple(found[name] for name in sorted(found))

    @property
    def spent_weight_bytes(self) -> int:
        """Bytes of weights beyond those of the file, spent on speed."""
        return sum(operator.spent_weight_bytes for operator in self.operators)

    def constant_bytes(self, *, weights: bool) -> int:
        """Bytes of weights, or of all other constant arrays."""
        return sum(array.data.nbytes for array in self.arrays if array.is_weight == weights)


def make_program(
    graph: Graph,
    raw: bytes,
    target: Target | None = None,
    without: Collection[str] = (),
    *,
    saves_ram: bool = False,
) -> Program:
    """Parse a model, run the passes over it but those named in `without`, plan it and name it.

    Args:
        graph: The model.
        raw: The file that it came from.
        target: What dsp kernels are chosen for; None: portable kernels.
        without: Names of passes to leave out.
        saves_ram: Weigh passes that take memory against the arena.

    Raises:
        UnsupportedOperatorError: An operator, type or option without a kernel.
        ModelError: The model contradicts itself.
    """
    parsed = ops.parse_graph(graph)
    if target is not None:
        target = replace(target, kept_bytes=state_bytes(place_states(states_of(graph, parsed))))
    first = Draft.of(graph, parsed)
    ways = variants(first, without, saves_ram=saves_ram)
    drafts = [run_passes(first, target, way) for way in ways]
    planned = [(draft, plan_draft(draft)) for draft in drafts]
    draft, layout = min(planned, key=lambda pair: pair[1].arena_bytes)
    graph, operators = draft.graph, draft.operators
    layers = names.unique(names.identifier(graph.layer_name(node)) for node in graph.nodes)
    functions = tuple(
        f"mcu_slm_layer_{step.source:02}_{layer}"
        if step.operator.kernels or step.operator.generated
        else ""
        for layer, step in zip(layers, draft.steps, strict=True)
    )
    constants = _constant_inputs(graph, operators, layout)
    arrays, symbols = _layer_arrays(draft.steps, layers)
    states = place_states(states_of(graph, operators))
    return Program(
        graph,
        raw,
        sha256_bytes(raw),
        draft.steps,
        draft.file_tensors,
        layout,
        functions,
        {**_macros(graph, layout), **{tensor: array.symbol for tensor, array in constants.items()}},
        (*constants.values(), *arrays, *_start_arrays(states)),
        symbols,
        states,
        _labels(graph),
        target is not None and target.dual_issue,
    )


def _macros(graph: Graph, layout: plan.MemoryPlan) -> dict[int, str]:
    tensors = sorted(layout.offsets)
    fragments = names.unique(names.identifier(graph.tensor(t).name) for t in tensors)
    return {t: f"TENSOR_{text.upper()}" for t, text in zip(tensors, fragments, strict=True)}


def _constant_inputs(
    graph: Graph, operators: tuple[Operator, ...], layout: plan.MemoryPlan
) -> dict[int, Array]:
    """Return the constants that operators read as activations, as a learned position."""
    wanted: dict[int, None] = {}
    for node, operator in zip(graph.nodes, operators, strict=True):
        for position in operator.activations:
            if node.inputs[position] not in layout.offsets:
                wanted[node.inputs[position]] = None
    fragments = names.unique(names.identifier(graph.tensor(t).name) for t in wanted)
    found = {}
    for index, text in zip(wanted, fragments, strict=True):
        tensor = graph.tensor(index)
        assert tensor.data is not None  # the reader checked the order of operators
        comment = names.comment_safe(ops.short_name(tensor.name))
        found[index] = Array(f"mcu_slm_constant_{text}", tensor.data, True, comment)
    return found


def _layer_arrays(
    steps: Sequence[Step], layers: list[str]
) -> tuple[list[Array], tuple[dict[str, str], ...]]:
    """Return the layers' constant arrays, and for each layer the symbol of each of its constants.

    Equal tables are stored once; weights are not shared, a reader looks for them at their layer.
    """
    found: list[Array] = []
    known: dict[tuple[str, bytes], str] = {}
    symbols: list[dict[str, str]] = []
    for step, layer in zip(steps, layers, strict=True):
        of_layer: dict[str, str] = {}
        for constant in step.operator.constants():
            symbol = f"mcu_slm_{step.source:02}_{layer}_{constant.suffix}"
            if not constant.is_weight:
                key = (constant.data.dtype.name, constant.data.tobytes())
                symbol = known.setdefault(key, symbol)
            of_layer[constant.suffix] = symbol
            if not any(array.symbol == symbol for array in found):
                found.append(Array(symbol, constant.data, constant.is_weight, constant.comment))
        symbols.append(of_layer)
    return found, tuple(symbols)


def _start_arrays(states: dict[int, StatePlace]) -> list[Array]:
    """Return the start values that are more than one byte repeated."""
    return [
        Array(place.symbol, place.start, True, f"start of {names.comment_safe(place.name)}")
        for place in states.values()
        if place.symbol
    ]


def _labels(graph: Graph) -> tuple[str, ...]:
    labels = read_info(graph.metadata).labels
    answer = answer_of(graph)
    classes = graph.tensor(graph.outputs[0]).element_count if answer is None else answer.classes
    return labels if len(labels) == classes else ()
