"""The float backend against PyTorch's own layers."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from mcu_slm.train import FloatOps
from mcu_slm.train.backends import FoldedBatchNorm
from mcu_slm.train.geometry import Sliding

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 4])
def test_depthwise_convolution_is_the_grouped_one(stride, dilation):
    x, weight, bias = torch.randn(2, 1, 41, 6), torch.randn(6, 5), torch.randn(6)
    expected = functional.conv1d(
        x[:, 0].mT, weight.unsqueeze(1), bias, stride=stride, dilation=dilation, groups=6
    ).mT
    found = FloatOps().depthwise("y", x, weight, bias, Sliding(stride, "VALID", dilation))
    torch.testing.assert_close(found[:, 0], expected)


def test_normalisation_behind_a_layer_is_that_of_pytorch_while_learning():
    x, linear = torch.randn(8, 1, 5, 6) * 3 + 1, nn.Linear(6, 4)
    norm, reference = FoldedBatchNorm(4), nn.BatchNorm1d(4)
    ops = FloatOps(learn_statistics=True)
    found = ops.linear("y", x, linear.weight, linear.bias, relu=True, norm=norm)
    expected = functional.relu(reference(linear(x).flatten(0, 2))).reshape(found.shape)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_normalisation_that_rests_is_part_of_the_weights():
    x, weight, bias, norm = torch.randn(2, 1, 9, 3), torch.randn(4, 3, 3), torch.randn(4), None
    norm = FoldedBatchNorm(4)
    for _ in range(50):
        norm.affine(torch.randn(16, 4) * 2 - 1)
    gain, shift = norm.affine(None)
    plain = FloatOps().conv("y", x, weight, bias, Sliding())
    found = FloatOps().conv("y", x, weight, bias, Sliding(), norm=norm)
    torch.testing.assert_close(found, plain * gain + shift, atol=1e-5, rtol=1e-5)


def test_values_are_dropped_while_learning_and_at_no_other_time():
    x = torch.ones(4, 1, 1, 1000)
    dropped = FloatOps(learn_statistics=True, dropout=0.25).drop(x)
    assert float((dropped == 0).float().mean()) == pytest.approx(0.25, abs=0.05)
    assert torch.equal(FloatOps(dropout=0.25).drop(x), x)
