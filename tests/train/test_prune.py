"""Pruning of heads and neurons."""

import pytest
import torch
from torch.nn import functional

from mcu_slm.train import FloatOps, Student, student_shape
from mcu_slm.train.prune import importance, prune
from tests.train.example import make_project

pytestmark = pytest.mark.unit
OPS = FloatOps()


@pytest.fixture
def student() -> Student:
    shape = student_shape(make_project().model, 32, 3, 4)
    return Student(shape, torch.Generator().manual_seed(1))


def _scores(student: Student):
    generator = torch.Generator().manual_seed(2)
    batches = [(torch.randn(16, 32, 3, generator=generator), torch.arange(16) % 4)]
    return importance(
        student,
        batches,
        lambda x, y: functional.cross_entropy(student.forward(OPS, x.unsqueeze(1)), y),
    )


def test_removing_what_does_nothing_changes_nothing(student):
    with torch.no_grad():
        for block in student.blocks:
            block.output[:, 0] = 0.0
            block.contract[:, 5:] = 0.0
    pruned = prune(student, _scores(student), heads=1, ffn=5).eval()
    x = torch.randn(6, 1, 32, 3)
    torch.testing.assert_close(pruned.forward(OPS, x), student.eval().forward(OPS, x))


def test_pruned_blocks_have_the_wished_size(student):
    pruned = prune(student, _scores(student), heads=1, ffn=8)
    assert [(b.heads, b.ffn) for b in pruned.shape.blocks] == [(1, 8), (1, 8)]
    assert pruned.blocks[0].query.shape == (1, 8, 16)
    assert pruned.blocks[1].contract.shape == (16, 8)


def test_importance_is_the_first_order_change_of_the_loss(student):
    """Scaling one neuron's output down a little changes the loss by the predicted amount."""
    generator = torch.Generator().manual_seed(2)
    x, y = torch.randn(16, 32, 3, generator=generator), torch.arange(16) % 4
    student.double()

    def loss() -> float:
        with torch.no_grad():
            return float(functional.cross_entropy(student.forward(OPS, x.double()[:, None]), y))

    predicted = importance(
        student,
        [(x.double(), y)],
        lambda x, y: functional.cross_entropy(student.forward(OPS, x.unsqueeze(1)), y),
    )[0].neurons
    before, step = loss(), 1e-4
    strongest = int(predicted.argmax())
    with torch.no_grad():
        student.blocks[0].contract[:, strongest] *= 1 - step
    assert abs(loss() - before) / step == pytest.approx(float(predicted[strongest]), rel=1e-2)


def test_a_wish_above_what_is_there_keeps_everything(student):
    pruned = prune(student, _scores(student), heads=9, ffn=999)
    assert pruned.shape == student.shape
