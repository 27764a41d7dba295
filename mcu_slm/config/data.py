"""`[data]`: where recordings come from, how they are cut into windows and how they are split.

One model per `format`, so that a key that means nothing for a format is an error, not a silent
no-op.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mcu_slm.config.base import (
    Count,
    Labels,
    Name,
    Names,
    PathPattern,
    PathPatterns,
    Positive,
    Scales,
    Section,
    Share,
    Size,
)


class FileOrigin(Section):
    """Where the label or group of a recording is written: exactly one of the three."""

    column: Name | None = None
    """Column with one value per sample. A recording is cut where its group changes, and where its
    label does when the task is a class per window."""
    file_name: str | None = None
    """Regular expression with one group, searched in the file's path relative to the project."""
    folder: Annotated[int, Field(ge=1, le=8)] | None = None
    """Name of a folder above the file: 1 is the file's own folder, 2 the one above."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [key for key in ("column", "file_name", "folder") if getattr(self, key) is not None]
        if len(given) != 1:
            raise ValueError(
                f"expected exactly one of column, file_name, folder, found {len(given)}"
            )
        if self.file_name is not None:
            try:
                groups = re.compile(self.file_name).groups
            except (re.error, RecursionError, OverflowError) as error:
                raise ValueError(f"file_name is not a regular expression: {error}") from None
            if groups != 1:
                raise ValueError(
                    f"file_name needs one pair of capturing parentheses, found {groups}"
                )
        return self


class ArraySet(Section):
    """Names of the arrays of one split in an `.npz` file."""

    windows: Name
    """Array [n, T, C] of windows (or [n, C, T] with channels_first)."""
    labels: Name | None = None
    """Array [n] of labels, or [n, T] of a label per sample."""
    target: Name | None = None
    """Array [n] of targets at the end of each row, or [n, T] of a target per sample; instead of
    labels (regression)."""
    target_countdown: bool = False
    """Whether the target is the number of samples left until the end of each row (regression)."""
    groups: Name | None = None
    """Array [n] of groups: the subject, machine or run of each window."""

    @model_validator(mode="after")
    def _one_truth(self) -> Self:
        _require_one_truth(self, "labels")
        return self


class SplitConfig(Section):
    """`[data.split]`: which windows train, validate and test."""

    kind: Literal["official", "by_group", "by_time", "random", "probation"]
    """official: as the source says; by_group: no group in two splits; by_time: blocks of time;
    random: recordings, or windows that do not overlap, drawn at random; probation: the beginning of
    each recording trains, the rest is the test."""
    test_fraction: Share = 0.2
    """Share of the windows for the test (by_group, by_time, random)."""
    validation_fraction: Share = 0.15
    """Share of the training windows that is set aside for validation; never taken from the test."""
    validation_blocks: Count = 1
    """Where blocks of time are set aside for validation: in how many places. One is the end of each
    recording; with more, validation sees the levels and seasons that training sees."""
    test_groups: Labels = ()
    """Groups of the test, instead of test_fraction (by_group)."""
    validation_groups: Labels = ()
    """Groups of the validation, instead of validation_fraction."""
    force_random: bool = False
    """Allow a random split of overlapping windows; both numbers are then reported."""
    probation_fraction: Share = 0.15
    """Share of each recording, from its beginning, that trains (probation)."""

    @model_validator(mode="after")
    def _no_key_without_meaning(self) -> Self:
        kinds = {
            "test_fraction": ("by_group", "by_time", "random"),
            "test_groups": ("by_group",),
            "validation_groups": ("official", "by_group"),
            "force_random": ("random",),
            "probation_fraction": ("probation",),
        }
        for key, meant_for in kinds.items():
            if key in self.model_fields_set and self.kind not in meant_for:
                raise ValueError(f'{key} means nothing for kind = "{self.kind}"')
        return self


class BaseData(Section):
    """What every source of windows has."""

    channels: Annotated[Names, Field(min_length=1)]
    """Names of the channels: columns of a file, or the order in an array."""
    channel_units: Names
    """Unit of each channel, in the same order."""
    channel_scales: Scales = ()
    """What one raw count of the device's sensor is in the recordings, per channel, such as g per
    count; by default 1 where the recordings are whole counts of 16 bits."""
    sampling_rate_hz: Positive
    """Samples per second."""
    window_samples: Annotated[int, Field(ge=2, le=65536)]
    """Samples in a window: what the model sees at once."""
    hop_samples: Count | None = None
    """Samples from one window's start to the next; by default windows do not overlap."""
    classes: Names = ()
    """Class names in the order of the model's outputs; by default the sorted labels."""
    class_labels: Labels = ()
    """Labels in the data, in the order of classes, when they differ from the names (1, 2, ...)."""
    ignore_labels: Labels = ()
    """Labels whose samples are left out: pauses, transitions."""
    pad_start: bool = False
    """Precede a recording that is shorter than a window by copies of its first sample, instead of
    refusing it (regression, anomaly)."""
    pad_start_samples: Size = 0
    """Copies in front of longer recordings too, in samples, so that training knows windows that
    begin before their recording does (pad_start)."""
    split: SplitConfig
    """Which windows train, validate and test."""

    @property
    def hop(self) -> int:
        """Samples from one window's start to the next."""
        return self.hop_samples or self.window_samples

    @property
    def has_targets(self) -> bool:
        """Whether the source gives numbers to predict, instead of labels."""
        return False

    @property
    def overlapping(self) -> bool:
        """Whether neighbouring windows share samples."""
        return self.hop < self.window_samples

    @model_validator(mode="after")
    def _lists_agree(self) -> Self:
        for key in ("channels", "classes", "class_labels", "ignore_labels"):
            values = [str(value) for value in getattr(self, key)]
            twice = sorted({value for value in values if values.count(value) > 1})
            if twice:
                raise ValueError(f"{key} names {', '.join(map(repr, twice))} twice")
        if len(self.channel_units) != len(self.channels):
            raise ValueError(
                f"channel_units has {len(self.channel_units)} entries for "
                f"{len(self.channels)} channels"
            )
        if self.channel_scales and len(self.channel_scales) != len(self.channels):
            raise ValueError(
                f"channel_scales has {len(self.channel_scales)} entries for "
                f"{len(self.channels)} channels"
            )
        if self.class_labels and len(self.class_labels) != len(self.classes):
            raise ValueError(
                f"class_labels has {len(self.class_labels)} entries for {len(self.classes)} classes"
            )
        return self

    @model_validator(mode="after")
    def _copies_precede_samples(self) -> Self:
        if self.pad_start_samples and not self.pad_start:
            raise ValueError("pad_start_samples needs pad_start = true")
        if self.pad_start_samples >= self.window_samples:
            raise ValueError(
                f"pad_start_samples = {self.pad_start_samples} leaves no sample of a window of "
                f"{self.window_samples}"
            )
        return self


class RecordingData(BaseData):
    """Continuous recordings, one file each."""

    files: PathPatterns = ()
    """Globs of the recordings that mcu_slm splits."""
    train_files: PathPatterns = ()
    """Globs of the training recordings (split.kind = "official")."""
    validation_files: PathPatterns = ()
    """Globs of the validation recordings (optional)."""
    test_files: PathPatterns = ()
    """Globs of the test recordings (split.kind = "official")."""
    label: FileOrigin | None = None
    """Where the class of a sample is written."""
    target: Name | None = None
    """Column of the number to predict, instead of label (regression)."""
    target_countdown: bool = False
    """Whether the target is the number of samples left until the end of the recording: 0 at its
    last sample; instead of label (regression on run-to-failure recordings)."""
    group: FileOrigin | None = None
    """Where the subject, machine or run is written; needed for split.kind = "by_group"."""
    time_column: Name | None = None
    """Column of the time of each sample, only to check sampling_rate_hz; columns called time_s,
    time_ms, time_us or time_ns are checked without being named here."""
    time_unit: Literal["s", "ms", "us", "ns"] = "s"
    """Unit of numbers in time_column; dates with a time of day need none."""

    @property
    def has_targets(self) -> bool:
        """Whether the source gives numbers to predict, instead of labels."""
        return self.label is None

    @model_validator(mode="after")
    def _one_truth(self) -> Self:
        _require_one_truth(self, "label")
        return self

    @model_validator(mode="after")
    def _files_fit_split(self) -> Self:
        _require_sets(
            self.split.kind,
            {
                "files": bool(self.files),
                "train_files": bool(self.train_files),
                "validation_files": bool(self.validation_files),
                "test_files": bool(self.test_files),
            },
        )
        if self.split.kind == "by_group" and self.group is None:
            raise ValueError('split.kind = "by_group" needs the key group')
        return self


class CsvData(RecordingData):
    """CSV files with one sample per row."""

    format: Literal["csv"]
    """Kind of source."""
    column_names: Names = ()
    """Names of all columns, for files without a header row."""
    vocabulary: PathPattern | None = None
    """Text file with a symbol in each line, for channels that hold symbols instead of numbers:
    events of a log, words. A line <unk> stands for every symbol that is not there; without it such
    a symbol is an error. Needs model.family = "token-lm"."""


class ParquetData(RecordingData):
    """Parquet files with one sample per row."""

    format: Literal["parquet"]
    """Kind of source."""


class WavData(RecordingData):
    """WAV files of PCM samples, such as audio and vibration; values are counts of 16 bits."""

    format: Literal["wav"]
    """Kind of source."""

    @model_validator(mode="after")
    def _no_columns(self) -> Self:
        origins = {"label": self.label, "group": self.group}
        columns = [key for key, origin in origins.items() if origin and origin.column is not None]
        columns += [key for key in ("target", "time_column") if getattr(self, key) is not None]
        if columns:
            raise ValueError(
                f"{columns[0]} names a column, and WAV files have none; use file_name or folder"
            )
        return self


class NpzData(BaseData):
    """Windows that are already cut, as arrays in `.npz` files."""

    format: Literal["npz"]
    """Kind of source."""
    files: Annotated[PathPatterns, Field(min_length=1)]
    """Globs of the `.npz` files; each holds all the arrays."""
    all: ArraySet | None = None
    """Arrays that mcu_slm splits."""
    train: ArraySet | None = None
    """Arrays of the training windows (split.kind = "official")."""
    validation: ArraySet | None = None
    """Arrays of the validation windows (optional)."""
    test: ArraySet | None = None
    """Arrays of the test windows (split.kind = "official")."""
    channels_first: bool = False
    """Whether the arrays are [n, C, T] instead of [n, T, C]."""

    @property
    def has_targets(self) -> bool:
        """Whether the source gives numbers to predict, instead of labels."""
        return any(arrays.labels is None for arrays in self.array_sets.values())

    @property
    def array_sets(self) -> dict[str, ArraySet]:
        """The array sets that are given, by name."""
        sets = {key: getattr(self, key) for key in ("all", "train", "validation", "test")}
        return {key: value for key, value in sets.items() if value is not None}

    @model_validator(mode="after")
    def _arrays_fit_split(self) -> Self:
        sets = self.array_sets
        names = ("all", "train", "validation", "test")
        _require_sets(self.split.kind, {key: key in sets for key in names})
        for key in ("groups", "labels"):
            without = [name for name, value in sets.items() if getattr(value, key) is None]
            if without and len(without) < len(sets):
                raise ValueError(f"{key} is given for some array sets but not for {without[0]}")
        without = [name for name, value in sets.items() if value.groups is None]
        if self.split.kind == "by_group" and without:
            raise ValueError('split.kind = "by_group" needs all.groups')
        return self


class TsData(BaseData):
    """Text files of the UEA and UCR archives, one recording per line."""

    format: Literal["ts"]
    """Kind of source."""
    files: PathPatterns = ()
    """Globs of the files that mcu_slm splits."""
    train_files: PathPatterns = ()
    """Globs of the training files (split.kind = "official")."""
    validation_files: PathPatterns = ()
    """Globs of the validation files (optional)."""
    test_files: PathPatterns = ()
    """Globs of the test files (split.kind = "official")."""

    @model_validator(mode="after")
    def _files_fit_split(self) -> Self:
        _refuse_groups_and_time(self.split)
        _require_sets(
            self.split.kind,
            {
                "files": bool(self.files),
                "train_files": bool(self.train_files),
                "validation_files": bool(self.validation_files),
                "test_files": bool(self.test_files),
            },
        )
        return self


class AeonData(BaseData):
    """A data set that comes inside the Python package aeon (extra `datasets`)."""

    format: Literal["aeon"]
    """Kind of source."""
    dataset: Literal["ArrowHead", "BasicMotions", "GunPoint", "ItalyPowerDemand"]
    """Name of the data set."""

    @model_validator(mode="after")
    def _loose_recordings(self) -> Self:
        _refuse_groups_and_time(self.split)
        return self


DataConfig = Annotated[
    CsvData | ParquetData | WavData | NpzData | TsData | AeonData, Field(discriminator="format")
]
"""The section `[data]`: one model per `format`."""


def _require_one_truth(section: Section, label: str) -> None:
    """Refuse a source that says twice, or not at all, what there is to learn."""
    keys = (label, "target", "target_countdown")
    given = [key for key in keys if getattr(section, key)]
    if len(given) != 1:
        raise ValueError(f"expected exactly one of {', '.join(keys)}, found {len(given)}")


def _require_sets(kind: str, given: dict[str, bool]) -> None:
    """Refuse sets of files or arrays that do not fit the kind of split (first key: unsplit)."""
    whole, train, validation, test = given
    if kind == "official":
        if given[whole]:
            raise ValueError(
                f'{whole} has no place in split.kind = "official"; use {train}, {test}'
            )
        for key in (train, test):
            if not given[key]:
                raise ValueError(f'split.kind = "official" needs the key {key}')
        return
    if not given[whole]:
        raise ValueError(f'split.kind = "{kind}" needs the key {whole}')
    for key in (train, validation, test):
        if given[key]:
            raise ValueError(f'{key} needs split.kind = "official"')


def _refuse_groups_and_time(split: SplitConfig) -> None:
    """Refuse splits that need groups or one time axis: these sources hold loose recordings."""
    if split.kind == "by_group" or split.test_groups or split.validation_groups:
        raise ValueError("this format has no groups to split by")
    if split.kind in ("by_time", "probation"):
        raise ValueError('the recordings of this format have no common time; use "random"')
