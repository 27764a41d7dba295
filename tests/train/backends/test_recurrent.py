"""Recurrent layers on every backend: PyTorch's own layer, and the integer kernel's reference."""

import numpy as np
import pytest
import torch
from torch import nn

from mcu_slm.errors import ModelError
from mcu_slm.quant import HIDDEN_SCALE
from mcu_slm.train import ExactOps, FakeQuantOps, FloatOps, QuantState
from mcu_slm.train.backends.recurrent import LstmSteps

pytestmark = pytest.mark.unit
STEPS, INPUTS, UNITS = 40, 5, 12


def _random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def _layer(strength: float = 0.4) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return weights, recurrent weights and bias of a layer."""
    shapes = ((4, UNITS, INPUTS), (4, UNITS, UNITS), (4, UNITS))
    return tuple(strength * _random(*shape, seed=i) for i, shape in enumerate(shapes))


def _windows(count: int = 24) -> torch.Tensor:
    return _random(count, 1, STEPS, INPUTS, seed=9)


def _torch_layer(layer: tuple[torch.Tensor, ...]) -> nn.LSTM:
    module = nn.LSTM(INPUTS, UNITS, batch_first=True)
    with torch.no_grad():
        module.weight_ih_l0.copy_(layer[0].flatten(0, 1))
        module.weight_hh_l0.copy_(layer[1].flatten(0, 1))
        module.bias_ih_l0.copy_(layer[2].flatten())
        module.bias_hh_l0.zero_()
    return module


def test_the_float_layer_and_its_gradients_are_those_of_pytorch():
    layer = [tensor.requires_grad_() for tensor in _layer()]
    module, x = _torch_layer(layer), _windows()
    ours, theirs = FloatOps().lstm("lstm", x, *layer), module(x[:, 0])[0][:, None]
    torch.testing.assert_close(ours, theirs)
    gradients = torch.autograd.grad(ours.square().sum(), layer)
    expected = torch.autograd.grad(
        theirs.square().sum(), [module.weight_ih_l0, module.weight_hh_l0, module.bias_ih_l0]
    )
    for found, wanted in zip(gradients, expected, strict=True):
        torch.testing.assert_close(found.flatten(), wanted.flatten())


def test_step_by_step_is_the_same_layer_but_for_rounded_states():
    hidden, low, high = LstmSteps(*_layer(), 2.0**-11).run(_windows()[:, 0])
    exact = FloatOps().lstm("lstm", _windows(), *_layer())[:, 0]
    assert (hidden - exact).abs().max() < 4 * HIDDEN_SCALE
    assert low < -0.1
    assert high > 0.1


def _calibrated(layer: tuple[torch.Tensor, ...]) -> tuple[QuantState, FakeQuantOps]:
    ranges = QuantState()
    ops = FakeQuantOps(ranges, observe=True)
    ops.lstm("lstm", ops.input(_windows()), *layer)
    return ranges, FakeQuantOps(ranges)


def test_integer_hidden_states_are_what_fake_quantisation_computes():
    layer = _layer()
    ranges, fake = _calibrated(layer)
    x = fake.input(_windows())
    codes = torch.round(x.tensor / x.scale + x.zero_point).to(torch.int8).numpy()
    exact = ExactOps(ranges)
    integers = exact.lstm("lstm", exact.input(codes), *layer)
    expected = fake.lstm("lstm", x, *layer)
    assert (integers.scale, integers.zero_point) == (expected.scale, expected.zero_point)
    steps = np.abs(integers.values - expected.tensor.numpy() / HIDDEN_SCALE)
    # Sigmoid and tanh come from a table: some states round to the neighbour, and hand that on.
    assert steps.mean() < 0.1
    assert steps.max() <= 3


def test_a_cell_that_counts_gets_a_scale_that_holds_it():
    weights, recurrent, bias = _layer()
    bias = torch.tensor([[8.0], [8.0], [3.0], [0.0]]).expand(4, UNITS).contiguous()
    ranges, fake = _calibrated((weights * 0, recurrent * 0, bias))
    assert ranges.cell_scale("lstm/cell") == 2.0**-10  # forty steps of nearly 1; 2^-11 holds 16
    hidden = fake.lstm("lstm", fake.input(_windows()), weights * 0, recurrent * 0, bias)
    assert hidden.tensor[0, 0, -1, 0] == pytest.approx(0.5, abs=HIDDEN_SCALE)


def test_gradients_reach_the_first_step_and_every_weight():
    layer = [tensor.requires_grad_() for tensor in _layer()]
    _, fake = _calibrated(layer)
    x = _windows().requires_grad_()
    states = fake.lstm("lstm", fake.input(x), *layer).tensor
    states[:, :, -1].square().sum().backward()
    assert x.grad[:, :, 0].abs().max() > 0
    assert all(tensor.grad.abs().max() > 0 for tensor in layer)


def test_an_unobserved_cell_is_named():
    ops = FakeQuantOps(_only_the_input_observed())
    with pytest.raises(ModelError, match="lstm/cell: no activation range"):
        ops.lstm("lstm", ops.input(_windows()), *_layer())


def _only_the_input_observed() -> QuantState:
    ranges = QuantState()
    ranges.observe("input", -3.0, 3.0, None)
    return ranges


def test_reversal_turns_tokens_and_nothing_else():
    ranges = _only_the_input_observed()
    x = _windows()
    assert torch.equal(FloatOps().reverse("turned", x), x[:, :, torch.arange(STEPS - 1, -1, -1)])
    fake, exact = FakeQuantOps(ranges), ExactOps(ranges)
    fake_x = fake.input(x)
    assert torch.equal(fake.reverse("turned", fake_x).tensor, fake_x.tensor.flip(2))
    codes = np.arange(2 * 3 * 4, dtype=np.int8).reshape(2, 1, 3, 4)
    turned = exact.reverse("turned", exact.input(codes))
    assert np.array_equal(turned.values, codes[:, :, [2, 1, 0]])
