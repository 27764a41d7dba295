"""Folded batch normalisation against the one of PyTorch."""

import pytest
import torch
from torch import nn

from mcu_slm.train.backends.normalization import FoldedBatchNorm, fold

pytestmark = pytest.mark.unit


def test_folding_equals_batch_norm_before_a_linear_layer_in_training():
    torch.manual_seed(0)
    x, linear = torch.randn(50, 6) * 3 + 1, nn.Linear(6, 4)
    reference, folded = nn.BatchNorm1d(6), FoldedBatchNorm(6)
    weight, bias = fold(linear.weight, linear.bias, folded.affine(x))
    torch.testing.assert_close(x @ weight.T + bias, linear(reference(x)), atol=1e-5, rtol=1e-5)


def test_running_averages_follow_the_batches():
    torch.manual_seed(0)
    folded = FoldedBatchNorm(3)
    for _ in range(200):
        folded.affine(torch.randn(64, 3) * 2 + 5)
    torch.testing.assert_close(folded.running_mean, torch.full((3,), 5.0), atol=0.3, rtol=0)
    torch.testing.assert_close(folded.running_variance, torch.full((3,), 4.0), atol=0.5, rtol=0)


def test_without_a_batch_the_running_averages_are_used_and_kept():
    folded = FoldedBatchNorm(2)
    gain, shift = folded.affine(None)
    torch.testing.assert_close(gain, torch.ones(2), atol=1e-4, rtol=0)
    torch.testing.assert_close(shift, torch.zeros(2))
    assert folded.running_mean.tolist() == [0.0, 0.0]
