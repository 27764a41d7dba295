"""Matching the inside of a student to that of its teachers."""

import numpy as np
import pytest
import torch

from mcu_slm.config import TrainConfig
from mcu_slm.errors import ConfigError
from mcu_slm.train import FloatOps, Head, train_model
from mcu_slm.train.augment import Mix
from mcu_slm.train.backends import recorded
from mcu_slm.train.convolutional_teacher import ConvolutionalTeacher
from mcu_slm.train.distillation import Ensemble, Lesson
from mcu_slm.train.families import FAMILIES, MATCHED
from mcu_slm.train.matching import Matching, attention_loss, feature_loss, make_matching
from mcu_slm.train.session import distillation_share
from mcu_slm.train.tasks import Classification
from tests.train.example import (
    Identity,
    calibrated,
    cost_of,
    make_dataset,
    make_project,
    make_small_student,
)

pytestmark = pytest.mark.unit
MATCH = {"feature_weight": 0.5, "attention_weight": 0.5}
# These pool nothing by attention, so matching is refused.
WITHOUT_ATTENTION = {"filterbank", "trend"}
every_family = pytest.mark.parametrize("family", sorted(set(FAMILIES) - WITHOUT_ATTENTION))


def _lesson(count=8):
    x = torch.randn(count, 32, 3, generator=torch.Generator().manual_seed(1))
    return Lesson(x, torch.eye(4)[torch.arange(count) % 4], torch.arange(count), Mix())


def _teachers(open=True):
    torch.manual_seed(0)
    members = [ConvolutionalTeacher(3, Head(4), width=8, blocks=2).eval() for _ in range(2)]
    return Ensemble(members, Classification(4), open=open)


@every_family
def test_recording_changes_no_answer_and_keeps_the_named_values(family):
    student, seen = make_small_student(family=family).eval(), {}
    x = torch.randn(2, 1, 32, 3)
    answers = student.forward(recorded(FloatOps(), ("pool_weights", "no such"), seen), x)
    assert torch.equal(answers, student.forward(FloatOps(), x))
    assert set(seen) == {"pool_weights"}
    torch.testing.assert_close(seen["pool_weights"].sum(-1), torch.ones(2, 1, 1))


def test_features_that_say_the_same_cost_nothing():
    features = torch.randn(6, 5)
    assert float(feature_loss(3.0 * features, features)) == pytest.approx(0.0, abs=1e-6)
    assert float(feature_loss(-features, features)) == pytest.approx(2.0, abs=1e-6)


def test_attention_is_compared_on_the_students_tokens():
    theirs = torch.softmax(torch.randn(6, 12), 1)
    own = theirs.reshape(6, 4, 3).sum(2)
    assert float(attention_loss(own, theirs)) == pytest.approx(0.0, abs=1e-6)
    assert float(attention_loss(own.flip(1), theirs)) > 0.01
    assert torch.isfinite(attention_loss(torch.eye(6), theirs))


@every_family
def test_matching_teaches_the_trunk_and_the_projection(family):
    student, lesson = make_small_student(family=family), _lesson()
    matching, seen = make_matching(student, _teachers(), TrainConfig(**MATCH), 1), {}
    assert isinstance(matching, Matching)
    student.forward(recorded(FloatOps(learn_statistics=True), MATCHED, seen), lesson.x[:, None])
    matching(seen, lesson).backward()
    assert float(matching.projection.grad.abs().sum()) > 0
    assert float(student.answer.pool_score.grad.abs().sum()) > 0


def test_fake_quantised_students_are_matched_too():
    trained, lesson = calibrated(make_small_student()), _lesson()
    matching, seen = make_matching(trained.student, _teachers(), TrainConfig(**MATCH), 1), {}
    trained.fake_quantized(lesson.x, seen=seen)
    loss = matching(seen, lesson)
    loss.backward()
    assert torch.isfinite(loss)
    assert float(trained.student.patch.weights[0].grad.abs().sum()) > 0


def test_nothing_is_matched_unless_asked_for_or_without_teachers():
    student = make_small_student()
    assert make_matching(student, _teachers(), TrainConfig(), 1) is None
    assert make_matching(student, None, TrainConfig(**MATCH), 1) is None


@pytest.mark.parametrize(
    "student",
    [
        {"head": Head(4, per_token=True)},
        *({"family": family} for family in sorted(WITHOUT_ATTENTION)),
    ],
)
def test_a_student_that_pools_nothing_by_attention_is_refused(student):
    student = make_small_student(**student)
    with pytest.raises(ConfigError, match="pools no tokens by attention; expected 0 for both"):
        make_matching(student, _teachers(), TrainConfig(**MATCH), 1)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [("constant", (0.6, 0.6, 0.6)), ("falling", (0.6, 0.3, 0.0)), ("rising", (0.0, 0.3, 0.6))],
)
def test_the_teachers_share_follows_its_schedule(schedule, expected):
    settings = TrainConfig(distillation_weight=0.6, distillation_schedule=schedule)
    found = [distillation_share(settings, elapsed) for elapsed in (0.0, 0.5, 1.0)]
    assert found == pytest.approx(expected)


def test_a_matched_student_goes_through_all_phases_and_continues(tmp_path):
    project = make_project(student_epochs=2, qat_epochs=2, distillation_schedule="falling", **MATCH)
    run = (make_dataset(10), Identity(), project)
    events = []
    first = train_model(*run, tmp_path, events.append, cost_of)
    phases = {event.phase for event in events}
    assert phases == {"teacher0", "float", "pruned", "quantized"}
    events.clear()
    again = train_model(*run, tmp_path, events.append, cost_of)
    assert events == []
    x = make_dataset(10).test.x
    assert np.array_equal(first.trained.predict_int8(x), again.trained.predict_int8(x))


def test_other_weights_repeat_the_student_but_not_the_teacher(tmp_path):
    for weight, expected in ((0.5, 4), (0.25, 3)):
        project = make_project(student_epochs=1, qat_epochs=1, feature_weight=weight)
        events = []
        train_model(make_dataset(10), Identity(), project, tmp_path, events.append, cost_of)
        assert len({event.phase for event in events}) == expected


def test_matching_needs_a_teacher_trained_here():
    for teacher in ({"enabled": False}, {"soft_labels": "answers.npz"}):
        with pytest.raises(ValueError, match="need a teacher trained here"):
            make_project(teacher=teacher, **MATCH)
