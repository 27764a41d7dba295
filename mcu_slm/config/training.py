"""`[teacher]` and `[train]`: the teacher, and how it and the student are trained."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, Strict, model_validator

from mcu_slm.config.base import (
    Count,
    Names,
    PathPattern,
    Positive,
    Probability,
    Section,
    Share,
    Size,
    Small,
)
from mcu_slm.config.models import ModelConfig

TeacherKind = Literal["convolutional", "spectrogram", "model"]
AxisTriple = Annotated[Names, Field(min_length=3, max_length=3)]


class TeacherConfig(Section):
    """`[teacher]`: the larger float networks from which the student learns."""

    enabled: bool = True
    """Whether there is a teacher; without one the student learns from the labels alone."""
    soft_labels: PathPattern | None = None
    """File of somebody else's answers to the windows, .npz or .parquet, in place of a teacher
    trained here: `mcu-slm windows PROJECT --export FILE.npz` writes what is to be answered."""
    members: Annotated[int, Field(ge=1, le=16)] = 2
    """Networks, trained from different seeds, that answer together."""
    kinds: Annotated[tuple[TeacherKind, ...], Strict(False)] = ()
    """What members are, in turn: "convolutional", convolutions and self-attention; "spectrogram",
    convolutions over the logarithm of a spectrogram; or "model", the network of [teacher.model]. By
    default all are the latter where there is one, else convolutional. A kind may be named twice."""
    model: ModelConfig | None = None
    """A larger network of a student's family, in float; `width` and `blocks` are not its."""
    width: Annotated[int, Field(ge=4, le=1024, multiple_of=4)] = 64
    """Channels of the convolutions, and of the attention layer, which has four heads."""
    blocks: Small = 6
    """Convolution blocks."""
    frame_samples: Annotated[int, Field(ge=4, le=4096)] = 32
    """Samples of one spectrum of a spectrogram; the next one begins a quarter of that later."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Share of activations dropped in training."""

    @property
    def member_kinds(self) -> tuple[TeacherKind, ...]:
        """What members are, in turn."""
        return self.kinds or ("convolutional" if self.model is None else "model",)

    @model_validator(mode="after")
    def _kinds_have_a_model(self) -> Self:
        if ("model" in self.member_kinds) != (self.model is not None):
            raise ValueError('kinds names "model" if and only if there is a [teacher.model]')
        return self

    @model_validator(mode="after")
    def _soft_labels_are_npz_or_parquet(self) -> Self:
        if self.soft_labels and not self.soft_labels.endswith((".npz", ".parquet")):
            raise ValueError(f"soft_labels = {self.soft_labels!r} is neither .npz nor .parquet")
        return self


class PruneConfig(Section):
    """`[train.prune]`: heads, neurons, channels and blocks go until `[budget]` holds."""

    keep_instructions: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the student's instructions per inference that stays, whatever the budget allows."""
    epochs: Size = 10
    """Epochs of fine-tuning after pruning."""


class PretrainConfig(Section):
    """`[train.pretrain]`: what teacher and student learn from windows without their labels."""

    kind: Literal["none", "masked", "contrastive"] = "none"
    """masked: fill in what was hidden of a window; contrastive: tell two changed copies of a window
    from those of other windows."""
    epochs: Size = 30
    """Epochs over all training windows, labelled or not."""
    mask_fraction: Share = 0.5
    """Share of a window that is hidden (masked)."""
    temperature: Positive = 0.2
    """Softness of the comparison (contrastive): the smaller, the more the likest windows count."""


class AugmentConfig(Section):
    """`[train.augment]`: random changes of training windows; each is off at 0.

    Units: a channel's standard deviation is that over the training windows, 1 after normalisation.
    """

    enabled: bool = True
    """Whether to change windows at all; false switches all keys below off."""
    time_warp: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Largest change of the local speed, as a share: 0.1 for up to 10 % faster or slower. The
    window's ends stay."""
    crop_fraction: Probability = 0.0
    """Smallest share of a window that is kept and stretched to the full length; 0 for all of it."""
    rotation_degrees: Annotated[float, Field(ge=0, le=180)] = 0.0
    """Largest angle, in degrees, by which a window's rotation_groups turn together about a random
    axis: the sensor sits differently on its body."""
    rotation_groups: Annotated[tuple[AxisTriple, ...], Strict(False)] = ()
    """Groups of three channels, the x, y and z axis of one sensor in the same unit, in which they
    turn in the channels' own units: [["acc_x", "acc_y", "acc_z"], ...]."""
    response_std: Annotated[float, Field(ge=0, le=2)] = 0.0
    """How much stronger or weaker frequencies come through, as in another machine or mounting:
    standard deviation of the natural logarithm of their gain, without unit."""
    scale_std: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Standard deviation of a random gain per channel, as a share of the value."""
    offset_std: Annotated[float, Field(ge=0, le=10)] = 0.1
    """Standard deviation of a random offset per channel (another mounting, tilt or person), in the
    channel's standard deviations."""
    noise_std: Annotated[float, Field(ge=0, le=10)] = 0.05
    """Standard deviation of noise added to each value (jitter), in the channel's standard
    deviations."""
    shift_samples: Size = 0
    """Largest random shift in time, in samples."""
    mask_samples: Size = 0
    """Longest stretch set to the channels' means, in samples."""
    start_samples: Size = 0
    """Longest beginning of a window, in samples, that repeats the sample behind it, as if the
    recording had begun there (pad_start)."""
    channel_drop: Probability = 0.0
    """Probability that a channel is set to its mean; one channel of a window always stays."""
    mixup_alpha: Annotated[float, Field(ge=0, le=10)] = 0.3
    """Windows and labels are mixed in pairs, with a share from Beta(alpha, alpha), a number without
    unit; 0 for never."""

    @model_validator(mode="after")
    def _groups_are_disjoint_and_used(self) -> Self:
        names = [name for group in self.rotation_groups for name in group]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"rotation_groups names {', '.join(map(repr, twice))} twice")
        if self.rotation_degrees and not names:
            raise ValueError("rotation_degrees needs the key rotation_groups")
        return self


class TrainConfig(Section):
    """`[train]`: epochs, rates and the path from float to int8."""

    teacher_epochs: Size = 20
    """Epochs of the teacher."""
    student_epochs: Size = 60
    """Epochs of the float student."""
    qat_epochs: Size = 8
    """Epochs of quantisation-aware training."""
    batch_size: Count = 64
    """Windows per step."""
    learning_rate: Positive = 3e-3
    """Peak rate of teacher and student, also after pruning."""
    qat_learning_rate: Positive = 5e-4
    """Peak rate of quantisation-aware training."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    """Decoupled weight decay."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of the pooled features that the float student does without in each step."""
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of each label spread over all classes."""
    temperature: Positive = 2.0
    """Softness of the teacher's answers in distillation."""
    distillation_weight: Probability = 0.7
    """Share of the loss that comes from the teacher."""
    distillation_schedule: Literal["constant", "falling", "rising"] = "constant"
    """How that share changes over a phase: not at all, from it to 0, or from 0 to it."""
    feature_weight: Annotated[float, Field(ge=0)] = 0.0
    """Weight of a loss that draws the student's pooled features to the teacher's; 0 for none."""
    attention_weight: Annotated[float, Field(ge=0)] = 0.0
    """Weight of a loss that draws the student's pooling over time to the teacher's; 0 for none."""
    learn_from_validation: bool = False
    """For the final model, once all settings are chosen: learn from the validation windows too, and
    keep the last epoch of every phase, as there is nothing left to choose by."""
    label_fraction: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the training windows whose labels are used, for experiments: of each class so many,
    and from as few groups as there are enough in. Pretraining sees the other windows too."""
    ablation: bool = False
    """Whether to train the student without its teacher too, and to judge int8 before
    quantisation-aware training: the report then says what each step is worth."""
    threads: Count = 1
    """CPU threads at most. Only runs with the same number give the same weights, and networks this
    small gain little from more."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where networks learn; "auto" is a GPU that PyTorch can use by CUDA or ROCm, and the CPU where
    there is none. Each kind of processor rounds in its own way, so that weights differ."""
    pretrain: PretrainConfig = PretrainConfig()
    """Learning from windows without labels, before all else."""
    processes: Size = 0
    """Teachers trained at the same time, each in a process of its own; 0 for as many as there are
    cores. It changes no result."""
    prune: PruneConfig = PruneConfig()
    """What is left after pruning."""
    augment: AugmentConfig = AugmentConfig()
    """Random changes of training windows."""

    @model_validator(mode="after")
    def _copies_of_windows_differ(self) -> Self:
        if self.pretrain.kind == "contrastive" and not self.augment.enabled:
            raise ValueError('pretrain.kind = "contrastive" needs augment.enabled = true')
        return self

    @property
    def matches_inside(self) -> bool:
        """Whether the student learns from the teacher's inside too."""
        return self.feature_weight > 0 or self.attention_weight > 0
