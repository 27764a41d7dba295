"""What the phases of a training share."""

import numpy as np
import pytest
import torch

from mcu_slm.config import AugmentConfig
from mcu_slm.train.loop import Step
from mcu_slm.train.session import open_session
from mcu_slm.train.teacher import Teacher
from tests.train.example import Identity, make_dataset, make_project, quiet

pytestmark = pytest.mark.unit


@pytest.fixture
def session(tmp_path):
    return open_session(make_dataset(10), Identity(), make_project(), tmp_path, quiet)


class CountingTeacher(Teacher):
    calls = 0

    def forward(self, x):
        self.calls += 1
        return super().forward(x)


def test_teachers_answer_a_numbered_batch_once(session):
    teacher = CountingTeacher(3, 4, width=8, blocks=1).eval()
    x, logits = session.train.x[:8], torch.randn(8, 4)
    targets = session.targets(session.train.y[:8])
    first = session.student_loss(logits, x, targets, [teacher], (0, 1))
    again = session.student_loss(logits, x, targets, [teacher], (0, 1))
    assert teacher.calls == 1
    assert torch.equal(first, again)
    session.student_loss(logits, x, targets, [teacher], (1, 1))
    session.student_loss(logits, x, targets, [teacher])
    assert teacher.calls == 3


def test_augmented_windows_depend_on_the_generator_alone(session):
    x, y = session.train.x[:8], session.train.y[:8]
    runs = [
        session.augmented(x, y, Step(torch.Generator().manual_seed(seed), 0.0, (0, 0)))
        for seed in (1, 1, 2)
    ]
    assert torch.equal(runs[0][0], runs[1][0])
    assert torch.equal(runs[0][1], runs[1][1])
    assert not torch.equal(runs[0][0], runs[2][0])


def test_one_switch_leaves_windows_and_labels_unchanged(tmp_path):
    project = make_project(augment=AugmentConfig(enabled=False, shift_samples=2))
    session = open_session(make_dataset(10), Identity(), project, tmp_path, quiet)
    x, y = session.train.x[:8], session.train.y[:8]
    step = Step(torch.Generator().manual_seed(1), 0.0, (0, 0))
    changed, targets = session.augmented(x, y, step)
    assert torch.equal(changed, x)
    assert torch.equal(targets, session.targets(y))


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
    x, y = session.train.x[:8], session.train.y[:8]
    changed, _ = session.augmented(x, y, Step(torch.Generator().manual_seed(1), 0.0, (0, 0)))
    std = torch.from_numpy(Unequal.std)
    torch.testing.assert_close((changed * std).norm(dim=-1), (x * std).norm(dim=-1))
    assert not torch.allclose(changed.norm(dim=-1), x.norm(dim=-1), rtol=0.1)


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
