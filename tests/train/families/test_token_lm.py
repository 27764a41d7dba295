"""What only the token model has: bins, causality, surprise."""

import math

import numpy as np
import pytest
import torch

from mcu_slm.errors import ConfigError
from mcu_slm.quant import activation_quantization, quantize_activation
from mcu_slm.train import ExactOps, FloatOps, Head
from mcu_slm.train.backends.exact import Codes
from mcu_slm.train.families import make_student, shape_of
from tests.train.example import CHANNELS, calibrated, make_model, make_small_student

pytestmark = pytest.mark.unit

SURPRISE = Head(1, surprise=True)


def token_lm(samples=24, head=SURPRISE, channels=1, **model):
    shape = shape_of(make_model("token-lm", **model), samples, channels, head)
    return make_student(shape, torch.Generator().manual_seed(0)).eval()


def test_quantile_bins_hold_equally_many_samples_and_one_bin_lies_beyond_each_end():
    student = token_lm(bins=6)
    x = torch.rand(50, 24, 1).square()
    student.fit_inputs(x)
    tokens = FloatOps().tokenize("t", x.unsqueeze(1), 0, student.edges[0])
    counts = torch.bincount(tokens.flatten(), minlength=6)
    assert counts.sum() == 1200
    assert counts[0] == counts[5] == 0
    assert counts[1:5].tolist() == pytest.approx([300] * 4, abs=30)  # edges lie between two codes
    beyond = torch.tensor([-0.1, 1.1]).reshape(1, 1, 2, 1)
    assert FloatOps().tokenize("t", beyond, 0, student.edges[0]).flatten().tolist() == [0, 5]


def test_uniform_bins_are_equally_wide_and_reach_beyond_the_training_values():
    student = token_lm(bins=6, binning="uniform")
    student.fit_inputs(torch.tensor([0.0, 0.1, 4.0]).reshape(1, 3, 1))
    assert student.edges[0].tolist() == pytest.approx([-1.0, 0.5, 2.0, 3.5, 5.0], abs=8 / 255)
    assert student.input_range == pytest.approx((-2.0, 6.0))


@pytest.mark.parametrize("binning", ["quantile", "uniform"])
@pytest.mark.parametrize("bins", [4, 8, 64])
def test_integers_fall_into_the_bins_of_the_values(binning, bins):
    """Values of few kinds, as of a coarse sensor, lie on the quantiles themselves."""
    student = token_lm(bins=bins, binning=binning)
    x = torch.tensor([1.0, 4.0, 2.0, 3.0]).repeat(6).reshape(1, 24, 1) / 1.118 - 2.5
    student.fit_inputs(x)
    scale, zero_point = activation_quantization(*student.input_range)
    codes = Codes(quantize_activation(x.unsqueeze(1).numpy(), scale, zero_point), scale, zero_point)
    in_integers = ExactOps(calibrated(token_lm()).ranges).tokenize("t", codes, 0, student.edges[0])
    in_floats = FloatOps().tokenize("t", x.unsqueeze(1), 0, student.edges[0])
    np.testing.assert_array_equal(in_integers.values, in_floats.numpy())
    assert len(in_floats.unique()) == min(bins - 2, 4) or binning == "uniform"


def test_the_input_reaches_beyond_the_training_values():
    student = token_lm()
    student.fit_inputs(torch.tensor([-1.0, 0.0, 3.0]).reshape(1, 3, 1))
    low, high = student.input_range
    assert low == pytest.approx(-2.0, abs=0.01)
    assert high == pytest.approx(4.0, abs=0.01)


def test_without_knowledge_every_token_surprises_alike():
    student = token_lm(bins=16)
    with torch.no_grad():
        student.next.zero_()
    score = student.forward(FloatOps(), torch.randn(3, 1, 24, 1))
    assert score.flatten().tolist() == pytest.approx([math.log(16)] * 3)


def test_training_scores_all_samples_but_the_first_else_the_last_ones():
    student = token_lm(scored_samples=2)
    with torch.no_grad():
        student.next.zero_()
        student.next_bias[0, 0] = math.log(4.0)
    tokens = student.shape.bins
    x = torch.full((1, 1, 24, 1), 100.0)
    x[:, :, :22] = -100.0
    rare, common = math.log(tokens + 3), math.log((tokens + 3) / 4)
    assert student.forward(FloatOps(), x).item() == pytest.approx(rare, rel=1e-5)
    student.train()
    expected = (21 * common + 2 * rare) / 23
    assert student.forward(FloatOps(), x).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("changed", [9, 16, 23])
def test_nothing_looks_ahead_in_integers_either(changed):
    trained = calibrated(make_small_student(24, Head(3, per_token=True), family="token-lm"))
    rng = np.random.default_rng(changed)
    first = rng.integers(-128, 128, (8, 1, 24, CHANNELS)).astype(np.int8)
    second = first.copy()
    second[:, :, changed:] = rng.integers(-128, 128, second[:, :, changed:].shape)
    ops = ExactOps(trained.ranges)
    with torch.no_grad():
        before, after = (trained.student.forward(ops, ops.input(x)).values for x in (first, second))
    np.testing.assert_array_equal(before[:, :changed], after[:, :changed])
    assert (before[:, changed:] != after[:, changed:]).any()


def test_the_int8_surprise_has_its_fixed_scale():
    trained = calibrated(token_lm())
    x = torch.randn(16, 24, 1)
    scores = trained.answer(x.numpy())
    assert trained.ranges.quantization("answer") == (1 / 16, -128)
    torch.testing.assert_close(scores, (scores * 16).round() / 16)
    expected = trained.student.forward(FloatOps(), x.unsqueeze(1))
    assert (scores - expected).abs().mean().item() < 0.25


def test_more_channels_than_the_runtime_joins_are_refused():
    with pytest.raises(ConfigError, match="11 channels"):
        token_lm(channels=11)
