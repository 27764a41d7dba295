"""Injected faults are found, the graph around them becomes small, and a case folder is left."""

from __future__ import annotations

import shutil
import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mcu_slm import judge, ops, tflite
from mcu_slm.compile import emit
from mcu_slm.ops import floor
from mcu_slm.ops.base import Activations, Int8, NodeView
from mcu_slm.ops.folding import Array, value
from mcu_slm.ops.mul import Mul
from mcu_slm.ops.read_variable import CopiedState
from mcu_slm.plan import Buffer, memory
from mcu_slm.plan.placement import place_buffers
from mcu_slm.rows import pack, unpack
from tests.models import needs_judge
from tests.prove.batches import Setup, legs_of, run_batch, subject
from tests.prove.failing import write_case
from tests.prove.host import LegError
from tests.prove.proving import Failure, Outcome, Subject, examine
from tests.prove.smaller import shrink

pytestmark = [pytest.mark.host, needs_judge]

SEED = 1


def with_multiplication() -> int:
    """Return the number of a graph of many operators that run, a MUL among them."""
    for number in range(1_000):
        graph = ops.fold_graph(subject(SEED, number).graph)
        if len(graph.nodes) >= 8 and [node.op for node in graph.nodes[2:-2]].count("MUL") == 1:
            return number
    raise AssertionError


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> Setup:
    return Setup(tmp_path_factory.mktemp("smaller"))


def broken(setup: Setup, leg: str) -> tuple[int, Outcome]:
    """Return the first graph with a MUL in the middle whose fault shows in an output."""
    number = with_multiplication()
    while True:
        (outcome,) = run_batch(setup, SEED, [number]).outcomes
        if outcome.failure is not None:
            assert (outcome.failure.leg, outcome.failure.kind) == (leg, "differs")
            return number, outcome
        number += 1
        assert number < 1_000


@pytest.mark.slow
def test_a_wrong_reference_is_found_and_the_graph_becomes_small(
    setup: Setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = Mul.reference

    def off_by_one(self: Mul, inputs: Sequence[Activations]) -> list[Activations]:
        (y,) = right(self, inputs)
        return [np.where(y == 127, y, y + (y > 20)).astype(np.int8)]

    monkeypatch.setattr(Mul, "reference", off_by_one)
    number, outcome = broken(setup, "numpy")
    assert outcome.failure is not None
    assert outcome.bytes_differing["numpy"] > 0
    whole = subject(SEED, number)
    small, failure = shrink(whole, legs_of(setup), outcome.failure)
    assert [node.op for node in small.graph.nodes] == ["MUL"]
    assert len(small.rows) == 1
    elements = [sum(t.element_count for t in s.graph.tensors) for s in (whole, small)]
    assert elements[1] < elements[0]
    folder = write_case(tmp_path / "case", small, failure, "the command")
    facts = tomllib.loads((folder / "case.toml").read_text())
    assert (facts["leg"], facts["kind"], facts["operators"]) == ("numpy", "differs", ["MUL"])
    assert facts["layer"] == 0
    assert facts["found"] == facts["expected"] + 1
    _require_judges_answer(folder)


def _require_judges_answer(folder: Path) -> None:
    raw = (folder / "model.tflite").read_bytes()
    graph = tflite.read_model(raw)
    rows = np.load(folder / "input.npy")
    judged = judge.run(raw, unpack(graph, graph.inputs, rows))
    np.testing.assert_array_equal(
        np.load(folder / "output.npy"), pack(graph, graph.outputs, judged)
    )


@pytest.mark.slow
def test_a_wrong_kernel_is_found_and_the_graph_becomes_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernels = tmp_path / "kernels"
    shutil.copytree(emit.KERNELS, kernels)
    source = kernels / "mul_s8.c"
    text = source.read_text()
    assert text.count("layer->output_zero_point") == 1
    source.write_text(text.replace("layer->output_zero_point", "layer->output_zero_point + 1"))
    monkeypatch.setattr(emit, "KERNELS", kernels)
    setup = Setup(tmp_path / "build")
    number, outcome = broken(setup, "host")
    assert outcome.failure is not None
    small, failure = shrink(subject(SEED, number), legs_of(setup), outcome.failure)
    assert [node.op for node in small.graph.nodes] == ["MUL"]
    facts = tomllib.loads(
        (write_case(tmp_path / "case", small, failure, "") / "case.toml").read_text()
    )
    assert (facts["leg"], facts["found"] - facts["expected"]) == ("host", 1)


@pytest.mark.slow
def test_an_output_that_overwrites_an_input_too_early_is_found(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lives_one_step_less(self: Buffer, other: Buffer) -> bool:
        return self.first < other.last and other.first < self.last

    def nothing_in_place(buffers: Sequence[Buffer], *_: object) -> object:
        return place_buffers(buffers)

    monkeypatch.setattr(Buffer, "overlaps", lives_one_step_less)
    monkeypatch.setattr(memory, "place_buffers", nothing_in_place)
    outcomes = run_batch(setup, SEED, range(20)).outcomes
    failing = [(o.number, o.failure) for o in outcomes if o.failure is not None]
    assert len(failing) > 10
    assert {failure.leg for _, failure in failing} <= {"host", "host dsp"}
    number, failure = next(pair for pair in failing if pair[1].kind == "differs")
    small, _ = shrink(subject(SEED, number), legs_of(setup), failure)
    assert len(small.graph.nodes) <= 2


def smallest(setup: Setup, op: str) -> tuple[Subject, Failure]:
    """Return the first graph with an operator that fails, made smaller."""
    numbers = [n for n in range(200) if op in {node.op for node in subject(SEED, n).graph.nodes}]
    outcomes = run_batch(setup, SEED, numbers[:12]).outcomes
    number, failure = next((o.number, o.failure) for o in outcomes if o.failure is not None)
    assert failure is not None
    assert failure.way == ("numpy", "differs")
    return shrink(subject(SEED, number), legs_of(setup), failure)


def test_a_wrong_state_is_found_and_the_stream_becomes_small(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = CopiedState.reference

    def one_more(self: CopiedState, inputs: Sequence[Int8]) -> list[Int8]:
        return [x ^ np.int8(self.assigns) for x in right(self, inputs)]

    monkeypatch.setattr(CopiedState, "reference", one_more)
    small, _ = smallest(setup, "ASSIGN_VARIABLE")
    operators = Counter(node.op for node in small.graph.nodes)
    assert operators["ASSIGN_VARIABLE"] == operators["READ_VARIABLE"] == 1
    assert set(operators) <= {"ASSIGN_VARIABLE", "CALL_ONCE", "READ_VARIABLE", "VAR_HANDLE"}
    assert len(small.rows) <= 2  # the second window reads what the first one assigned


def test_a_wrong_fold_is_found_and_the_chain_becomes_small(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rounded_up(view: NodeView) -> list[Array]:
        return [np.ceil(value(view, 0))]

    wrong = replace(floor.FOLD, evaluate=rounded_up)
    monkeypatch.setattr(floor, "FOLD", wrong)
    small, _ = smallest(setup, "FLOOR")
    operators = [node.op for node in small.graph.nodes]
    assert "FLOOR" in operators
    assert len(operators) <= 8
    assert len(small.rows) == len(small.graph.outputs) == 1


def test_a_refused_graph_and_a_failing_leg_are_counted_as_such(setup: Setup) -> None:
    class Broken:
        name, family, schedule = "broken", "portable", None

        def run(self, *_: object) -> np.ndarray:
            raise LegError("no bytes")

    sound = subject(SEED, 0)
    (outcome,) = examine([sound], [Broken()])
    assert outcome.failure == Failure("broken", "failed", "no bytes")


def test_an_unknown_operator_is_a_refusal_of_the_checker(monkeypatch: pytest.MonkeyPatch) -> None:
    made = subject(SEED, with_multiplication())  # which folds constants: with MUL, if need be
    monkeypatch.setitem(ops.OPERATORS, "MUL", None)
    (outcome,) = examine([made], [])
    assert outcome.failure is not None
    assert outcome.failure.way == ("checker", "refused")
    assert outcome.windows == 0


def test_other_failures_do_not_pass_for_the_same(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A graph that fails in another way when it is smaller is not taken."""
    numbers = (number for number in range(100) if len(subject(SEED, number).graph.nodes) == 2)
    made = subject(SEED, next(numbers))
    way = Failure("judge", "crashed", "")
    small, failure = shrink(made, legs_of(setup), way)
    assert small is made
    assert failure is way
