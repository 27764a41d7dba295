"""The project file as a whole, with its small sections and the checks across sections."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, PrivateAttr, model_validator

from mcu_slm.config.base import Count, Name, Section, Size
from mcu_slm.config.data import DataConfig
from mcu_slm.config.models import ModelConfig, TransformerModel
from mcu_slm.config.task import ClassificationTask, TaskConfig, require_data_for_task
from mcu_slm.config.training import TeacherConfig, TrainConfig


class ProjectConfig(Section):
    """`[project]`: its name and seed."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,47}$")]
    """Name of the project: letters, digits, `_` and `-`; the firmware is called so."""
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 1
    """Seed of splits, training and test vectors."""


class BoardConfig(Section):
    """`[board]`: the board that the firmware is for."""

    name: Name
    """Name of a board file, such as nucleo_f446re."""


class CompileConfig(Section):
    """`[compile]`: how the model becomes C."""

    kernels: Literal["auto", "portable", "dsp"] = "auto"
    """Kernel family; auto takes dsp where the core has DSP instructions, else portable."""
    optimize: Literal["speed", "size", "ram"] = "speed"
    """What the generated code is to save: instructions, flash or working memory."""
    without: tuple[str, ...] = ()
    """Compiler passes to leave out."""


class FirmwareConfig(Section):
    """`[firmware]`: where the firmware's windows come from."""

    sensor: Literal[
        "replay", "stream", "adc", "lsm6dso", "ism330dhcx", "lsm6dsl", "lis3dh", "mpu6050"
    ] = "replay"
    """What is sampled: replay plays the known inputs, stream takes raw counts from the host, adc
    reads analog inputs, the others are accelerometers. The board file says where it is connected.
    """
    range_g: Literal[2, 4, 8, 16] = 4
    """Range of an accelerometer, in g: that of the recordings."""
    bus: Literal["", "i2c", "spi"] = ""
    """Bus of an accelerometer; by default the one that the board has, i2c where it has both."""
    hop_samples: Count | None = None
    """Samples from one window's start to the next; by default that of the data."""

    @model_validator(mode="after")
    def _no_range_without_meaning(self) -> Self:
        for name in ("range_g", "bus"):
            if name in self.model_fields_set and self.sensor in ("replay", "stream", "adc"):
                raise ValueError(f'{name} means nothing for sensor = "{self.sensor}"')
        if self.hop_samples is not None and self.sensor == "replay":
            raise ValueError('hop_samples means nothing for sensor = "replay"')
        return self


class BudgetConfig(Section):
    """`[budget]`: limits of the model; those left out are the board's."""

    flash_bytes: Count | None = None
    """Flash for weights and code of the model."""
    ram_bytes: Count | None = None
    """RAM for the model's arena and state."""
    instructions: Count | None = None
    """Instructions per inference."""
    cycles: Annotated[int, Field(gt=0)] | None = None
    """Core cycles per inference."""


class VerifyConfig(Section):
    """`[verify]`: how many windows each leg of the proof runs."""

    sim_windows: Count = 32
    """Test windows through the firmware on the board simulator; all go through the other legs."""
    random_windows: Size = 64
    """Random and extreme inputs in addition, on every leg."""


class Project(Section):
    """A project file: `mcu_slm.toml`."""

    project: ProjectConfig
    """Name and seed."""
    data: DataConfig
    """Where the recordings come from, and how they are cut and split."""
    task: TaskConfig = ClassificationTask()
    """What the model answers."""
    model: ModelConfig = TransformerModel()
    """The student."""
    teacher: TeacherConfig = TeacherConfig()
    """The teacher."""
    train: TrainConfig = TrainConfig()
    """How both are trained."""
    board: BoardConfig
    """The board."""
    compile: CompileConfig = CompileConfig()
    """How the model becomes C."""
    firmware: FirmwareConfig = FirmwareConfig()
    """Where the firmware's windows come from."""
    budget: BudgetConfig = BudgetConfig()
    """Limits of the model."""
    verify: VerifyConfig = VerifyConfig()
    """How many windows the proof runs."""

    _path: Path = PrivateAttr(default=Path("mcu_slm.toml"))

    @property
    def path(self) -> Path:
        """The file that this project was read from."""
        return self._path

    @property
    def directory(self) -> Path:
        """The folder of the project file, to which its paths are relative."""
        return self._path.parent

    @model_validator(mode="after")
    def _data_fit_task(self) -> Self:
        require_data_for_task(self.task, self.data)
        return self

    def fast(self) -> Project:
        """Return the same project with at most so many epochs and teachers that it is soon done."""
        most = {"teacher_epochs": 4, "student_epochs": 12, "qat_epochs": 2}
        epochs = {key: min(count, getattr(self.train, key)) for key, count in most.items()}
        prune = {"epochs": min(3, self.train.prune.epochs)}
        train = {**epochs, "prune": self.train.prune.model_copy(update=prune)}
        sections = {
            "train": self.train.model_copy(update=train),
            "teacher": self.teacher.model_copy(update={"members": 1}),
            "verify": self.verify.model_copy(
                update={"sim_windows": min(8, self.verify.sim_windows)}
            ),
        }
        return self.model_copy(update=sections)

    @model_validator(mode="after")
    def _inside_of_teacher_is_there(self) -> Self:
        if self.train.matches_inside and (self.teacher.soft_labels or not self.teacher.enabled):
            raise ValueError(
                "train.feature_weight and train.attention_weight need a teacher trained here; set "
                "them to 0, or teacher.enabled = true without teacher.soft_labels"
            )
        return self

    @model_validator(mode="after")
    def _only_convolutional_teachers_show_their_inside(self) -> Self:
        if self.train.matches_inside and set(self.teacher.member_kinds) != {"convolutional"}:
            raise ValueError(
                "train.feature_weight and train.attention_weight need convolutional teachers; set "
                "them to 0, or leave teacher.kinds and [teacher.model] out"
            )
        return self

    @model_validator(mode="after")
    def _model_that_teaches_fits_the_windows(self) -> Self:
        model = self.teacher.model
        if model is None:
            return self
        model.require_window(self.data.window_samples)
        return self

    @model_validator(mode="after")
    def _anomalies_have_score_and_threshold(self) -> Self:
        if self.task.kind != "anomaly":
            return self
        if self.model.family != "token-lm":
            raise ValueError(
                'task.kind = "anomaly" needs model.family = "token-lm", whose surprise is the '
                f'score; "{self.model.family}" has none'
            )
        if self.train.learn_from_validation:
            raise ValueError(
                "train.learn_from_validation = true leaves no windows that the threshold of "
                'task.kind = "anomaly" can be set by; set it to false'
            )
        return self

    @model_validator(mode="after")
    def _soft_labels_fit_task(self) -> Self:
        if self.teacher.soft_labels and self.task.kind not in ("classification", "regression"):
            raise ValueError(
                'teacher.soft_labels needs task.kind = "classification" or "regression", found '
                f'"{self.task.kind}"'
            )
        return self

    @model_validator(mode="after")
    def _tokens_fit_windows(self) -> Self:
        self.model.require_window(self.data.window_samples)
        return self

    @model_validator(mode="after")
    def _events_stay_in_place(self) -> Self:
        how = self.train.augment
        for key in ("shift_samples", "time_warp", "crop_fraction"):
            if self.task.kind == "events" and how.enabled and getattr(how, key):
                raise ValueError(
                    f"train.augment.{key} moves samples away from their labels: leave it out for "
                    'task.kind = "events"'
                )
        return self

    @model_validator(mode="after")
    def _rotation_groups_are_sensors(self) -> Self:
        channels = self.data.channels
        units = dict(zip(channels, self.data.channel_units, strict=True))
        for group in self.train.augment.rotation_groups:
            shown = ", ".join(group)
            unknown = [name for name in group if name not in units]
            if unknown:
                raise ValueError(
                    f"train.augment.rotation_groups: group {shown} names "
                    f"{', '.join(map(repr, unknown))}, expected names of data.channels: "
                    f"{', '.join(channels)}"
                )
            if len({units[name] for name in group}) > 1:
                raise ValueError(
                    f"train.augment.rotation_groups: group {shown} is in "
                    f"{', '.join(units[name] for name in group)}, expected one unit"
                )
        return self
