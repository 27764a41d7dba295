"""The recipe: teacher, student, pruning, quantisation-aware training, in the order they happen.

Every phase keeps its best late epoch on the validation windows; the test windows are looked at
once, at the end.
"""

from __future__ import annotations

import copy
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import nn

from mcu_slm.config import Project
from mcu_slm.errors import ConfigError
from mcu_slm.train.backends import FakeQuantized, FloatOps, recorded
from mcu_slm.train.checkpoint import fingerprint
from mcu_slm.train.distillation import Guide
from mcu_slm.train.families import (
    MATCHED,
    Shape,
    Student,
    deployed_parameter_count,
    make_student,
    parameter_count,
    sensors_of,
    shape_of,
)
from mcu_slm.train.loop import Batch, Schedule, reproducible
from mcu_slm.train.matching import make_matching
from mcu_slm.train.pretrain import pretrain_student
from mcu_slm.train.progress import Progress
from mcu_slm.train.prune import CostOf, Limits, Removal, prune_to
from mcu_slm.train.session import (
    DatasetLike,
    NormalisationLike,
    Predict,
    Session,
    SoftLabelsLike,
    open_session,
)
from mcu_slm.train.stages import Stages
from mcu_slm.train.teaching import guide_parameter_count, make_guide
from mcu_slm.train.tensorboard import logged
from mcu_slm.train.trained import TrainedStudent, save_trained

DISTILLATION_CYCLE = 12
"""The student sees so many differently augmented epochs, then they come again. All its phases share
them, so the teachers answer each batch once."""

OBSERVED_SHARE = 0.7
"""Activation ranges follow the data for this part of quantisation-aware training, then rest."""

RANGE_MOMENTUM = 0.02
CALIBRATION_BATCHES = 8
IMPORTANCE_BATCHES = 8


@dataclass(frozen=True, eq=False)
class TrainResult:
    """What training gives.

    Args:
        trained: The quantised student.
        main_metric: The metric that decides: accuracy of a classification, for example.
        metrics: Results per stage ("teacher", "float", "pruned", "fake_quant", "int8"; with
            ablation also "labels_only", the float student without a guide, and "int8_untrained",
            int8 before quantisation-aware training), split ("validation", "test") and name. "int8"
            is what the device answers.
        costs: Parameters, and predicted costs on the board, per stage.
        parameters: Learned numbers of "teacher" (all members), "student" (before pruning) and
            "deployed" (what reaches the device).
        removals: What was pruned, step by step.
        seconds: Time spent per phase, over all sessions.
        checkpoints: The files written.
    """

    trained: TrainedStudent
    main_metric: str
    metrics: dict[str, dict[str, dict[str, float]]]
    costs: dict[str, dict[str, int]]
    parameters: dict[str, int]
    removals: tuple[Removal, ...]
    seconds: dict[str, float]
    checkpoints: tuple[Path, ...]


def train_model(
    dataset: DatasetLike,
    normalisation: NormalisationLike,
    project: Project,
    run_dir: Path,
    progress: Progress,
    cost_of: CostOf,
    soft_labels: SoftLabelsLike | None = None,
) -> TrainResult:
    """Train teacher and student, prune and quantise; continue where an earlier call stopped.

    `cost_of` tells what a student costs on the board. `soft_labels` take the teacher's place.

    Raises:
        TrainingError: There is nothing to learn from, or training diverged.
        ConfigError: The model does not fit the windows, or has too many parameters.
        BudgetError: Pruning cannot make the student fit.
    """
    with reproducible(project.train.threads):
        progress = logged(progress, Path(run_dir))
        session = open_session(
            dataset, normalisation, project, Path(run_dir), progress, soft_labels
        )
        _refuse_too_many_parameters(session)
        stages = Stages(session, cost_of)
        guide, lineage = make_guide(session, session.lineage())
        stages.judge_guide(guide)
        student, lineage = _train_student(session, guide, lineage, stages)
        before_pruning = parameter_count(student)
        student, removals, lineage = _prune_student(session, student, guide, lineage, cost_of)
        if removals:
            stages.judge("pruned", student, _float_predict(student))
        trained = _quantize_student(session, student, guide, lineage, stages)
        trained.counts = normalisation.counts
        stages.judge("fake_quant", student, trained.fake_quantized)
        stages.judge("int8", student, _int8_predict(trained))
    parameters = {
        "teacher": guide_parameter_count(guide),
        "student": before_pruning,
        "deployed": deployed_parameter_count(trained.student),
    }
    summary = {"metrics": stages.metrics, "parameters": parameters, "seconds": session.seconds}
    final = save_trained(Path(run_dir), trained, summary)
    phases = tuple(session.store.path(phase) for phase in session.seconds)
    return TrainResult(
        trained,
        session.task.main_metric,
        stages.metrics,
        stages.costs,
        parameters,
        tuple(removals),
        dict(session.seconds),
        (*phases, final),
    )


def _shape_of(session: Session) -> Shape:
    _, samples, channels = session.train.x.shape
    head = session.task.head
    model = session.project.model
    sensors = sensors_of(model, tuple(session.project.data.channels))
    return shape_of(model, samples, channels, head, symbols=session.symbols, sensors=sensors)


def _train_student(
    session: Session, guide: Guide | None, lineage: str, stages: Stages
) -> tuple[Student, str]:
    """Train the float student on the truth and its guide's answers."""
    train, shape = session.project.train, _shape_of(session)
    schedule = session.schedule(train.student_epochs, train.learning_rate)
    distillation = (
        *(train.temperature, train.distillation_weight, train.distillation_schedule),
        *(train.feature_weight, train.attention_weight, DISTILLATION_CYCLE, train.dropout),
    )
    lineage = fingerprint(lineage, shape.to_json(), asdict(schedule), distillation)
    student = make_student(shape, torch.Generator().manual_seed(session.seed))
    student.fit_inputs(session.train.x)
    pretrain_student(session, student)
    if train.ablation and guide is not None:
        alone, known = copy.deepcopy(student), (shape.to_json(), asdict(schedule))
        own = fingerprint(session.lineage(), *known, DISTILLATION_CYCLE, train.dropout)
        _fit_student(session, "labels_only", alone, None, schedule=schedule, lineage=own)
        stages.judge("labels_only", alone, _float_predict(alone))
    _fit_student(session, "float", student, guide, schedule=schedule, lineage=lineage)
    stages.judge("float", student, _float_predict(student))
    return student, lineage


def _fit_student(
    session: Session,
    name: str,
    student: Student,
    guide: Guide | None,
    *,
    schedule: Schedule,
    lineage: str,
) -> None:
    """Train a float student, with batch statistics in its normalisation."""
    matching = make_matching(student, guide, session.project.train, session.seed)
    seen: dict[str, torch.Tensor] = {}
    learning = FloatOps(learn_statistics=True, dropout=session.project.train.dropout)
    ops = recorded(learning, MATCHED, seen)

    def loss(batch: Batch) -> torch.Tensor:
        lesson = session.lesson(batch)
        answers = student.forward(ops, lesson.x.unsqueeze(1))
        found = session.student_loss(answers, lesson, guide)
        return found if matching is None else found + matching(seen, lesson)

    session.fit(
        name,
        student if matching is None else nn.ModuleList([student, matching]),
        schedule=schedule,
        lineage=lineage,
        loss=loss,
        predict=_float_predict(student),
        stream="student",
        cycle=DISTILLATION_CYCLE,
    )


def _prune_student(
    session: Session, student: Student, guide: Guide | None, lineage: str, cost_of: CostOf
) -> tuple[Student, list[Removal], str]:
    """Remove what the budget has no room for, and let the rest recover."""
    train = session.project.train
    limits = _limits(session.project, student, cost_of)
    if limits == Limits():
        return student, [], lineage

    def loss(candidate: Student, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return session.task.loss(_float_predict(candidate)(x), session.task.targets(y))

    batches = session.first_batches(IMPORTANCE_BATCHES)
    pruned, removals = prune_to(student, batches, loss, cost_of, limits)
    if not removals:
        return student, [], lineage
    # The full rate again: what is left learns better than with the small rate of the end.
    # Source: Renda, Frankle, Carbin: Comparing Rewinding and Fine-tuning in Neural Network Pruning.
    schedule = session.schedule(train.prune.epochs, train.learning_rate)
    lineage = fingerprint(lineage, pruned.shape.to_json(), asdict(schedule))
    _fit_student(session, "pruned", pruned, guide, schedule=schedule, lineage=lineage)
    return pruned, removals, lineage


def _limits(project: Project, student: Student, cost_of: CostOf) -> Limits:
    """Return the limits of the project file: its budget, and the share that pruning keeps."""
    budget, kept = project.budget, project.train.prune.keep_instructions
    instructions = budget.instructions
    if kept < 1.0:
        share = int(cost_of(student).instructions * kept)
        instructions = share if instructions is None else min(share, instructions)
    return Limits(instructions, budget.cycles, budget.flash_bytes, budget.ram_bytes)


def _quantize_student(
    session: Session, student: Student, guide: Guide | None, lineage: str, stages: Stages
) -> TrainedStudent:
    """Find the activation ranges, then train with every tensor on its int8 grid."""
    train = session.project.train
    schedule = session.schedule(train.qat_epochs, train.qat_learning_rate)
    lineage = fingerprint(lineage, asdict(schedule), OBSERVED_SHARE, RANGE_MOMENTUM)
    trained = TrainedStudent(student)
    with torch.no_grad():
        for x, _ in session.first_batches(CALIBRATION_BATCHES):
            trained.fake_quantized(x, observe=True)
    if train.ablation:
        stages.judge("int8_untrained", student, _int8_predict(trained))

    matching = make_matching(student, guide, train, session.seed)
    seen: dict[str, FakeQuantized] = {}

    def loss(batch: Batch) -> torch.Tensor:
        lesson = session.lesson(batch)
        observe = batch.elapsed < OBSERVED_SHARE
        answers = trained.fake_quantized(
            lesson.x, observe=observe, momentum=RANGE_MOMENTUM, seen=seen
        )
        found = session.student_loss(answers, lesson, guide)
        return found if matching is None else found + matching(seen, lesson)

    session.fit(
        "quantized",
        trained if matching is None else nn.ModuleList([trained, matching]),
        schedule=schedule,
        lineage=lineage,
        loss=loss,
        predict=trained.fake_quantized,
        stream="student",
        cycle=DISTILLATION_CYCLE,
    )
    return trained


def _refuse_too_many_parameters(session: Session) -> None:
    """Check the size before any time is spent on training, where nothing will be pruned."""
    limit = session.project.model.max_parameters
    count = deployed_parameter_count(make_student(_shape_of(session)))
    if limit is not None and count > limit:
        raise ConfigError(
            "[model] max_parameters",
            f"the student has {count:,} parameters",
            f"at most {limit:,}",
            "Lower the sizes in [model].",
            parameters=count,
        )


def _float_predict(student: Student) -> Predict:
    return lambda x: student.forward(FloatOps(), x.unsqueeze(1))


def _int8_predict(trained: TrainedStudent) -> Predict:
    return lambda x: trained.answer(x.numpy())
