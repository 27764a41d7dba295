"""Trends: which directions are slow, and what the filters see in them."""

import pytest
import torch

from mcu_slm.errors import ConfigError
from mcu_slm.train import FloatOps, Head
from mcu_slm.train.families import Sensor, shape_of
from mcu_slm.train.families.trend import polynomial_filters, slow_directions
from tests.train.example import make_model, make_small_student

pytestmark = pytest.mark.unit
SLOW = torch.tensor([[3.0, 0.0, 4.0, 0.0], [0.0, 2.0, 0.0, -1.0]]) / 5.0
"""Weights of two slow signals in four channels."""


def _windows(count=400, samples=20, noise=0.5):
    """Four channels that follow two signals, which differ between windows and hardly change."""
    generator = torch.Generator().manual_seed(7)
    level = torch.randn(count, 1, 2, generator=generator) * torch.tensor([2.0, 1.0])
    slope = torch.randn(count, 1, 2, generator=generator) / samples
    signal = level + slope * torch.arange(samples).reshape(1, -1, 1)
    return signal @ SLOW + noise * torch.randn(count, samples, 4, generator=generator)


def _plane(vectors):
    """Return the projection onto what vectors span: it tells planes apart, not their bases."""
    basis = torch.linalg.qr(vectors.T)[0]
    return basis @ basis.T


def test_the_slow_directions_are_those_of_the_signals():
    found = slow_directions(_windows(), 2)
    torch.testing.assert_close(_plane(found), _plane(SLOW), atol=0.05, rtol=0.0)


def test_a_direction_that_is_loud_but_fast_comes_last():
    x = _windows()
    x[:, :, 3] *= 20.0
    first, *_, last = slow_directions(x, 4)
    assert abs(float(last[3])) * 20.0 < 1.0
    assert float(first[:3].norm()) > 10 * abs(float(first[3]))


def test_each_direction_gives_a_deviation_of_one_with_its_largest_weight_positive():
    x = _windows()
    found = slow_directions(x, 3)
    spread = (x @ found.T).flatten(0, 1).std(0)
    torch.testing.assert_close(spread, torch.ones(3), atol=1e-2, rtol=0.0)
    assert all(float(row[row.abs().argmax()]) > 0 for row in found)


def test_channels_that_rest_do_no_harm():
    x = _windows()
    x[:, :, 1] = 0.0
    found = slow_directions(x, 4)
    assert bool(torch.isfinite(found).all())
    assert bool(torch.isfinite(slow_directions(torch.zeros(5, 8, 2), 2)).all())


def test_filters_see_level_slope_and_bend_apart():
    filters = polynomial_filters(3, 40)
    torch.testing.assert_close(filters @ filters.T, torch.eye(3))
    time = torch.linspace(-1.0, 1.0, 40)
    seen = filters @ torch.stack([torch.ones(40), time, time**2 - (time**2).mean()], 1)
    assert bool((seen.diagonal() > 1.0).all())
    assert float((seen - seen.diagonal().diag()).abs().max()) < 1e-5


def test_windows_fit_the_first_layer():
    student = make_small_student(20, Head(1), family="trend", directions=2)
    x = _windows()[:, :, :3]
    student.fit_inputs(x)
    torch.testing.assert_close(student.directions[:, 0], slow_directions(x, 2))
    with torch.no_grad():
        level, other, *_ = student.trunk(FloatOps(), x.unsqueeze(1))[:, 0, 0].T
    expected = (x @ slow_directions(x, 2).T).mean(1).T
    for found, mean in zip((level, other), expected, strict=True):
        assert float(torch.corrcoef(torch.stack([found, mean]))[0, 1]) > 0.999


def test_there_are_no_more_directions_than_channels_and_no_more_polynomials_than_samples():
    shape = shape_of(make_model("trend", directions=9, degree=8), 6, 3, Head(1))
    assert (shape.directions, shape.polynomials) == (3, 6)


def test_sensors_of_their_own_are_refused():
    sensors = (Sensor(0, 1, 1), Sensor(1, 2, 2))
    with pytest.raises(ConfigError, match="where all channels are mixed first"):
        shape_of(make_model("trend"), 32, 3, Head(1), sensors=sensors)


def test_a_window_needs_samples_for_the_polynomials():
    with pytest.raises(ValueError, match="needs more samples"):
        make_model("trend", degree=4).require_window(4)
    make_model("trend", degree=4).require_window(5)
