"""The kinds of teachers, and how members take turns."""

import math

import pytest
import torch

from mcu_slm.config import AugmentConfig, EventsTask
from mcu_slm.train.convolutional_teacher import ConvolutionalTeacher
from mcu_slm.train.families import Head, parameter_count
from mcu_slm.train.family_teacher import FamilyTeacher
from mcu_slm.train.loop import reproducible
from mcu_slm.train.session import open_session
from mcu_slm.train.spectrogram_teacher import SpectrogramTeacher
from mcu_slm.train.tasks import make_task
from mcu_slm.train.teaching import make_guide
from tests.train.example import Identity, make_dataset, make_model, make_project, quiet

pytestmark = pytest.mark.unit
SAMPLES, CHANNELS = 32, 3


def _teacher(kind: str, head: Head, samples: int = SAMPLES):
    if kind == "convolutional":
        return ConvolutionalTeacher(CHANNELS, head, width=8, blocks=2)
    return SpectrogramTeacher(samples, CHANNELS, head, frame=16, width=8, blocks=2)


@pytest.mark.parametrize("kind", ["convolutional", "spectrogram"])
@pytest.mark.parametrize("head", [Head(4), Head(4, per_token=True)])
def test_what_a_teacher_sees_fits_what_it_answers(kind, head):
    teacher, x = _teacher(kind, head).eval(), torch.randn(5, SAMPLES, CHANNELS)
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
        "members": 4,
        "width": 16,
        "kinds": ("convolutional", "model", "spectrogram"),
        "model": make_model("spectral"),
    }
    project = make_project(teacher=settings | teacher, teacher_epochs=1, processes=1)
    with reproducible(1):
        session = open_session(make_dataset(6), Identity(), project, folder, quiet)
        return make_guide(session, session.lineage())


def test_members_take_turns_and_differ(tmp_path):
    guide, _ = _members(tmp_path)
    first, fourth = guide.members[0], guide.members[3]
    kinds = [type(member) for member in guide.members]
    assert kinds == [ConvolutionalTeacher, FamilyTeacher, SpectrogramTeacher, ConvolutionalTeacher]
    assert not torch.equal(first.stem.weight, fourth.stem.weight)
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


def test_a_spectrogram_tells_a_tone_by_its_place_and_its_loudness_by_the_logarithm():
    teacher = _teacher("spectrogram", Head(4))
    tone = torch.sin(2 * torch.pi * 3 * torch.arange(SAMPLES) / teacher.frame)
    x = torch.stack([tone, 10.0 * tone]).unsqueeze(-1).expand(-1, -1, CHANNELS)
    bins = teacher.frame // 2 + 1
    seen = teacher.spectra(x).reshape(2, CHANNELS, bins, -1)
    assert torch.all(seen[:, :, 1:].argmax(2) + 1 == 3)
    louder = (seen[1] - seen[0])[:, 3]
    torch.testing.assert_close(louder, torch.full_like(louder, math.log(100.0)), atol=1e-3, rtol=0)


def test_a_window_shorter_than_a_spectrum_is_one_spectrum():
    teacher = _teacher("spectrogram", Head(4), samples=10).eval()
    assert teacher.trunk(torch.randn(2, 10, CHANNELS)).shape == (2, 1, 8)
    silent = teacher(torch.zeros(2, 10, CHANNELS))
    assert bool(torch.isfinite(silent).all())
