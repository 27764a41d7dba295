"""A token model continues what it has learned."""

import numpy as np
import pytest
import torch

from mcu_slm.errors import ModelError
from mcu_slm.train import ExactOps, FloatOps, Head, TrainedStudent, make_student, shape_of
from mcu_slm.train.forecast import forecast
from tests.train.example import calibrated, make_model, make_small_student

pytestmark = pytest.mark.unit


def learned_cycle() -> TrainedStudent:
    """Return a model of 0, 1, 2, 3, 0, 1, ..., all it has ever seen."""
    model = make_model("token-lm", width=8, blocks=1, scored_samples=2)
    shape = shape_of(model, 12, 1, Head(1, surprise=True), symbols=4)
    student = make_student(shape, torch.Generator().manual_seed(1))
    x = torch.arange(400.0).remainder(4).unfold(0, 12, 1).unsqueeze(-1)
    optimizer = torch.optim.AdamW(student.parameters(), lr=1e-2)
    student.train()
    for _ in range(60):
        optimizer.zero_grad()
        loss = student.forward(FloatOps(learn_statistics=True), x.unsqueeze(1)).mean()
        loss.backward()
        optimizer.step()
    trained = TrainedStudent(student.eval())
    with torch.no_grad():
        trained.fake_quantized(x, observe=True)
    return trained


def test_a_cycle_goes_on_and_is_no_surprise_where_a_break_is():
    trained = learned_cycle()
    past = np.arange(11.0).reshape(-1, 1) % 4
    assert forecast(trained, past, 6).flatten().tolist() == [3, 0, 1, 2, 3, 0]
    windows = np.stack([np.append(past, [[3.0]], 0), np.append(past, [[1.0]], 0)])
    usual, broken = trained.answer(windows).flatten().tolist()
    assert usual < 0.3 < broken


def test_only_the_last_samples_of_the_past_count():
    trained = calibrated(
        make_student(shape_of(make_model("token-lm"), 12, 2, Head(1, surprise=True)))
    )
    past = np.random.default_rng(0).normal(size=(30, 2)).astype(np.float32)
    ahead = forecast(trained, past, 3)
    assert ahead.shape == (3, 2)
    np.testing.assert_array_equal(forecast(trained, past[-11:], 3), ahead)
    values = trained.student.bin_values().numpy()
    assert all(ahead[i, c] in values[c] for i in range(3) for c in range(2))


def test_the_sample_to_come_is_not_looked_at():
    trained = calibrated(
        make_student(shape_of(make_model("token-lm"), 12, 1, Head(1, surprise=True)))
    )
    x = np.random.default_rng(0).integers(-128, 128, (1, 1, 12, 1)).astype(np.int8)
    other = x.copy()
    other[0, 0, -1, 0] ^= 0x55
    ops = ExactOps(trained.ranges)
    with torch.no_grad():
        first, second = (
            trained.student.logits_of_next(ops, ops.input(codes))[0].values for codes in (x, other)
        )
    np.testing.assert_array_equal(first, second)


def test_other_students_and_short_pasts_are_refused():
    with pytest.raises(ModelError, match="predicts no next sample"):
        forecast(calibrated(make_small_student(family="tcn")), np.zeros((40, 3)), 1)
    shape = shape_of(make_model("token-lm"), 12, 1, Head(1, surprise=True))
    with pytest.raises(ModelError, match="at least 11 samples of 1 channels"):
        forecast(calibrated(make_student(shape)), np.zeros((10, 1)), 1)
