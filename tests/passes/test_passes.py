"""Each pass changes what it is for, and no byte."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from mcu_slm import ops, passes, tflite
from mcu_slm.compile import compile_model
from mcu_slm.dsp import price
from mcu_slm.dsp.budget import Budget
from mcu_slm.dsp.convolution import MatrixProduct
from mcu_slm.errors import BuildError, UsageError
from mcu_slm.ir import Graph, verify
from mcu_slm.ops import reference
from mcu_slm.passes import PASSES, Draft, Pass, Target, plan_draft, run_passes
from mcu_slm.rows import pack
from mcu_slm.verify.host import HostModel
from tests.models import windows_of
from tests.passes import graphs
from tests.prove.graphs import graph as random_graph

ASIDE = ("RESHAPE", "FILL_TABLE")
"""What other passes leave or add."""
NAMES = [entry.name for entry in PASSES]
WIDTHS = [(0, 1, 0, 1), (1, 1, 1, 1), (2, 0, 0, 2), (1, 2, 2, 1), (2, 2, 2, 2)]

PRODUCTS = ("CONV_2D", "CONV_2D", "CONV_2D", "BATCH_MATMUL", "BATCH_MATMUL")
BOTH = ("UNIDIRECTIONAL_SEQUENCE_LSTM",) * 2
ONE_HEAD = (*("CONV_2D",) * 3, "ATTENTION")

CASES: dict[str, tuple[Graph, str, tuple[str, ...]]] = {
    # graph, pass, the operators that it leaves
    "still": (graphs.still(), "still-moves", ("RESHAPE",) * 4 + ("LOGISTIC",)),
    "chain": (graphs.chain(), "merge-tables", ("TANH", "SUB")),
    "merged heads": (graphs.merged_heads(), "walk-operands", ("ATTENTION",)),
    "windows of heads": (graphs.merged_heads(4, 4, 8), "walk-operands", ("ATTENTION",)),
    "odd heads": (graphs.merged_heads(2, 3, 5, 7), "walk-operands", ("ATTENTION",)),
    "long heads": (graphs.merged_heads(1, 4, 24), "walk-operands", ("ATTENTION",)),
    "attention behind attention": (
        graphs.chained_attention(), "fuse-attention", ("ATTENTION", "SOFTMAX", "BATCH_MATMUL"),
    ),
    "turned sides": (graphs.turned_sides(), "walk-operands", ("BATCH_MATMUL",)),
    "dead": (graphs.dead(), "drop-unused", ("LOGISTIC",)),
    "joined heads": (
        graphs.joined_heads(2), "join-in-place", ("WIDEN_ROWS", *ONE_HEAD * 3, "LOGISTIC"),
    ),
    "joined windows": (
        graphs.joined_heads(3, 2, 5, 7, axis=1, soft=False), "join-in-place",
        ("WIDEN_ROWS", *PRODUCTS * 2, "LOGISTIC"),
    ),
    "reshaped heads": (
        graphs.joined_heads(2, 2, 7, 6, soft=False, reshaped=True), "join-in-place",
        ("WIDEN_ROWS", *PRODUCTS * 2, "LOGISTIC"),
    ),
    "long joined heads": (
        graphs.joined_heads(4, 2, 20, 6), "join-in-place", (*ONE_HEAD * 2, "LOGISTIC"),
    ),
    "both directions": (graphs.directions(), "join-in-place", BOTH),
    "both directions of batches": (
        graphs.directions(3, 5, 8, 4, time_major=True), "walk-operands", BOTH,
    ),
    "backwards": (graphs.directions(joined=False), "walk-results", BOTH),
    "siblings": (graphs.siblings(), "widen-once", ("WIDEN_ROWS", *("CONV_2D",) * 3)),
    "siblings with rests": (
        graphs.siblings(11, 10), "widen-once", ("WIDEN_ROWS", *("CONV_2D",) * 3),
    ),
    **{
        f"{kind} padded by {widths}, stride {stride}, {padding}": (
            graphs.padded(kind, widths, stride, padding), "fold-padding", (kind,),
        )
        for kind in ("CONV_2D", "DEPTHWISE_CONV_2D")
        for widths in WIDTHS
        for stride, padding in ((1, "VALID"), (2, "VALID"), (1, "SAME"))
        if padding == "VALID" or max(widths) == 1
    },
}  # fmt: skip


def _draft(graph: Graph) -> Draft:
    return Draft.of(graph, ops.parse_graph(graph))


def _same_values(graph: Graph, draft: Draft, seed: int) -> None:
    """Check that what both compute is equal, and that all outputs are there."""
    inputs = windows_of(graph, 6, seed)
    before = reference.run(graph, ops.parse_graph(graph), inputs)
    after = reference.run(draft.graph, draft.operators, inputs)
    assert set(graph.outputs) <= set(after)
    for tensor in (number for number in after if number < len(graph.tensors)):
        assert after[tensor].tobytes() == before[tensor].tobytes(), graph.tensor(tensor).name


@pytest.mark.unit
@pytest.mark.parametrize("name", CASES)
def test_the_pass_does_what_it_is_for(name: str) -> None:
    graph, _, left = CASES[name]
    draft = run_passes(_draft(graph), Target())
    found = tuple(step.node.op for step in draft.steps)
    assert tuple(op for op in found if op not in ASIDE or op in left) == left
    _same_values(graph, draft, 3)


@pytest.mark.unit
@pytest.mark.parametrize("name", CASES)
def test_without_the_pass_the_layers_stay(name: str) -> None:
    graph, which, left = CASES[name]
    without = (which, "drop-unused") if which == "walk-operands" else (which,)
    draft = run_passes(_draft(graph), Target(), without)
    found = tuple(step.node.op for step in draft.steps)
    assert tuple(op for op in found if op != "FILL_TABLE") != left
    _same_values(graph, draft, 4)


@pytest.mark.unit
@pytest.mark.parametrize("number", range(120))
def test_random_graphs_keep_their_values(number: int) -> None:
    graph = ops.fold_graph(tflite.read_model(tflite.write_model(random_graph(77, number))))
    _same_values(graph, run_passes(_draft(graph), None), number)


@pytest.mark.host
@pytest.mark.parametrize("family", ["portable", "dsp"])
@pytest.mark.parametrize("name", CASES)
def test_generated_c_gives_the_same_bytes(name: str, family: str, tmp_path: Path) -> None:
    graph, *_ = CASES[name]
    inputs = windows_of(graph, 16, 8)
    values = reference.run(graph, ops.parse_graph(graph), inputs)
    expected = pack(graph, graph.outputs, [values[tensor] for tensor in graph.outputs])
    compiled = compile_model(graph, tflite.write_model(graph), tmp_path / "c", family)
    model = HostModel(tmp_path / "c", compiled, tmp_path / "build")
    found = model.predict(pack(graph, graph.inputs, inputs))
    assert found.tobytes() == np.ascontiguousarray(expected).tobytes()


@pytest.mark.unit
def test_a_part_that_is_wanted_elsewhere_is_copied() -> None:
    for graph in (graphs.joined_heads(twice=True), _shown_part()):
        found = [step.node.op for step in run_passes(_draft(graph), Target()).steps]
        assert "CONCATENATION" in found


def _shown_part() -> Graph:
    graph = graphs.joined_heads()
    (join,) = (node for node in graph.nodes if node.op == "CONCATENATION")
    return replace(graph, outputs=(*graph.outputs, join.inputs[1]))


@pytest.mark.unit
def test_a_pad_with_another_value_stays() -> None:
    a = graphs.Layers("other value", (1, 7, 6, 4))
    y = a.pad(a.x, ((0, 0), (1, 1), (1, 1), (0, 0)), zero_point=9)
    b = a.b.tensor("again", a.b.shape(y), scale=graphs.SCALE, zero_point=-3)
    a.b.node("QUANTIZE", [y], [b])
    for graph in (a.graph(a.convolution(b, 4)), _padded_channels(), _all_padding()):
        found = [step.node.op for step in run_passes(_draft(graph), None).steps]
        assert "PAD" in found


def _padded_channels() -> Graph:
    a = graphs.Layers("padded channels", (1, 7, 6, 4))
    y = a.pad(a.x, ((0, 0), (1, 1), (1, 1), (0, 2)))
    return a.graph(a.convolution(y, 4))


def _all_padding() -> Graph:
    """Some windows see nothing of the image."""
    a = graphs.Layers("all padding", (1, 7, 6, 4))
    y = a.pad(a.x, ((0, 0), (3, 0), (0, 0), (0, 0)))
    return a.graph(a.convolution(y, 4))


@pytest.mark.unit
def test_layers_keep_the_numbers_of_the_file_and_name_what_they_do(tmp_path: Path) -> None:
    graph = graphs.chain()
    compiled = compile_model(graph, tflite.write_model(graph), tmp_path)
    assert [layer.index for layer in compiled.layers] == [3, 5]
    assert [graph.nodes[layer.index].outputs for layer in compiled.layers] == [
        layer.tensors for layer in compiled.layers
    ]
    text = (tmp_path / "model_layers.h").read_text() + (tmp_path / "model.c").read_text()
    assert "does LOGISTIC (LOGISTIC), too" in text


@pytest.mark.unit
def test_saving_memory_never_takes_more(tmp_path: Path) -> None:
    graph = graphs.merged_heads(4, 4, 8)
    raw = tflite.write_model(graph)
    names = [entry.name for entry in PASSES if entry.memory]
    for family in ("portable", "dsp"):
        lean = compile_model(graph, raw, tmp_path, family, "ram").arena_bytes
        for count in range(len(names) + 1):
            for left_out in combinations(names, count):
                other = compile_model(graph, raw, tmp_path, family, "ram", without=left_out)
                assert lean <= other.arena_bytes


@pytest.mark.unit
def test_attention_is_fused_where_that_saves_memory(tmp_path: Path) -> None:
    found = []
    for length in (4, 24):
        graph = graphs.merged_heads(1, 4, length)
        raw = tflite.write_model(graph)
        for family in ("portable", "dsp"):
            model = compile_model(graph, raw, tmp_path, family)
            apart = compile_model(graph, raw, tmp_path, family, without=("fuse-attention",))
            fused = "ATTENTION" in [layer.op for layer in model.layers]
            assert fused == (model.arena_bytes < apart.arena_bytes)
            found.append((length, fused))
    assert {(4, False), (24, True)} <= set(found)


@pytest.mark.unit
def test_a_pass_that_breaks_the_graph_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Pass("loses-a-layer", "", lambda draft, _: draft.with_steps(draft.steps[1:]))
    monkeypatch.setattr(passes, "PASSES", (*PASSES[:1], broken))
    with pytest.raises(BuildError) as error:
        run_passes(_draft(graphs.siblings()), None)
    assert error.value.where == "pass loses-a-layer"
    assert "never written" in error.value.found
    assert "--without loses-a-layer" in error.value.remedy


@pytest.mark.unit
def test_unknown_passes_are_refused(tmp_path: Path) -> None:
    graph = graphs.dead()
    with pytest.raises(UsageError, match="'dropunused'; expected one of still-moves"):
        compile_model(graph, tflite.write_model(graph), tmp_path, without=("dropunused",))
    assert not list(tmp_path.iterdir())


@pytest.mark.unit
def test_names_are_unique_and_graphs_sound() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert all(not verify(graph) for graph, *_ in CASES.values())


@pytest.mark.unit
def test_strips_are_as_long_as_the_arena_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(price, "SHARE_PER_ARENA_BYTE", 1.0)
    draft = _draft(graphs.narrowing())
    shorter = run_passes(draft, Target(), ("lengthen-strips",))
    longer = run_passes(draft, Target())
    assert plan_draft(longer).arena_bytes == plan_draft(shorter).arena_bytes
    strips = [
        [layer.quads_per_strip for layer in found.operators if isinstance(layer, MatrixProduct)]
        for found in (shorter, longer)
    ]
    assert strips == [[2, 8], [2, 10]]


@pytest.mark.unit
def test_the_arena_grows_for_longer_strips_where_that_is_worth_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    draft = _draft(graphs.narrowing())
    monkeypatch.setattr(price, "SHARE_PER_ARENA_BYTE", 1e-9)
    longest = run_passes(draft, Target())
    arena = plan_draft(longest).arena_bytes
    assert arena > plan_draft(run_passes(draft, Target(), ("lengthen-strips",))).arena_bytes
    strips = [x.quads_per_strip for x in longest.operators if isinstance(x, MatrixProduct)]
    assert strips == [10, 10]
    limited = run_passes(draft, Target(budget=Budget(ram_bytes=arena - 4)))
    assert plan_draft(limited).arena_bytes < arena
