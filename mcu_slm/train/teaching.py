"""Who teaches the student: an ensemble trained here, a file of soft labels, or nobody."""

from __future__ import annotations

from dataclasses import asdict

import torch

from mcu_slm.files import sha256_bytes
from mcu_slm.train.checkpoint import fingerprint
from mcu_slm.train.convolutional_teacher import ConvolutionalTeacher
from mcu_slm.train.distillation import Ensemble, Guide, SoftLabels
from mcu_slm.train.families import make_student, parameter_count, sensors_of, shape_of
from mcu_slm.train.family_teacher import FamilyTeacher
from mcu_slm.train.loop import Batch, Schedule
from mcu_slm.train.pretrain import pretrain_teacher
from mcu_slm.train.session import Session
from mcu_slm.train.side_by_side import fit_side_by_side
from mcu_slm.train.spectrogram_teacher import SpectrogramTeacher
from mcu_slm.train.teacher import Teacher


def make_guide(session: Session, lineage: str) -> tuple[Guide | None, str]:
    """Return the student's guide, trained if need be, and the lineage of what learns from it."""
    if not session.project.teacher.enabled:
        return None, lineage
    answers = session.soft_labels.get("train")
    if answers is None:
        # A teacher trained here measures; numbers of symbols tell it nothing.
        if session.symbols or not session.task.taught:
            return None, lineage
        return _train_teachers(session, lineage)
    digest = sha256_bytes(answers.numpy().tobytes())
    return SoftLabels(answers, session.task), fingerprint(lineage, "soft labels", digest)


def judge_guide(session: Session, guide: Guide) -> dict[str, dict[str, float]] | None:
    """Return the metrics of the guide's own answers; None where a file lacks some of them."""
    if isinstance(guide, Ensemble):
        return session.judge(guide.answer)
    splits = session.judged_splits()
    if not set(splits) <= set(session.soft_labels):
        return None
    return session.judge_answers(
        {name: part.counted(session.soft_labels[name]) for name, part in splits.items()}
    )


def guide_parameter_count(guide: Guide | None) -> int:
    """Return how many numbers the teachers trained here have learned."""
    members = guide.members if isinstance(guide, Ensemble) else ()
    return sum(parameter_count(member) for member in members)


def _train_teachers(session: Session, lineage: str) -> tuple[Ensemble, str]:
    """Train the members of the ensemble, from different seeds."""
    settings, train = session.project.teacher, session.project.train
    lineage = fingerprint(lineage, settings.model_dump(), asdict(_schedule(session)))
    open_ones = [
        i
        for i in range(settings.members)
        if not session.is_done(_name(i), lineage, _schedule(session))
    ]
    fit_side_by_side(session, open_ones, lineage, fit_member)
    members = [
        fit_member(session, i, lineage).to(session.processor) for i in range(settings.members)
    ]
    return Ensemble(members, session.task, open=train.matches_inside), lineage


def _name(number: int) -> str:
    """Return the name of a member's phase."""
    return f"teacher{number}"


def _schedule(session: Session) -> Schedule:
    train = session.project.train
    return session.schedule(train.teacher_epochs, train.learning_rate)


def fit_member(session: Session, number: int, lineage: str) -> Teacher:
    """Return a member of the ensemble, trained or from its checkpoint."""
    name = _name(number)
    member = _make_member(session, number)
    member.fit_inputs(session.train.x)
    pretrain_teacher(session, name, member)
    _fit_on_truth(session, name, member, lineage)
    return member


def _make_member(session: Session, number: int) -> Teacher:
    """Return an untrained member; its weights depend on the seed and its number."""
    settings, head, seed = session.project.teacher, session.task.head, session.seed + number
    _, samples, channels = session.train.x.shape
    torch.manual_seed(seed)
    kind = settings.member_kinds[number % len(settings.member_kinds)]
    width, blocks, dropout = settings.width, settings.blocks, settings.dropout
    if kind == "convolutional":
        return ConvolutionalTeacher(channels, head, width=width, blocks=blocks, dropout=dropout)
    if kind == "spectrogram":
        return SpectrogramTeacher(
            *(samples, channels, head),
            frame=settings.frame_samples,
            width=width,
            blocks=blocks,
            dropout=dropout,
        )
    assert settings.model is not None  # the kind says so
    sensors = sensors_of(settings.model, tuple(session.project.data.channels))
    shape = shape_of(settings.model, samples, channels, head, sensors=sensors)
    student = make_student(shape, torch.Generator().manual_seed(seed))
    return FamilyTeacher(student, settings.dropout)


def _fit_on_truth(session: Session, name: str, member: Teacher, lineage: str) -> None:

    def loss(batch: Batch) -> torch.Tensor:
        lesson = session.lesson(batch)
        return session.task.loss(member(lesson.x), lesson.targets)

    session.fit(
        name,
        member,
        schedule=_schedule(session),
        lineage=lineage,
        loss=loss,
        predict=member,
        stream=name,
    )
