"""Folding: the same constants as the judge computes, under the numbers of the file."""

from __future__ import annotations

import pytest

from mcu_slm import judge, ops, tflite
from mcu_slm.ir import Graph
from tests.models import merge, needs_judge, windows_of
from tests.ops.cases_folded import FOLDED_CASES

pytestmark = pytest.mark.unit


def folded_tensors(before: Graph, after: Graph) -> list[int]:
    """Return the numbers of the tensors that became constants."""
    pairs = zip(before.tensors, after.tensors, strict=True)
    return [n for n, (old, new) in enumerate(pairs) if old.data is None and new.data is not None]


@needs_judge
@pytest.mark.parametrize("op", sorted(FOLDED_CASES))
def test_every_folded_tensor_has_the_bytes_that_the_judge_computes(op: str) -> None:
    together = merge([case.graph for case in FOLDED_CASES[op]()])
    after = ops.fold_graph(together)
    numbers = folded_tensors(together, after)
    assert {node.op for node in after.nodes} <= {"ADD", "RESHAPE", "SELECT_V2"}
    assert op in {node.op for node in together.nodes}
    inputs = windows_of(together, 1, seed=1)
    judged = judge.run(tflite.write_model(together), inputs, tensors=numbers)
    for number, theirs in zip(numbers, judged[len(together.outputs) :], strict=True):
        ours = after.tensor(number).data
        assert ours is not None
        assert ours.dtype == theirs.dtype
        assert ours.tobytes() == theirs[0].tobytes(), after.tensor(number).name
