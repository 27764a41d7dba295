"""The kinds of teachers, and how members take turns."""

import pytest
import torch

from mcu_slm.config import AugmentConfig, EventsTask
from mcu_slm.train.convolutional_teacher import ConvolutionalTeacher
from mcu_slm.train.families import Head, parameter_count
from mcu_slm.train.family_teacher import FamilyTeacher
from mcu_slm.train.loop import reproducible
from mcu_slm.train.session import open_session
from mcu_slm.train.tasks import make_task
from mcu_slm.train.teaching import make_guide
from tests.train.example import Identity, make_dataset, make_model, make_project, quiet

pytestmark = pytest.mark.unit
SAMPLES, CHANNELS = 32, 3


def _convolutional(head: Head) -> ConvolutionalTeacher:
    return ConvolutionalTeacher(CHANNELS, head, width=8, blocks=2)


@pytest.mark.parametrize("head", [Head(4), Head(4, per_token=True)])
def test_what_a_teacher_sees_fits_what_it_answers(head):
    teacher, x = _convolutional(head).eval(), torch.randn(5, SAMPLES, CHANNELS)
    look = teacher.look(x)
    assert torch.equal(look.answers, teacher(x))
    tokens = teacher.trunk(x)
    assert look.attention.shape == tokens.shape[:2]
    torch.testing.assert_close(look.attention.sum(1), torch.ones(5))
    assert look.answers.shape == ((5, tokens.shape[1], 4) if head.per_token else (5, 4))
    if not head.per_token:
        assert look.features.shape == (5, teacher.features)


def _members(folder, **teacher):
    settings = {
        "members": 3,
        "width": 16,
        "kinds": ("convolutional", "model"),
        "model": make_model("spectral"),
    }
    project = make_project(teacher=settings | teacher, teacher_epochs=1, processes=1)
    with reproducible(1):
        session = open_session(make_dataset(6), Identity(), project, folder, quiet)
        return make_guide(session, session.lineage())


def test_members_take_turns_and_differ(tmp_path):
    guide, _ = _members(tmp_path)
    kinds = [type(member) for member in guide.members]
    assert kinds == [ConvolutionalTeacher, FamilyTeacher, ConvolutionalTeacher]
    first, _, third = guide.members
    assert not torch.equal(first.stem.weight, third.stem.weight)
    assert parameter_count(guide.members[1]) > 0


def test_kinds_are_part_of_what_a_student_learned_from(tmp_path):
    _, one = _members(tmp_path / "a", members=1)
    _, other = _members(tmp_path / "b", members=1, kinds=("model",))
    assert one != other


def test_teachers_of_events_may_differ_in_their_steps():
    how = AugmentConfig(enabled=False)
    task = make_task(make_project(task=EventsTask(kind="events"), augment=how), 3)
    coarse, fine = torch.randn(2, 4, 3), torch.randn(2, 8, 3)
    soft = task.soft_answers([coarse, fine])
    assert soft.shape == (2, 8, 3)
    both = task.soft_answers([coarse.repeat_interleave(2, 1), fine])
    torch.testing.assert_close(soft, both)
