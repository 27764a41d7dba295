"""What holds for every family of students."""

import json

import numpy as np
import pytest
import torch

from mcu_slm import judge, tflite
from mcu_slm.convert import convert, sketch
from mcu_slm.convert.convert import TrainedLike
from mcu_slm.metadata import ModelInfo
from mcu_slm.ops import parse_graph
from mcu_slm.train import ExactOps, FloatOps, Head
from mcu_slm.train.families import FAMILIES, make_student, shape_from_json, shape_of
from mcu_slm.train.prune import keep
from tests.train.example import (
    CHANNELS,
    CLASSES,
    SMALL,
    calibrated,
    make_info,
    make_model,
    make_small_student,
)

pytestmark = pytest.mark.unit
needs_judge = pytest.mark.skipif(not judge.available("tflm"), reason="tflite-micro not installed")
every_family = pytest.mark.parametrize("family", FAMILIES)


def test_the_tests_know_every_family():
    assert set(SMALL) == set(FAMILIES)


@every_family
@pytest.mark.parametrize("samples", [8, 9, 30, 31, 65, 100, 128, 206])
def test_any_window_length_gives_an_answer(family, samples):
    student = make_small_student(samples, family=family)
    answers = student.forward(FloatOps(), torch.randn(5, 1, samples, CHANNELS))
    assert answers.shape == (5, CLASSES)


@every_family
def test_a_head_per_token_answers_for_every_token(family):
    student = make_small_student(32, Head(3, per_token=True), family=family)
    answers = student.forward(FloatOps(), torch.randn(2, 1, 32, CHANNELS))
    assert answers.shape == (2, student.tokens, 3)


@every_family
def test_gain_and_offset_bring_answers_to_units(family):
    plain, scaled = (
        make_small_student(32, Head(1, gain=gain, offset=offset), family=family).eval()
        for gain, offset in ((1.0, 0.0), (125.0, -7.0))
    )
    x = torch.randn(3, 1, 32, CHANNELS)
    expected = 125.0 * plain.forward(FloatOps(), x) - 7.0
    torch.testing.assert_close(scaled.forward(FloatOps(), x), expected, atol=1e-3, rtol=1e-4)


@every_family
def test_equal_generators_give_equal_students(family):
    first, second = (make_small_student(family=family) for _ in range(2))
    assert all(
        torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True)
    )


@every_family
def test_shapes_survive_json(family):
    shape = make_small_student(family=family).shape
    assert shape_from_json(json.loads(json.dumps(shape.to_json()))) == shape


@every_family
def test_all_parameters_learn_in_float_and_fake_quantised(family):
    trained = calibrated(make_small_student(family=family))
    x = torch.randn(8, 32, CHANNELS)
    learning = trained.student.forward(FloatOps(learn_statistics=True), x.unsqueeze(1))
    for answers in (learning, trained.fake_quantized(x)):
        trained.zero_grad()
        answers.square().sum().backward()
        missing = [name for name, p in trained.student.named_parameters() if p.grad is None]
        assert missing == []


@needs_judge
@every_family
@pytest.mark.parametrize("head", [Head(CLASSES), Head(1, gain=125.0), Head(3, per_token=True)])
@pytest.mark.parametrize("samples", [9, 31, 100])
def test_the_integer_forward_is_the_judge_on_extreme_inputs(family, samples, head):
    assert_integer_forward_is_the_judge(make_small_student(samples, head, family=family), samples)


@needs_judge
@pytest.mark.parametrize("channels", [1, CHANNELS])
@pytest.mark.parametrize("samples", [9, 31, 100])
def test_the_integer_surprise_is_the_judge_on_extreme_inputs(samples, channels):
    shape = shape_of(make_model("token-lm"), samples, channels, Head(1, surprise=True))
    assert_integer_forward_is_the_judge(make_student(shape), samples, channels)


def assert_integer_forward_is_the_judge(student, samples, channels=CHANNELS):
    trained = calibrated(student)
    rng = np.random.default_rng(samples)
    inputs = rng.integers(-128, 128, (12, 1, samples, channels)).astype(np.int8)
    inputs[0], inputs[1] = -128, 127
    inputs[2] = rng.choice([-128, 127], inputs[2].shape)
    ops = ExactOps(trained.ranges)
    with torch.no_grad():
        expected = trained.student.forward(ops, ops.input(inputs)).values
    outputs = judge.run(
        tflite.write_model(_converted(trained, samples, channels)), [inputs[:, None]]
    )[0]
    np.testing.assert_array_equal(outputs.reshape(expected.shape), expected)


def _converted(trained: TrainedLike, samples: int, channels: int = CHANNELS):
    info = make_info(samples, channels)
    return convert(trained, ModelInfo(**{**vars(info), "labels": ()}))


@every_family
def test_every_layer_has_a_kernel_in_the_compiler(family):
    graph = sketch(make_small_student(family=family))
    assert len(parse_graph(graph)) == len(graph.nodes)


@every_family
def test_removing_units_that_do_nothing_changes_nothing(family):
    assert_units_can_be_removed(make_small_student(family=family).eval())


def assert_units_can_be_removed(student):
    for group in student.units():
        silenced = make_student(student.shape)
        silenced.load_state_dict(student.state_dict())
        kept = torch.arange(group.count - 1)
        state = silenced.state_dict()
        with torch.no_grad():
            for key, axis, first in group.places():
                if not key.endswith(("running_mean", "running_variance")):
                    state[key].movedim(axis, 0)[first + group.count - 1] = 0.0
        smaller = keep(silenced.eval(), {group.name: kept})
        x = torch.randn(6, 1, 32, CHANNELS)
        expected = silenced.forward(FloatOps(), x)
        torch.testing.assert_close(smaller.forward(FloatOps(), x), expected, atol=1e-5, rtol=1e-4)


@every_family
def test_a_block_left_out_leaves_the_others_as_they_were(family):
    if make_small_student(family=family).depth == 0:
        pytest.skip("no blocks with a residual")
    assert_blocks_can_be_left_out(make_small_student(family=family, blocks=3).eval())


def assert_blocks_can_be_left_out(student):
    shallower = student.without_block(1)
    assert shallower.depth == 2
    for name, value in shallower.named_parameters():
        old = name.replace("blocks.1.", "blocks.2.")
        assert torch.equal(value, student.get_parameter(old))
