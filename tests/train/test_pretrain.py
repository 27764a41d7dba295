"""Learning from windows without labels."""

import numpy as np
import pytest
import torch

from mcu_slm.config import AugmentConfig, PretrainConfig
from mcu_slm.train import FloatOps, train_model
from mcu_slm.train.convolutional_teacher import ConvolutionalTeacher
from mcu_slm.train.families import FAMILIES
from mcu_slm.train.labelled import labelled_rows
from mcu_slm.train.loop import reproducible
from mcu_slm.train.pretrain import (
    Reconstruction,
    contrastive_loss,
    hidden_samples,
    pretrain_student,
    pretrain_teacher,
)
from mcu_slm.train.session import open_session
from tests.train.example import (
    Identity,
    cost_of,
    make_dataset,
    make_project,
    make_small_student,
    quiet,
)

pytestmark = pytest.mark.unit
every_kind = pytest.mark.parametrize("kind", ["masked", "contrastive"])
every_family = pytest.mark.parametrize("family", FAMILIES)


def _session(folder, progress=quiet, **pretrain):
    how = PretrainConfig(**({"epochs": 3} | pretrain))
    return open_session(make_dataset(20), Identity(), make_project(pretrain=how), folder, progress)


@pytest.fixture(autouse=True)
def _one_thread():
    with reproducible(1):
        yield


@every_family
@every_kind
def test_the_loss_falls_and_the_answer_stays_untrained(tmp_path, kind, family):
    student = make_small_student(family=family)
    before = {name: value.clone() for name, value in student.named_parameters()}
    events = []
    pretrain_student(_session(tmp_path, events.append, kind=kind, epochs=6), student)
    assert events[-1].loss < 0.9 * events[0].loss
    for name, value in student.named_parameters():
        assert torch.equal(value, before[name]) == name.startswith("answer."), name


def test_labels_change_nothing(tmp_path):
    students = []
    for name in ("a", "b"):
        session, student = _session(tmp_path / name, kind="masked"), make_small_student()
        if name == "b":
            session.train.y.fill_(0)
            session.validation.y.fill_(0)
        pretrain_student(session, student)
        students.append(student.state_dict())
    assert all(torch.equal(students[0][key], students[1][key]) for key in students[0])


def test_an_interrupted_phase_continues_to_the_same_weights(tmp_path):
    whole, broken = make_small_student(), make_small_student()
    pretrain_student(_session(tmp_path / "whole", kind="contrastive"), whole)

    def interrupt(event):
        if event.epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pretrain_student(_session(tmp_path / "broken", interrupt, kind="contrastive"), broken)
    again = make_small_student()
    pretrain_student(_session(tmp_path / "broken", kind="contrastive"), again)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


@every_kind
def test_teachers_are_taught_too(tmp_path, kind):
    torch.manual_seed(0)
    member = ConvolutionalTeacher(3, _session(tmp_path).task.head, width=8, blocks=2)
    before = member.stem.weight.clone()
    pretrain_teacher(_session(tmp_path, kind=kind), "teacher0", member)
    assert not torch.equal(member.stem.weight, before)
    assert (tmp_path / "checkpoints" / "pretrained_teacher0.pt").is_file()


def test_so_much_of_every_window_is_hidden_in_whole_stretches():
    hidden = hidden_samples(50, 128, 0.5, torch.Generator().manual_seed(0))
    assert (hidden.sum(1) == 64).all()
    assert (hidden.reshape(50, 16, 8).float().mean(2) % 1 == 0).all()
    assert len(torch.unique(hidden, dim=0)) > 40
    few = hidden_samples(50, 5, 0.99, torch.Generator().manual_seed(0))
    assert (few.sum(1) == 4).all()


@pytest.mark.parametrize(("tokens", "samples"), [(8, 32), (9, 32), (4, 30), (31, 32)])
def test_every_sample_is_read_from_a_token_near_it(tokens, samples):
    reader = Reconstruction(tokens, 4, samples, 3, 0.5, torch.Generator().manual_seed(0))
    per_token = reader.decoder.out_features // 3
    token = reader.places // per_token
    assert len(reader.places) == samples
    expected = (torch.arange(samples) * tokens / samples).floor()
    assert (token - expected).abs().max() <= 1
    assert len(torch.unique(token)) == tokens


def test_copies_that_agree_and_differ_from_all_others_cost_little():
    views = torch.eye(4).repeat(2, 1)
    assert float(contrastive_loss(views, 0.05)) < 1e-3
    assert float(contrastive_loss(views.roll(1, 0)[:8], 1.0)) == pytest.approx(
        float(contrastive_loss(views, 1.0))
    )
    mixed = torch.cat([torch.eye(4), torch.eye(4).roll(1, 0)])
    assert float(contrastive_loss(mixed, 0.05)) > 10.0


def test_the_recipe_learns_without_labels_first_and_keeps_lineages_apart(tmp_path):
    def phases(**settings):
        events = []
        project = make_project(student_epochs=1, qat_epochs=1, **settings)
        train_model(make_dataset(10), Identity(), project, tmp_path, events.append, cost_of)
        return list(dict.fromkeys(event.phase for event in events))

    masked = PretrainConfig(kind="masked", epochs=1)
    assert phases(pretrain=masked) == [
        *("pretrained_teacher0", "teacher0", "pretrained", "float", "pruned", "quantized")
    ]
    assert phases(pretrain=masked) == []
    # Labels are not looked at, so with fewer of them nothing of this changes.
    few = phases(pretrain=masked, label_fraction=0.5)
    assert few == ["teacher0", "float", "pruned", "quantized"]
    assert phases(label_fraction=0.5) == ["teacher0", "float", "pruned", "quantized"]


def test_copies_need_changes():
    with pytest.raises(ValueError, match=r"contrastive.* needs augment\.enabled = true"):
        make_project(
            pretrain=PretrainConfig(kind="contrastive"), augment=AugmentConfig(enabled=False)
        )


def test_labels_are_kept_by_class_and_from_few_groups():
    y, groups = np.repeat(np.arange(3), 100), np.tile(np.repeat(np.arange(10), 10), 3)
    rows = labelled_rows(y, groups, 0.2, seed=1)
    assert np.bincount(y[rows]).tolist() == [20, 20, 20]
    assert len(set(groups[rows])) == 2
    assert (np.diff(rows) > 0).all()
    assert not np.array_equal(rows, labelled_rows(y, groups, 0.2, seed=2))
    assert np.array_equal(rows, labelled_rows(y, groups, 0.2, seed=1))


def test_every_class_keeps_a_label_and_values_count_as_one_class():
    y = np.array([0] * 50 + [1])
    assert y[labelled_rows(y, np.full(51, ""), 0.01, 1)].tolist() == [0, 1]
    assert len(labelled_rows(np.linspace(0, 1, 40), np.full(40, ""), 0.25, 1)) == 10
    assert len(labelled_rows(np.zeros((40, 8), np.int64), np.full(40, ""), 0.25, 1)) == 10


def test_only_labelled_windows_are_learned_from(tmp_path):
    data = make_dataset(10)
    soft = {"train": np.eye(4, dtype=np.float32)[data.train.y]}
    project = make_project(label_fraction=0.2)
    session = open_session(data, Identity(), project, tmp_path, quiet, soft)
    assert len(session.windows) == 40
    assert torch.bincount(session.train.y).tolist() == [2, 2, 2, 2]
    assert torch.equal(session.soft_labels["train"].argmax(1), session.train.y)


@every_family
def test_answers_are_read_from_the_trunk(family):
    student = make_small_student(family=family).eval()
    x = torch.randn(2, 1, 32, 3)
    tokens = student.trunk(FloatOps(), x)
    assert tokens.shape[:3] == (2, 1, student.tokens)
    answers = student.answer(FloatOps(), tokens, student.tokens)
    assert torch.equal(answers, student.forward(FloatOps(), x))
