"""The judge runs in a process of its own: answers, limits, and crashes as our errors."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import numpy as np
import pytest

from mcu_slm import judge, ops, tflite
from mcu_slm.errors import ModelError, ToolError
from mcu_slm.ops import reference
from mcu_slm.tflite.memory_plan import MEMORY_PLAN
from tests.models import merge, needs_judge, tiny, unfolded_every_operator, windows_of
from tests.ops.cases import pair

pytestmark = pytest.mark.unit


@needs_judge
def test_many_windows_and_inner_tensors_are_answered_in_order() -> None:
    file = unfolded_every_operator()
    graph = ops.fold_graph(file)
    windows = windows_of(graph, 6, seed=4)
    wanted = [node.outputs[0] for node in graph.nodes]
    output, *inner = judge.run(tflite.write_model(file), windows, tensors=wanted)
    values = reference.run(graph, ops.parse_graph(graph), windows)
    assert output.shape == (6, 1, 3)
    np.testing.assert_array_equal(output, values[graph.outputs[0]])
    for tensor, array in zip(wanted, inner, strict=True):
        np.testing.assert_array_equal(array, values[tensor])


@needs_judge
def test_inner_tensors_of_a_model_with_a_memory_plan_are_answered() -> None:
    plan = np.array([1, 0, 4, 48, -1, -1, 16], np.int32).tobytes()
    graph = replace(tiny(), metadata={MEMORY_PLAN: plan})
    windows = windows_of(graph, 3, seed=4)
    output, inner = judge.run(tflite.write_model(graph), windows, tensors=graph.outputs)
    np.testing.assert_array_equal(output, inner)


@needs_judge
def test_several_inputs_and_outputs_keep_their_order() -> None:
    graphs = [pair("SUB", "order", (1, 3), (1, 3)).graph, tiny()]
    graph = merge(graphs)
    windows = windows_of(graph, 4, seed=4)
    outputs = judge.run(tflite.write_model(graph), windows)
    values = reference.run(graph, ops.parse_graph(graph), windows)
    assert len(outputs) == 2
    for tensor, output in zip(graph.outputs, outputs, strict=True):
        np.testing.assert_array_equal(output, values[tensor])


@needs_judge
def test_a_crash_of_the_interpreter_is_an_error_here() -> None:
    """TFLM aborts on an addition whose output scale is too fine; we refuse the model before."""
    graph = pair("ADD", "abort", (1, 2), (1, 2), scales=(1.0, 1.0, 1e-9)).graph
    with pytest.raises(ModelError, match=r"the judge \(tflm\): crashed \(signal \d+\).*not legal"):
        judge.run(tflite.write_model(graph), windows_of(graph, 1, seed=1))


@needs_judge
def test_a_refusal_of_the_interpreter_is_an_error_here() -> None:
    raw = tflite.write_model(tiny())
    with pytest.raises(ModelError, match=r"refused the model: .*mismatch"):
        judge.run(raw, [np.zeros((2, 1, 5), np.int8)])


@needs_judge
def test_a_judge_that_does_not_answer_is_stopped() -> None:
    graph = tiny()
    with pytest.raises(ModelError, match=r"no answer within 0 s"):
        judge.run(tflite.write_model(graph), windows_of(graph, 1, seed=1), seconds=0.01)


@pytest.mark.parametrize(
    ("interpreter", "package"), [("tflm", "tflite-micro"), ("litert", "ai-edge")]
)
def test_a_missing_interpreter_names_its_extra(
    interpreter: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judge, "available", lambda _interpreter: False)
    with pytest.raises(ToolError, match=rf"{package}.*pip install 'mcu-slm\[verify\]'"):
        judge.run(b"", [], interpreter)


def test_another_version_of_the_judge_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def other_version(command: list[str], **_options: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, "", "warning\nversion: 0.dev2024\n")

    monkeypatch.setattr(judge, "available", lambda _interpreter: True)
    monkeypatch.setattr(subprocess, "run", other_version)
    with pytest.raises(ToolError, match=rf"0\.dev2024 is installed; expected {judge.TFLM_VERSION}"):
        judge.run(b"", [np.zeros((1, 1), np.int8)])


@pytest.mark.skipif(
    not judge.available("litert"), reason="skipped: ai-edge-litert is not installed"
)
def test_litert_answers_alike_on_a_small_model() -> None:
    graph = pair("MUL", "witness", (1, 3), (1, 3)).graph
    windows = windows_of(graph, 8, seed=4)
    values = reference.run(graph, ops.parse_graph(graph), windows)
    output = judge.run(tflite.write_model(graph), windows, "litert")[0]
    np.testing.assert_array_equal(output, values[graph.outputs[0]])
