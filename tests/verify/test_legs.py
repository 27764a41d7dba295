"""Legs agree on sound code, name the first wrong byte of broken code, say why they did not run."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mcu_slm import judge, ops, tflite
from mcu_slm.compile import compile_model
from mcu_slm.errors import BuildError, ToolError, UsageError
from mcu_slm.ir import Graph
from mcu_slm.ops import reference
from mcu_slm.verify import LegResult, Subject, host, run_legs
from mcu_slm.verify.host import HostModel
from tests.models import needs_judge, unfolded_every_operator, windows_of

WINDOWS = 20


def subject_of(graph: Graph, folder: Path, count: int = WINDOWS) -> Subject:
    raw = tflite.write_model(graph)
    graph = ops.fold_graph(graph)
    compiled = compile_model(graph, raw, folder / "code")
    windows = windows_of(graph, count, seed=9)[0]
    return Subject(graph, raw, windows, (), folder / "code", compiled, folder / "build")


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    return subject_of(unfolded_every_operator(), tmp_path)


def leg(subject: Subject, name: str) -> LegResult:
    return run_legs(subject, ["tflm", name]).legs[1]


@needs_judge
@pytest.mark.host
def test_all_legs_agree_on_sound_code(subject: Subject) -> None:
    seen: list[tuple[str, int, int]] = []
    logits = judge.run(subject.raw, [subject.windows[:4]])[0]
    proof = run_legs(
        replace(subject, student_logits=logits),
        ["torch", "tflm", "numpy", "host"],
        lambda name, done, total: seen.append((name, done, total)),
    )
    assert [(r.leg, r.status, r.windows, r.bytes) for r in proof.legs] == [
        ("torch", "ok", 4, 12),
        ("tflm", "ok", WINDOWS, 3 * WINDOWS),
        ("numpy", "ok", WINDOWS, 3 * WINDOWS),
        ("host", "ok", WINDOWS, 3 * WINDOWS),
    ]
    assert ("host", WINDOWS, WINDOWS) in seen
    assert proof.outputs is not None
    assert proof.outputs.shape == (WINDOWS, 3)
    assert not proof.differs
    assert not proof.complete  # the simulator did not run


def spoil(
    subject: Subject, file: str, pattern: str, change: Callable[[re.Match[str]], str]
) -> None:
    """Change one place in the generated code."""
    assert subject.code is not None
    path = subject.code / file
    text, count = re.subn(pattern, change, path.read_text(), count=1)
    assert count == 1
    path.write_text(text)


SPOILT_CHANNEL = 2


def flip_sign_bit_of_a_weight(symbol: str) -> tuple[str, Callable[[re.Match[str]], str]]:
    """Return a pattern for the first weight of one output channel, and its replacement.

    The weights of the channels lie side by side, input by input.
    """
    before = rf"(?:-?\d+, ){{{SPOILT_CHANNEL}}}"
    pattern = rf"({symbol}\[\d+\] = {{\n    /\* 0 \*/\n    {before})(-?\d+)"
    return pattern, lambda match: f"{match[1]}{int(match[2]) ^ -128}"


@needs_judge
@pytest.mark.host
@pytest.mark.parametrize(("op", "channels"), [("CONV_2D", 8), ("FULLY_CONNECTED", 3)])
def test_one_wrong_weight_is_traced_to_its_layer(op: str, channels: int, subject: Subject) -> None:
    graph = subject.graph
    index = next(i for i, node in enumerate(graph.nodes) if node.op == op)
    name = graph.tensor(graph.nodes[index].outputs[0]).name
    symbol = f"mcu_slm_{index:02}_{name}_weights"
    spoil(subject, "model_weights.c", *flip_sign_bit_of_a_weight(symbol))
    result = leg(subject, "host")
    assert result.status == "differs"
    assert 0 < result.differing <= result.bytes
    difference = result.difference
    assert difference is not None
    assert (difference.layer, difference.name, difference.op) == (index, name, op)
    assert difference.element % channels == SPOILT_CHANNEL
    check_explanation(subject, result)
    assert f"layer {index} {name} ({op})" in result.reason


def check_explanation(subject: Subject, result: LegResult) -> None:
    """Accumulator, multiplier and shift must lead to the expected value."""
    difference = result.difference
    assert difference is not None
    operators = ops.parse_graph(subject.graph)
    window = subject.windows[difference.window : difference.window + 1]
    values = reference.run(subject.graph, operators, [window])
    node, operator = subject.graph.nodes[difference.layer], operators[difference.layer]
    expected = values[node.outputs[0]].reshape(-1)[difference.element]
    sums = operator.accumulators([values[node.inputs[0]]])
    multipliers = operator.requantization()
    assert sums is not None
    assert difference.expected == expected != difference.found
    assert difference.accumulator == sums.reshape(-1)[difference.element]
    chosen = multipliers[difference.element % len(multipliers)]
    assert (difference.multiplier, difference.shift) == chosen


@needs_judge
@pytest.mark.host
def test_a_wrong_byte_in_the_middle_is_traced_to_where_it_arises(subject: Subject) -> None:
    spoil(subject, "model.c", r"(\.multiplier2 = )-", lambda match: match[1])
    difference = leg(subject, "host").difference
    assert difference is not None
    assert (difference.name, difference.op, difference.accumulator) == ("centred", "SUB", None)


@needs_judge
@pytest.mark.unit
def test_a_wrong_reference_is_traced_to_its_layer(subject: Subject) -> None:
    """The judge gets another bias than the reference: the layer that uses it is named."""
    graph = subject.graph
    index = next(i for i, node in enumerate(graph.nodes) if node.op == "CONV_2D")
    bias = graph.nodes[index].inputs[2]
    tensors = list(graph.tensors)
    assert tensors[bias].data is not None
    tensors[bias] = replace(tensors[bias], data=tensors[bias].data + 5000)
    other = replace(subject, raw=tflite.write_model(replace(graph, tensors=tuple(tensors))))
    result = leg(other, "numpy")
    assert result.status == "differs"
    assert result.difference is not None
    assert (result.difference.layer, result.difference.name) == (index, "features")
    assert result.difference.accumulator is not None


@needs_judge
@pytest.mark.unit
def test_wrong_logits_of_the_student_differ(subject: Subject) -> None:
    logits = judge.run(subject.raw, [subject.windows])[0]
    logits[3] += 1
    result = leg(replace(subject, student_logits=logits), "torch")
    assert (result.status, result.differing) == ("differs", 3)
    assert run_legs(replace(subject, student_logits=logits), ["torch"]).differs


@needs_judge
@pytest.mark.unit
def test_legs_that_lack_something_say_what(subject: Subject) -> None:
    bare = replace(subject, code=None, compiled=None, build_dir=None)
    results = {r.leg: r for r in run_legs(bare, ["torch", "host", "sim"]).legs}
    assert {r.status for r in results.values()} == {"not run"}
    assert results["torch"].reason == "the model was not trained here"
    assert results["host"].reason == "no generated code"
    assert results["sim"].reason == "no firmware: name a board with --board"


@needs_judge
@pytest.mark.unit
def test_a_missing_compiler_is_a_leg_not_run(
    subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_found(_: object) -> None:
        raise ToolError("host compiler", "no C compiler is installed")

    monkeypatch.setattr(host, "find_host_compiler", none_found)
    result = leg(subject, "host")
    assert (result.status, result.reason) == (
        "not run",
        "host compiler: no C compiler is installed.",
    )


@pytest.mark.unit
def test_without_the_judge_nothing_is_compared(
    subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judge, "available", lambda _interpreter: False)
    proof = run_legs(subject, ["tflm", "numpy", "host", "litert"])
    assert [r.status for r in proof.legs] == ["not run"] * 4
    assert "pip install 'mcu-slm[verify]'" in proof.legs[0].reason
    assert all("nothing to compare with" in r.reason for r in proof.legs[1:])
    assert proof.legs[3].information
    assert proof.outputs is None
    assert not proof.complete
    assert not proof.differs


@needs_judge
@pytest.mark.unit
def test_litert_is_information(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "available", lambda interpreter: interpreter == "tflm")
    result = leg(subject, "litert")
    assert (result.status, result.information) == ("not run", True)
    assert "ai-edge-litert" in result.reason


@pytest.mark.unit
def test_an_unknown_leg_is_refused(subject: Subject) -> None:
    with pytest.raises(
        UsageError, match=r"--legs: unknown leg 'board'; expected some of torch, tflm"
    ):
        run_legs(subject, ["tflm", "board"])


@pytest.mark.host
@pytest.mark.parametrize(
    "name",
    ["mcu_slm_model_run", "mcu_slm_model_predict", "mcu_slm_model_reset", "mcu_slm_arena"],
)
def test_code_in_which_a_symbol_is_missing_is_refused(
    name: str, subject: Subject, tmp_path: Path
) -> None:
    assert subject.code is not None
    assert subject.compiled is not None
    spoil(
        subject, "model.c", rf"\n(.*) {name}([(\[])", lambda match: f"\n{match[1]} other{match[2]}"
    )
    with pytest.raises(BuildError, match=r"the generated code was changed: .*Generate it again"):
        HostModel(subject.code, subject.compiled, tmp_path / "build")


PROTOTYPES = ("transformer_l2_ptq", "transformer_ln_ptq", "transformer_merged_ptq")
PROTOTYPES += ("transformer_pruned_qat", "transformer_qat")


@pytest.mark.unit
@pytest.mark.parametrize("name", PROTOTYPES)
def test_the_reference_gives_the_recorded_answers(name: str, published_models: Path) -> None:
    path = published_models / "prototype" / f"{name}.tflite"
    graph, _ = tflite.read_file(path)
    with np.load(path.with_suffix(".golden.npz")) as golden:
        inputs, outputs = golden["x"][:24], golden["y"][:24]
    values = reference.run(graph, ops.parse_graph(graph), [inputs])
    np.testing.assert_array_equal(values[graph.outputs[0]].reshape(outputs.shape), outputs)


@needs_judge
@pytest.mark.host
@pytest.mark.parametrize("name", ["transformer_ln_ptq", "transformer_pruned_qat"])
def test_all_legs_agree_on_whole_transformers(
    name: str, published_models: Path, tmp_path: Path
) -> None:
    path = published_models / "prototype" / f"{name}.tflite"
    graph, raw = tflite.read_file(path)
    with np.load(path.with_suffix(".golden.npz")) as golden:
        recorded, answers = golden["x"], golden["y"]
    shape = graph.tensor(graph.inputs[0]).shape
    windows = np.concatenate([recorded.reshape(-1, *shape), windows_of(graph, 16, seed=2)[0]])
    compiled = compile_model(graph, raw, tmp_path / "code")
    subject = Subject(graph, raw, windows, (), tmp_path / "code", compiled, tmp_path / "build")
    proof = run_legs(subject, ["tflm", "numpy", "host"])
    assert [(r.leg, r.status) for r in proof.legs] == [
        ("tflm", "ok"),
        ("numpy", "ok"),
        ("host", "ok"),
    ]
    assert proof.outputs is not None
    np.testing.assert_array_equal(proof.outputs[: len(answers)], answers)
