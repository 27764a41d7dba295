"""Losses and scores of classification."""

import pytest
import torch
from torch.nn import functional

from mcu_slm.train.convolutional_teacher import ConvolutionalTeacher
from mcu_slm.train.distillation import Ensemble
from mcu_slm.train.families import Head
from mcu_slm.train.tasks import Classification

pytestmark = pytest.mark.unit


def test_the_loss_is_the_cross_entropy_with_the_labels():
    logits, labels, task = torch.randn(8, 3), torch.arange(8) % 3, Classification(3)
    expected = functional.cross_entropy(logits, labels)
    torch.testing.assert_close(task.loss(logits, task.targets(labels)), expected)


def test_a_student_that_answers_like_its_teacher_has_no_soft_loss():
    logits, task = torch.randn(8, 3), Classification(3, temperature=4.0)
    loss = task.distillation_loss(logits, task.soft_answers([logits]))
    assert float(loss) == pytest.approx(0.0, abs=1e-5)


def test_soft_gradients_keep_their_size_at_any_temperature():
    def gradient(temperature: float) -> float:
        task = Classification(3, temperature=temperature)
        logits = torch.tensor([[0.2, -0.1, 0.0]], requires_grad=True)
        task.distillation_loss(logits, task.soft_answers([torch.zeros(1, 3)])).backward()
        return float(logits.grad.norm())

    assert gradient(8.0) == pytest.approx(gradient(2.0), rel=0.1)


def test_smoothing_keeps_probabilities():
    targets = Classification(4, 0.2).targets(torch.tensor([2]))
    torch.testing.assert_close(targets, torch.tensor([[0.05, 0.05, 0.85, 0.05]]))


def test_an_ensemble_answers_with_the_mean_probability():
    members = [ConvolutionalTeacher(2, Head(3), width=8, blocks=2).eval() for _ in range(2)]
    x = torch.randn(5, 16, 2)
    with torch.no_grad():
        expected = (members[0](x).softmax(-1) + members[1](x).softmax(-1)) / 2
        answer = Ensemble(members, Classification(3)).answer(x)
    torch.testing.assert_close(answer.softmax(-1), expected)


def test_metrics_count_right_answers_and_average_f1_over_classes():
    answers, truth = torch.eye(3)[[0, 0, 1, 1, 1]], torch.tensor([0, 0, 1, 1, 0])
    found = Classification(3).metrics(answers, truth)
    # F1 of class 0: 2 * 2 / (2 + 3), of class 1: 2 * 2 / (3 + 2); class 2 never occurs.
    assert found == {"accuracy": pytest.approx(0.8), "macro_f1": pytest.approx(0.8)}
