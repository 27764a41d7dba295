"""What the phases of a training share."""

import numpy as np
import pytest
import torch

from mcu_slm.config import AugmentConfig, RegressionTask
from mcu_slm.errors import TrainingError
from mcu_slm.train.convolutional_teacher import ConvolutionalTeacher
from mcu_slm.train.distillation import Ensemble, SoftLabels
from mcu_slm.train.families import Head
from mcu_slm.train.loop import Batch
from mcu_slm.train.session import open_session
from tests.train.example import Identity, make_dataset, make_project, quiet

pytestmark = pytest.mark.unit


@pytest.fixture
def session(tmp_path):
    return open_session(make_dataset(10), Identity(), make_project(), tmp_path, quiet)


class CountingTeacher(ConvolutionalTeacher):
    calls = 0

    def look(self, x):
        self.calls += 1
        return super().look(x)


def _batch(session, seed=1, number=(0, 0)):
    rows = torch.arange(8)
    x, y = session.train.x[rows], session.train.y[rows]
    return Batch(x, y, rows, torch.Generator().manual_seed(seed), 0.0, number)


def test_teachers_answer_a_numbered_batch_once(session):
    teacher = CountingTeacher(3, Head(4), width=8, blocks=1).eval()
    guide, logits = Ensemble([teacher], session.task), torch.randn(8, 4)
    first = session.student_loss(logits, session.lesson(_batch(session)), guide)
    again = session.student_loss(logits, session.lesson(_batch(session)), guide)
    assert teacher.calls == 1
    assert torch.equal(first, again)
    session.student_loss(logits, session.lesson(_batch(session, number=(0, 1))), guide)
    assert teacher.calls == 2


def test_without_a_share_of_the_teachers_only_the_truth_counts(tmp_path):
    project = make_project(distillation_weight=0.0)
    session = open_session(make_dataset(10), Identity(), project, tmp_path, quiet)
    guide = Ensemble([ConvolutionalTeacher(3, Head(4), width=8, blocks=1).eval()], session.task)
    logits, lesson = torch.randn(8, 4), session.lesson(_batch(session))
    expected = session.student_loss(logits, lesson, None)
    torch.testing.assert_close(session.student_loss(logits, lesson, guide), expected)


def test_soft_labels_are_mixed_as_the_windows_are(session):
    lesson = session.lesson(_batch(session))
    labels = SoftLabels(1000.0 * session.task.targets(session.train.y), session.task)
    expected = lesson.mix.apply(torch.eye(4)[session.train.y[:8]])
    torch.testing.assert_close(labels.soft_answers(lesson), expected)


def test_changed_windows_depend_on_the_generator_alone(session):
    runs = [session.lesson(_batch(session, seed)) for seed in (1, 1, 2)]
    assert torch.equal(runs[0].x, runs[1].x)
    assert torch.equal(runs[0].targets, runs[1].targets)
    assert not torch.equal(runs[0].x, runs[2].x)


def test_one_switch_leaves_windows_and_labels_unchanged(tmp_path):
    project = make_project(augment=AugmentConfig(enabled=False, shift_samples=2))
    session = open_session(make_dataset(10), Identity(), project, tmp_path, quiet)
    lesson = session.lesson(_batch(session))
    assert torch.equal(lesson.x, session.train.x[:8])
    assert torch.equal(lesson.targets, session.task.targets(session.train.y[:8]))


def test_rotation_reaches_the_windows_in_the_units_of_the_recordings(tmp_path):
    """Axes of mean 0 are only turned: with their unequal stds, lengths last in physical units."""

    class Unequal(Identity):
        std = np.array([0.5, 2.0, 4.0], np.float32)

    how = AugmentConfig(
        noise_std=0.0,
        scale_std=0.0,
        offset_std=0.0,
        mixup_alpha=0.0,
        rotation_degrees=45.0,
        rotation_groups=(("x", "y", "z"),),
    )
    project = make_project(augment=how)
    session = open_session(make_dataset(10), Unequal(), project, tmp_path, quiet)
    changed, x = session.lesson(_batch(session)).x, session.train.x[:8]
    std = torch.from_numpy(Unequal.std)
    torch.testing.assert_close((changed * std).norm(dim=-1), (x * std).norm(dim=-1))
    assert not torch.allclose(changed.norm(dim=-1), x.norm(dim=-1), rtol=0.1)


def test_a_regression_is_chosen_by_a_range_of_its_truth(tmp_path):
    def opened(wanted):
        task = RegressionTask(unit="m", min=0.0, max=2.0, validation_range=wanted)
        return open_session(make_dataset(10), Identity(), make_project(task=task), tmp_path, quiet)

    session, everything = opened((2.0, 3.0)), opened(None)
    assert sorted(session.validation.counted(session.validation.y).unique().tolist()) == [2, 3]
    assert len(everything.validation.counted(everything.validation.y)) == 20
    assert session.lineage() != everything.lineage()
    with pytest.raises(TrainingError, match="no validation window has a target from 7 to 9"):
        opened((7.0, 9.0))


def test_lineage_changes_with_data_and_settings(tmp_path):
    def lineage(count=10, **train):
        project = make_project(**train)
        return open_session(make_dataset(count), Identity(), project, tmp_path, quiet).lineage()

    assert lineage() == lineage()
    assert len({lineage(), lineage(11), lineage(label_smoothing=0.3)}) == 3


def test_lineage_changes_with_the_units_that_rotation_turns_in(tmp_path):
    class Shifted(Identity):
        mean = np.array([0.0, 0.0, 9.81], np.float32)

    lineages = {
        open_session(make_dataset(10), how, make_project(), tmp_path, quiet).lineage()
        for how in (Identity(), Shifted())
    }
    assert len(lineages) == 2
