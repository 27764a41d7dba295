"""The backends against one another and against quant.py."""

import numpy as np
import pytest
import torch

from mcu_slm.errors import ModelError
from mcu_slm.quant import quantize_weights
from mcu_slm.train import FloatOps, QuantState
from mcu_slm.train.backends.fake_quant import fake_quantize_weight, weight_scales
from mcu_slm.train.families import FAMILIES
from tests.train.example import calibrated, make_dataset, make_small_student, trained_example

pytestmark = pytest.mark.unit


def test_weight_scales_are_those_of_the_exported_model():
    weight = torch.randn(64, 5, 3, generator=torch.Generator().manual_seed(1))
    _, scales = quantize_weights(weight.numpy(), axis=0)
    assert np.array_equal(weight_scales(weight).numpy(), scales)


def test_fake_quantised_weights_lie_on_the_exported_grid():
    weight = torch.randn(16, 12, generator=torch.Generator().manual_seed(2))
    codes, scales = quantize_weights(weight.numpy(), axis=0)
    np.testing.assert_allclose(
        fake_quantize_weight(weight).numpy(), codes * scales[:, None], rtol=1e-6
    )


def test_a_dead_output_channel_gets_a_usable_scale():
    scales = weight_scales(torch.zeros(3, 4))
    assert (scales > 0).all()


def test_fake_quantisation_passes_gradients_to_every_parameter():
    trained = calibrated(make_small_student())
    trained.fake_quantized(torch.randn(8, 32, 3)).square().sum().backward()
    missing = [name for name, p in trained.student.named_parameters() if p.grad is None]
    assert missing == []


def test_fake_quantised_logits_stay_close_to_float():
    trained = calibrated(make_small_student())
    # The very windows whose ranges were observed: of others some values are clipped.
    x = torch.randn(64, 32, 3, generator=torch.Generator().manual_seed(32))
    exact = trained.student.forward(FloatOps(), x.unsqueeze(1))
    error = (trained.fake_quantized(x) - exact).abs().max()
    assert error < 0.15 * exact.abs().max()


@pytest.mark.parametrize("family", FAMILIES)
def test_codes_of_the_exact_backend_mean_what_fake_quantisation_computes(family):
    trained = calibrated(make_small_student(family=family))
    x = torch.randn(64, 32, 3, generator=torch.Generator().manual_seed(6))
    scale, zero_point = trained.ranges.quantization("answer")
    real = (trained.predict_int8(x.numpy()).astype(np.float32) - zero_point) * scale
    steps = np.abs(real - trained.fake_quantized(x).detach().numpy()) / scale
    # Requantisation may differ by a rounding per layer, never by a different formula.
    assert steps.mean() < 2.0


def test_fake_quantisation_and_the_device_agree_on_nearly_every_decision():
    trained, x = trained_example().trained, make_dataset(100).test.x
    decisions = trained.fake_quantized(torch.from_numpy(x)).argmax(1).numpy()
    agreement = (trained.predict_int8(x).argmax(1) == decisions).mean()
    assert agreement >= 0.99


def test_an_unobserved_range_is_named():
    with pytest.raises(ModelError, match="block0/head0/query: no activation range"):
        QuantState().quantization("block0/head0/query")


def test_ranges_follow_batches_as_a_moving_average():
    ranges = QuantState()
    ranges.observe("x", -1.0, 1.0, 0.5)
    ranges.observe("x", -3.0, 1.0, 0.5)
    assert ranges.get_extra_state() == {"x": [-2.0, 1.0]}
    ranges.observe("x", -1.0, 7.0, None)
    assert ranges.get_extra_state() == {"x": [-2.0, 7.0]}
