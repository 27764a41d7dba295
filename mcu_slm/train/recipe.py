"""The recipe: teacher, student, pruning, quantisation-aware training, in the order they happen.

Every phase keeps its best late epoch on the validation windows; the test windows are looked at
once, at the end.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from mcu_slm.config import ModelConfig, Project
from mcu_slm.errors import ConfigError
from mcu_slm.train.checkpoint import fingerprint
from mcu_slm.train.float_ops import FloatOps
from mcu_slm.train.geometry import choose_patching
from mcu_slm.train.loop import Schedule, Step, reproducible
from mcu_slm.train.losses import Predict, hard_label_loss
from mcu_slm.train.progress import Progress
from mcu_slm.train.prune import importance, prune
from mcu_slm.train.session import DatasetLike, NormalisationLike, Session, open_session
from mcu_slm.train.student import (
    BlockShape,
    Student,
    StudentShape,
    deployed_parameter_count,
    parameter_count,
)
from mcu_slm.train.teacher import Teacher, ensemble_probabilities
from mcu_slm.train.trained import TrainedStudent, save_trained

DISTILLATION_CYCLE = 12
"""The student sees so many differently augmented epochs, then they come again. All its phases share
them, so the teachers answer each batch once."""

OBSERVED_SHARE = 0.7
"""Activation ranges follow the data for this part of quantisation-aware training, then rest."""

RANGE_MOMENTUM = 0.02
CALIBRATION_BATCHES = 8
IMPORTANCE_BATCHES = 16


@dataclass(frozen=True, eq=False)
class TrainResult:
    """What training gives.

    Args:
        trained: The quantised student.
        accuracy: Share of right answers per stage ("teacher", "float", "fake_quant", "int8") and
            split ("validation", "test"). "int8" is what the device answers.
        parameters: Learned numbers of "teacher" (all members), "student" (before pruning) and
            "deployed" (what reaches the device).
        seconds: Time spent per phase, over all sessions.
        checkpoints: The files written.
    """

    trained: TrainedStudent
    accuracy: dict[str, dict[str, float]]
    parameters: dict[str, int]
    seconds: dict[str, float]
    checkpoints: tuple[Path, ...]


def train_model(
    dataset: DatasetLike,
    normalisation: NormalisationLike,
    project: Project,
    run_dir: Path,
    progress: Progress,
) -> TrainResult:
    """Train teacher and student, prune and quantise; continue where an earlier call stopped.

    Raises:
        TrainingError: There is nothing to learn from, or training diverged.
        ConfigError: The model does not fit the windows, or has too many parameters.
    """
    with reproducible(project.train.threads):
        session = open_session(dataset, normalisation, project, Path(run_dir), progress)
        _refuse_too_many_parameters(session)
        teachers, lineage = _train_teachers(session, session.lineage())
        student, lineage = _train_student(session, teachers, lineage)
        before_pruning = parameter_count(student)
        student, lineage = _prune_student(session, student, teachers, lineage)
        # Quantisation goes on from these weights, so the float student is scored now.
        float_accuracy = session.accuracies(_float_predict(student))
        trained = _quantize_student(session, student, teachers, lineage)

        accuracy = {"teacher": session.accuracies(_ensemble_predict(teachers))} if teachers else {}
        accuracy["float"] = float_accuracy
        accuracy["fake_quant"] = session.accuracies(trained.fake_quantized)
        accuracy["int8"] = session.accuracies(_int8_predict(trained))
    parameters = {
        "teacher": sum(parameter_count(teacher) for teacher in teachers),
        "student": before_pruning,
        "deployed": deployed_parameter_count(trained.student),
    }
    summary = {"accuracy": accuracy, "parameters": parameters, "seconds": session.seconds}
    final = save_trained(Path(run_dir), trained, summary)
    phases = tuple(session.store.path(phase) for phase in session.seconds)
    return TrainResult(trained, accuracy, parameters, dict(session.seconds), (*phases, final))


def student_shape(
    model: ModelConfig, window_samples: int, channels: int, classes: int
) -> StudentShape:
    """Return the shape of the student that a project file describes, before pruning."""
    wished = model.attention_window_tokens or window_samples
    patching = choose_patching(
        window_samples, model.patch_samples, model.patch_stride_samples, wished
    )
    windows = [patching.attention_window] * model.blocks
    if model.last_block_global:
        windows[-1] = patching.tokens
    return StudentShape(
        window=window_samples,
        channels=channels,
        classes=classes,
        patching=patching,
        embedding=model.width,
        head_size=model.width // model.heads,
        blocks=tuple(BlockShape(model.heads, model.ffn_width, window) for window in windows),
    )


def kept_per_block(project: Project) -> tuple[int, int]:
    """Return the heads and feed-forward neurons of every block after pruning."""
    wish, model = project.train.prune, project.model
    return wish.heads or model.heads, wish.ffn_width or model.ffn_width


def _shape_of(session: Session) -> StudentShape:
    _, samples, channels = session.train.x.shape
    return student_shape(session.project.model, samples, channels, session.classes)


def _train_teachers(session: Session, lineage: str) -> tuple[list[Teacher], str]:
    """Train the members of the ensemble one after the other, from different seeds."""
    settings, train = session.project.teacher, session.project.train
    if not settings.enabled:
        return [], lineage
    schedule = session.schedule(train.teacher_epochs, train.learning_rate)
    lineage = fingerprint(lineage, settings.model_dump(), asdict(schedule))
    members = []
    for i in range(settings.members):
        torch.manual_seed(session.seed + i)
        member = Teacher(
            session.train.x.shape[2],
            session.classes,
            width=settings.width,
            blocks=settings.blocks,
            dropout=settings.dropout,
        )
        _fit_teacher(session, f"teacher{i}", member, schedule, lineage)
        members.append(member)
    return members, lineage


def _fit_teacher(
    session: Session, name: str, member: Teacher, schedule: Schedule, lineage: str
) -> None:
    """Train one member on the labels."""

    def loss(x: torch.Tensor, y: torch.Tensor, step: Step) -> torch.Tensor:
        x, targets = session.augmented(x, y, step)
        return hard_label_loss(member(x), targets)

    session.fit(
        name,
        member,
        schedule=schedule,
        lineage=lineage,
        loss=loss,
        predict=member,
        stream=name,
    )


def _train_student(session: Session, teachers: list[Teacher], lineage: str) -> tuple[Student, str]:
    """Train the float student on the labels and the teachers' answers."""
    train, shape = session.project.train, _shape_of(session)
    schedule = session.schedule(train.student_epochs, train.learning_rate)
    distillation = (train.temperature, train.distillation_weight, DISTILLATION_CYCLE)
    lineage = fingerprint(lineage, shape.to_json(), asdict(schedule), distillation)
    student = Student(shape, torch.Generator().manual_seed(session.seed))
    _fit_student(session, "float", student, teachers, schedule=schedule, lineage=lineage)
    return student, lineage


def _fit_student(
    session: Session,
    name: str,
    student: Student,
    teachers: list[Teacher],
    *,
    schedule: Schedule,
    lineage: str,
) -> None:
    """Train a float student, with batch statistics in its normalisation."""
    ops = FloatOps(learn_statistics=True)

    def loss(x: torch.Tensor, y: torch.Tensor, step: Step) -> torch.Tensor:
        x, targets = session.augmented(x, y, step)
        logits = student.forward(ops, x.unsqueeze(1))
        return session.student_loss(logits, x, targets, teachers, step.batch)

    session.fit(
        name,
        student,
        schedule=schedule,
        lineage=lineage,
        loss=loss,
        predict=_float_predict(student),
        stream="student",
        cycle=DISTILLATION_CYCLE,
    )


def _prune_student(
    session: Session, student: Student, teachers: list[Teacher], lineage: str
) -> tuple[Student, str]:
    """Remove the least important heads and neurons of every block and let the rest recover."""
    heads, ffn = kept_per_block(session.project)
    if all(block.heads <= heads and block.ffn <= ffn for block in student.shape.blocks):
        return student, lineage

    def loss(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        logits = student.forward(FloatOps(), x.unsqueeze(1))
        return session.student_loss(logits, x, session.targets(y), teachers)

    scores = importance(student, session.first_batches(IMPORTANCE_BATCHES), loss)
    pruned = prune(student, scores, heads=heads, ffn=ffn)
    train = session.project.train
    # The full rate again: what is left learns better than with the small rate of the end.
    # Source: Renda, Frankle, Carbin: Comparing Rewinding and Fine-tuning in Neural Network Pruning.
    schedule = session.schedule(train.prune.epochs, train.learning_rate)
    lineage = fingerprint(lineage, heads, ffn, asdict(schedule))
    _fit_student(session, "pruned", pruned, teachers, schedule=schedule, lineage=lineage)
    return pruned, lineage


def _quantize_student(
    session: Session, student: Student, teachers: list[Teacher], lineage: str
) -> TrainedStudent:
    """Find the activation ranges, then train with every tensor on its int8 grid."""
    train = session.project.train
    schedule = session.schedule(train.qat_epochs, train.qat_learning_rate)
    lineage = fingerprint(lineage, asdict(schedule), OBSERVED_SHARE, RANGE_MOMENTUM)
    trained = TrainedStudent(student)
    with torch.no_grad():
        for x, _ in session.first_batches(CALIBRATION_BATCHES):
            trained.fake_quantized(x, observe=True)

    def loss(x: torch.Tensor, y: torch.Tensor, step: Step) -> torch.Tensor:
        x, targets = session.augmented(x, y, step)
        observe = step.elapsed < OBSERVED_SHARE
        logits = trained.fake_quantized(x, observe=observe, momentum=RANGE_MOMENTUM)
        return session.student_loss(logits, x, targets, teachers, step.batch)

    session.fit(
        "quantized",
        trained,
        schedule=schedule,
        lineage=lineage,
        loss=loss,
        predict=trained.fake_quantized,
        stream="student",
        cycle=DISTILLATION_CYCLE,
    )
    return trained


def _refuse_too_many_parameters(session: Session) -> None:
    """Check the size that will be left after pruning, before any time is spent on training."""
    model, heads_and_ffn = session.project.model, kept_per_block(session.project)
    shape = _shape_of(session)
    blocks = tuple(BlockShape(*heads_and_ffn, block.attention_window) for block in shape.blocks)
    count = deployed_parameter_count(Student(replace(shape, blocks=blocks)))
    if model.max_parameters is not None and count > model.max_parameters:
        raise ConfigError(
            "[model] max_parameters",
            f"the student has {count:,} parameters",
            f"at most {model.max_parameters:,}",
            "Lower width, blocks or ffn_width, or prune more.",
            parameters=count,
        )


def _float_predict(student: Student) -> Predict:
    return lambda x: student.forward(FloatOps(), x.unsqueeze(1))


def _ensemble_predict(teachers: list[Teacher]) -> Predict:
    # The logarithm of the mean probability is the ensemble's logit.
    return lambda x: ensemble_probabilities(teachers, x, 1.0).clamp_min(1e-12).log()


def _int8_predict(trained: TrainedStudent) -> Predict:
    # Accuracy needs only the order of the logits, so codes do.
    return lambda x: torch.from_numpy(trained.predict_int8(x.numpy())).float()
