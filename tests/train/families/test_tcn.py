"""Temporal convolutional students whose blocks have full convolutions."""

import json

import pytest
import torch

from mcu_slm.train import FloatOps, Head, TrainedStudent
from mcu_slm.train.families import deployed_parameter_count, shape_from_json
from tests.train.example import CHANNELS, CLASSES, make_small_student
from tests.train.families.test_families import (
    assert_blocks_can_be_left_out,
    assert_integer_forward_is_the_judge,
    assert_units_can_be_removed,
    needs_judge,
)

pytestmark = pytest.mark.unit


def _full(samples: int = 32, head: Head | None = None, **model):
    return make_small_student(samples, head, family="tcn", separable=False, **model)


def test_a_full_block_has_taps_for_every_pair_of_channels():
    width, kernel = 16, 5
    per_block = width * kernel * width + width
    counts = [deployed_parameter_count(_full(blocks=blocks)) for blocks in (1, 2)]
    assert counts[1] - counts[0] == per_block


def test_the_shape_says_so_and_older_ones_are_separable():
    fields = json.loads(json.dumps(_full().shape.to_json()))
    assert not shape_from_json(fields).separable
    del fields["separable"]
    assert shape_from_json(fields).separable


def test_all_parameters_learn():
    student = _full()
    x = torch.randn(8, 1, 32, CHANNELS)
    student.forward(FloatOps(learn_statistics=True), x).square().sum().backward()
    assert [name for name, p in student.named_parameters() if p.grad is None] == []
    trained = TrainedStudent(student)
    trained.fake_quantized(x[:, 0], observe=True).square().sum().backward()


@needs_judge
@pytest.mark.parametrize("head", [Head(CLASSES), Head(3, per_token=True)])
@pytest.mark.parametrize("samples", [9, 31, 100])
def test_the_integer_forward_is_the_judge_on_extreme_inputs(samples, head):
    # The third block has a dilation of 4: its taps reach beyond the shortest window.
    assert_integer_forward_is_the_judge(_full(samples, head, blocks=3), samples)


def test_channels_and_blocks_can_be_removed():
    assert_units_can_be_removed(_full().eval())
    assert_blocks_can_be_left_out(_full(blocks=3).eval())
