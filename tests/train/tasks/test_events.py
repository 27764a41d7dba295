"""Losses and scores of a class per time step."""

import pytest
import torch
from torch.nn import functional

from mcu_slm.train.tasks.events import Events, at_steps, segment_f1

pytestmark = pytest.mark.unit


def test_tokens_answer_for_the_samples_they_stand_for():
    answers = torch.arange(3.0).reshape(1, 3, 1)
    assert at_steps(answers, 6).flatten().tolist() == [0, 0, 1, 1, 2, 2]
    assert at_steps(answers, 7).flatten().tolist() == [0, 0, 0, 1, 1, 2, 2]


def test_the_loss_is_the_cross_entropy_of_all_samples():
    task, truth = Events(3), torch.randint(3, (4, 6))
    answers = torch.randn(4, 2, 3)
    expected = functional.cross_entropy(
        answers.repeat_interleave(3, dim=1).flatten(0, 1), truth.flatten()
    )
    torch.testing.assert_close(task.loss(answers, task.targets(truth)), expected)


def test_a_student_learns_from_teachers_with_other_tokens():
    task, teacher = Events(3, temperature=2.0), torch.randn(4, 2, 3)
    soft = task.soft_answers([teacher])
    same = teacher.repeat_interleave(4, dim=1)
    assert float(task.distillation_loss(same, soft)) == pytest.approx(0.0, abs=1e-6)
    assert float(task.distillation_loss(-same, soft)) > 0.1


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("aaabbbcc", 1.0),
        ("aaaabbcc", 1.0),  # two of three samples are more than half of the union
        ("aaaaabcc", 2 * 2 / 6),  # three of five and both of c, one of three samples of b
        ("aaaaaaaa", 0.0),
        ("ababababa"[:8], 0.0),
    ],
)
def test_segments_count_when_more_than_half_of_the_union_is_shared(answer, expected):
    truth = torch.tensor([[0, 0, 0, 1, 1, 1, 2, 2]])
    found = torch.tensor([["abc".index(letter) for letter in answer]])
    assert segment_f1(found, truth) == pytest.approx(expected)


def test_segments_of_two_windows_are_not_one():
    labels = torch.tensor([[0, 1], [1, 0]])
    assert segment_f1(labels, labels) == 1.0
    assert segment_f1(torch.tensor([[0, 1], [0, 0]]), labels) == pytest.approx(2 * 2 / 7)
