"""Losses and scores of regression."""

import math

import pytest
import torch

from mcu_slm.train.tasks import Regression

pytestmark = pytest.mark.unit


def test_truth_outside_the_bounds_is_clipped():
    task = Regression(0.0, 125.0)
    assert task.targets(torch.tensor([-3.0, 50.0, 300.0])).tolist() == [[0.0], [50.0], [125.0]]


def test_the_loss_is_a_share_of_the_range():
    task = Regression(10.0, 20.0)
    loss = task.loss(torch.tensor([[15.0]]), task.targets(torch.tensor([10.0])))
    assert float(loss) == pytest.approx(0.25)


def test_what_the_network_learns_between_0_and_1_covers_the_range():
    head = Regression(-40.0, 85.0).head
    assert (head.offset, head.gain + head.offset) == (-40.0, 85.0)


def test_metrics_are_in_the_units_of_the_task():
    found = Regression(0.0, 125.0).metrics(torch.tensor([[50.0], [200.0]]), torch.tensor([47, 121]))
    assert found["rmse"] == pytest.approx(math.sqrt((3**2 + 4**2) / 2))
    assert (found["mae"], found["bias"]) == (pytest.approx(3.5), pytest.approx(3.5))


def test_a_late_answer_costs_more_than_an_early_one_of_the_same_size():
    task = Regression(0.0, 125.0)
    late = task.metrics(torch.tensor([[60.0]]), torch.tensor([40.0]))["cmapss_score"]
    early = task.metrics(torch.tensor([[20.0]]), torch.tensor([40.0]))["cmapss_score"]
    assert late == pytest.approx(math.expm1(2.0))
    assert early == pytest.approx(math.expm1(20.0 / 13.0))


def test_a_smaller_error_is_the_better_score():
    task, truth = Regression(0.0, 1.0), torch.tensor([0.5])
    near, far = (task.score(torch.tensor([[value]]), truth) for value in (0.4, 0.1))
    assert near.better_than(far)
    assert not far.better_than(near)
