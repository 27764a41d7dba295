"""A larger student that teaches."""

import pytest
import torch
from pydantic import ValidationError

from mcu_slm.train.distillation import Ensemble
from mcu_slm.train.family_teacher import FamilyTeacher
from mcu_slm.train.session import open_session
from mcu_slm.train.teaching import guide_parameter_count, make_guide
from tests.train.example import (
    CHANNELS,
    CLASSES,
    SAMPLES,
    Identity,
    make_dataset,
    make_model,
    make_project,
    make_small_student,
    quiet,
)

pytestmark = pytest.mark.unit
RECURRENT = {"model": make_model("bilstm", units=12), "members": 2}


def _guide(tmp_path, **teacher):
    project = make_project(teacher=RECURRENT | teacher, teacher_epochs=1, processes=1)
    session = open_session(make_dataset(10), Identity(), project, tmp_path, quiet)
    return make_guide(session, session.lineage())


def test_members_are_of_the_family_and_differ(tmp_path):
    guide, _ = _guide(tmp_path)
    assert isinstance(guide, Ensemble)
    assert [type(member) for member in guide.members] == [FamilyTeacher] * 2
    x = torch.randn(5, SAMPLES, CHANNELS)
    first, second = (member.eval()(x) for member in guide.members)
    assert first.shape == (5, CLASSES)
    assert not torch.allclose(first, second)
    expected = 2 * sum(p.numel() for p in guide.members[0].parameters())
    assert guide_parameter_count(guide) == expected


def test_another_network_is_another_lineage(tmp_path):
    _, small = _guide(tmp_path / "a")
    _, large = _guide(tmp_path / "b", model=make_model("bilstm", units=16))
    assert small != large


def test_statistics_and_dropout_belong_to_learning_alone():
    teacher = FamilyTeacher(make_small_student(family="bilstm"), 0.5)
    x = torch.randn(6, SAMPLES, CHANNELS)
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    assert torch.equal(teacher.eval()(x), teacher(x))
    assert all(torch.equal(before[name], value) for name, value in teacher.state_dict().items())
    teacher.train()(x)
    changed = [n for n, value in teacher.state_dict().items() if not torch.equal(before[n], value)]
    assert changed
    assert all("running" in name for name in changed)


def test_it_can_learn_without_labels_first():
    teacher = FamilyTeacher(make_small_student(family="bilstm"), 0.0).eval()
    tokens = teacher.trunk(torch.randn(2, SAMPLES, CHANNELS))
    assert tokens.shape == (2, teacher.student.tokens, 16)


def test_its_inside_cannot_be_matched():
    with pytest.raises(ValidationError, match="need convolutional teachers"):
        make_project(teacher=RECURRENT, feature_weight=1.0)


def test_its_first_layer_fits_the_window():
    model = make_model("bilstm", stem_samples=SAMPLES + 1)
    with pytest.raises(ValidationError, match="do not fit"):
        make_project(teacher={"model": model})
