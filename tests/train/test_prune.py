"""Pruning by board cost."""

import pytest
import torch
from torch.nn import functional

from mcu_slm.errors import BudgetError
from mcu_slm.train import BoardCost, FloatOps, Student
from mcu_slm.train.prune import Limits, importance, keep, prune_to
from tests.train.example import cost_of, make_small_student

pytestmark = pytest.mark.unit
OPS = FloatOps()


def _loss(student: Student, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return functional.cross_entropy(student.forward(OPS, x.unsqueeze(1)), y)


def _batches():
    generator = torch.Generator().manual_seed(2)
    return [(torch.randn(16, 32, 3, generator=generator), torch.arange(16) % 4)]


@pytest.fixture
def student() -> Student:
    return make_small_student().eval()


def test_pruning_ends_within_the_limits_and_tells_each_step(student):
    limit = cost_of(student).instructions // 2
    pruned, removals = prune_to(student, _batches(), _loss, cost_of, Limits(instructions=limit))
    assert cost_of(pruned).instructions <= limit
    assert removals[-1].cost == cost_of(pruned)
    costs = [removal.cost.instructions for removal in removals]
    assert costs == sorted(costs, reverse=True)


def test_within_the_limits_nothing_is_removed(student):
    limits = Limits(instructions=10**9)
    assert prune_to(student, _batches(), _loss, cost_of, limits) == (student, [])


def test_what_does_nothing_goes_first(student):
    with torch.no_grad():
        student.blocks[1].contract[:, 8:] = 0.0
    limit = cost_of(student).instructions - 1
    _, removals = prune_to(student, _batches(), _loss, cost_of, Limits(instructions=limit))
    assert [(step.what, step.left) for step in removals] == [("block1/neurons", 20)]
    assert removals[0].loss_increase == pytest.approx(0.0, abs=1e-6)


def test_a_unit_that_costs_much_goes_before_one_that_costs_little(student):
    """Heads that cost a thousand times more than neurons are what pruning looks at."""

    def heads_are_dear(candidate: Student) -> BoardCost:
        blocks = candidate.shape.blocks
        cost = sum(100_000 * block.heads + block.ffn for block in blocks)
        return BoardCost(cost, cost, cost, cost)

    limits = Limits(instructions=heads_are_dear(student).instructions - 1)
    _, removals = prune_to(student, _batches(), _loss, heads_are_dear, limits)
    assert removals[0].what.endswith("heads") or removals[0].what.startswith("block")
    assert "neurons" not in removals[0].what


def test_a_budget_out_of_reach_names_the_smallest_student(student):
    with pytest.raises(BudgetError, match=r"the smallest student needs .* expected flash_bytes"):
        prune_to(student, _batches(), _loss, cost_of, Limits(flash_bytes=3))


def test_importance_is_the_first_order_change_of_the_loss(student):
    """Scaling one neuron's output down a little changes the loss by the predicted amount."""
    x, y = _batches()[0]
    student.double()
    batch = [(x.double(), y)]
    predicted = importance(student, batch, _loss)["block0/neurons"]
    before, step = _loss(student, *batch[0]).item(), 1e-4
    strongest = int(predicted.argmax())
    with torch.no_grad():
        student.blocks[0].contract[:, strongest] *= 1 - step
    change = abs(_loss(student, *batch[0]).item() - before) / step
    assert change == pytest.approx(float(predicted[strongest]), rel=1e-2)


def test_kept_units_keep_their_weights(student):
    smaller = keep(student, {"block0/neurons": torch.tensor([1, 5, 7])})
    expected = student.blocks[0].expand[[1, 5, 7]]
    assert torch.equal(smaller.blocks[0].expand, expected)
