"""The bank of filters: what its filters hear, and that where something happens does not matter."""

import math

import pytest
import torch

from mcu_slm.train import FloatOps, Head
from mcu_slm.train.families.filterbank import spectral_filters
from tests.train.example import CHANNELS, CLASSES, make_small_student

pytestmark = pytest.mark.unit


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def test_filters_answer_nothing_to_a_constant_and_all_noise_alike():
    filters = spectral_filters(48, 64, 1, _generator())[:, :, 0]
    torch.testing.assert_close(filters.sum(1), torch.zeros(48), atol=1e-5, rtol=0.0)
    torch.testing.assert_close(filters.norm(dim=1), torch.ones(48))


def test_each_band_hears_its_own_frequency_best():
    filters = spectral_filters(16, 64, 1, _generator())[:, :, 0]
    time = torch.arange(64)
    for band in range(1, 8):
        radians = (band + 0.5) * math.pi / 8
        waves = torch.stack([(radians * time).cos(), (radians * time).sin()], 1)
        strength = (filters @ waves).square().sum(1)
        assert int((strength[:8] + strength[8:]).argmax()) == band


def test_filters_lie_along_directions_of_the_channels():
    filters = spectral_filters(10, 32, 3, _generator())
    assert torch.linalg.matrix_rank(filters).tolist() == [1] * 10


def test_an_odd_count_after_pruning_is_possible():
    assert spectral_filters(7, 16, 2, _generator()).shape == (7, 16, 2)


def test_the_order_of_the_tokens_does_not_matter():
    student = make_small_student(64, family="filterbank", stem_samples=8, stem_stride_samples=8)
    x = torch.randn(3, 1, 64, CHANNELS, generator=_generator())
    turned = torch.cat([x[:, :, 24:], x[:, :, :24]], 2)
    answers, others = (student.eval().forward(FloatOps(), part) for part in (x, turned))
    assert answers.shape == (3, CLASSES)
    torch.testing.assert_close(answers, others)


def test_dropout_is_of_bands():
    student = make_small_student(32, Head(2), family="filterbank")
    x = torch.randn(4, 1, 32, CHANNELS, generator=_generator())
    torch.manual_seed(0)
    whole, dropped = (
        student.forward(FloatOps(learn_statistics=True, dropout=share), x) for share in (0.0, 0.9)
    )
    assert not torch.allclose(whole, dropped)
