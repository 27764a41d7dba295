"""Losses and scores."""

import pytest
import torch
from torch.nn import functional

from mcu_slm.train.loop import TensorWindows
from mcu_slm.train.losses import distillation_loss, hard_label_loss, score, smoothed_targets
from mcu_slm.train.teacher import Teacher, ensemble_probabilities

pytestmark = pytest.mark.unit


def test_without_the_teacher_distillation_is_the_cross_entropy():
    logits, labels = torch.randn(8, 3), torch.arange(8) % 3
    targets = smoothed_targets(labels, 3, 0.0)
    loss = distillation_loss(
        logits, targets, torch.full((8, 3), 1 / 3), temperature=2.0, teacher_share=0.0
    )
    torch.testing.assert_close(loss, functional.cross_entropy(logits, labels))
    torch.testing.assert_close(loss, hard_label_loss(logits, targets))


def test_a_student_that_answers_like_its_teacher_has_no_soft_loss():
    logits = torch.randn(8, 3)
    teacher = functional.softmax(logits / 4.0, -1)
    loss = distillation_loss(logits, teacher, teacher, temperature=4.0, teacher_share=1.0)
    assert float(loss) == pytest.approx(0.0, abs=1e-5)


def test_smoothing_keeps_probabilities():
    targets = smoothed_targets(torch.tensor([2]), 4, 0.2)
    torch.testing.assert_close(targets, torch.tensor([[0.05, 0.05, 0.85, 0.05]]))


def test_an_ensemble_answers_with_the_mean_probability():
    members = [Teacher(2, 3, width=8, blocks=2).eval() for _ in range(2)]
    x = torch.randn(5, 16, 2)
    with torch.no_grad():
        expected = (members[0](x).softmax(-1) + members[1](x).softmax(-1)) / 2
    torch.testing.assert_close(ensemble_probabilities(members, x, 1.0), expected)


def test_score_counts_right_answers():
    data = TensorWindows(torch.eye(4), torch.tensor([0, 1, 2, 0]))
    assert score(lambda x: x * 9, data).accuracy == 0.75
