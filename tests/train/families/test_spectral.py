"""Spectral students: filters of several gains, and what they tell apart."""

import pytest
import torch

from mcu_slm.config import SpectralModel
from mcu_slm.errors import ConfigError
from mcu_slm.train import FloatOps, Head, TrainedStudent, shape_of
from mcu_slm.train.families import Sensor
from mcu_slm.train.families.spectral import SATURATED, Spectral, SpectralShape

pytestmark = pytest.mark.unit
SAMPLES, CHANNELS = 64, 2


def _student(**model) -> Spectral:
    sizes = {"frequencies": 3, "gains": (0.5, 5.0), "filter_samples": 16}
    settings = SpectralModel(family="spectral", **(sizes | {"filter_stride_samples": 8} | model))
    return Spectral(SpectralShape.of(settings, SAMPLES, CHANNELS, Head(3)))


def _windows(count: int = 40) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(count, SAMPLES, CHANNELS, generator=generator)


def test_filters_begin_as_cosines_and_sines_of_rising_frequency():
    spectra = torch.fft.rfft(_student().filters[..., 0], 256).abs()
    peaks = spectra.argmax(1).reshape(3, 2, 2) / 256
    for frequency, expected in zip(peaks, (1 / 16, 0.256, 0.45), strict=True):
        assert torch.all((frequency - expected).abs() < 0.02)


def test_what_passes_a_filter_has_the_size_of_its_gain():
    student, x = _student(), _windows()
    student.fit_inputs(x)
    rows = x.clamp(*student.input_range).mT[..., None]
    passed = FloatOps().conv(
        "filters", rows, student.filters, student.filters_bias, student.shape.sliding
    )
    sizes = passed.detach().square().mean((0, 1, 2)).sqrt()
    torch.testing.assert_close(sizes, torch.tensor([0.5, 0.5, 5.0, 5.0] * 3))


def test_a_silent_channel_gives_no_filter_of_unbounded_size():
    student = _student()
    student.fit_inputs(torch.zeros(4, SAMPLES, CHANNELS))
    assert torch.isfinite(student.filters).all()


def test_the_loud_and_the_quiet_are_told_apart_at_the_ends_of_the_range():
    """A factor of two is seen at either end, on int8 grids too."""
    student, x = _student(gains=(0.5, 20.0)), _windows()
    student.fit_inputs(x)
    seen = {}
    for size in (0.02, 0.04, 1.0, 2.0):
        tanh = FloatOps().tanh(
            "saturated",
            FloatOps().conv(
                "filters",
                size * x.mT[..., None],
                student.filters,
                student.filters_bias,
                student.shape.sliding,
            ),
        )
        seen[size] = tanh.detach().abs().mean((0, 1, 2)).reshape(3, 2, 2).mean((0, 2))
    step = 1 / 128
    loud, quiet = 0, 1
    assert seen[2.0][loud] - seen[1.0][loud] > 20 * step
    assert seen[0.04][quiet] - seen[0.02][quiet] > 20 * step
    assert seen[0.04][loud] - seen[0.02][loud] < 2 * step


def test_ranges_that_saturate_follow_no_batch():
    student = _student(input_deviations=2.0)
    student.fit_inputs(_windows())
    trained = TrainedStudent(student.eval())
    trained.fake_quantized(10 * _windows(), observe=True)
    scale, _ = trained.ranges.quantization("filters")
    assert scale == pytest.approx(2 * SATURATED / 255, rel=1e-3)
    assert trained.ranges.quantization("input")[0] == pytest.approx(4.0 / 255, rel=1e-3)


def test_short_windows_are_padded_and_long_ones_are_not():
    assert _student().shape.sliding.padding == "VALID"
    short = _student(filter_samples=60)
    assert (short.shape.sliding.padding, short.tokens) == ("SAME", 8)


def test_sensors_are_refused():
    model = SpectralModel(family="spectral")
    with pytest.raises(ConfigError, match="every channel has a spectrum of its own"):
        shape_of(model, SAMPLES, CHANNELS, Head(3), sensors=(Sensor(0, 2, 1),))
