"""One reader per format; `read_source` picks it and gives recordings in physical units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mcu_slm.config import (
    AeonData,
    CsvData,
    DataConfig,
    FileOrigin,
    NpzData,
    RecordingData,
    TsData,
    WavData,
)
from mcu_slm.data.checks import require_finite, require_targets
from mcu_slm.data.dataset import Float32, TaskKind, Text
from mcu_slm.data.files import display_name, find_files, origin_text
from mcu_slm.data.readers.aeon_sets import read_aeon
from mcu_slm.data.readers.csv_files import read_csv
from mcu_slm.data.readers.npz_arrays import read_npz
from mcu_slm.data.readers.parquet_files import read_parquet
from mcu_slm.data.readers.ts_files import read_ts
from mcu_slm.data.readers.wav_files import read_wav
from mcu_slm.data.sampling_times import check_times, time_columns
from mcu_slm.data.symbols import numbers_of, read_vocabulary
from mcu_slm.data.windowing import Recordings, countdown, cut_at_changes
from mcu_slm.errors import DataError

_FILE_SETS = {
    "files": "all",
    "train_files": "train",
    "validation_files": "validation",
    "test_files": "test",
}


def read_source(
    config: DataConfig, project_dir: Path, task: TaskKind = "classification"
) -> list[Recordings]:
    """Read all recordings of a source; labels are text, targets are float32.

    Raises:
        DataError: a file is missing, unreadable or not as the project file says.
        ToolError: the format needs an optional package that is not installed.
    """
    if isinstance(config, AeonData):
        return read_aeon(config)
    if isinstance(config, NpzData):
        files = find_files(config.files, project_dir, "files")
        return [
            item
            for path in files
            for item in read_npz(path, display_name(path, project_dir), config, task)
        ]
    if isinstance(config, TsData):
        return [
            read_ts(path, name, split, config)
            for path, name, split in _file_sets(config, project_dir)
        ]
    vocabulary = vocabulary_of(config, project_dir)
    return [
        item
        for path, name, split in _file_sets(config, project_dir)
        for item in _read_recording(path, name, split, config, task, vocabulary)
    ]


def read_samples(path: Path, config: DataConfig, vocabulary: Sequence[str] = ()) -> Float32:
    """Return the channels of one recording, [samples, C]; its end of name says the format.

    Raises:
        DataError: the file is missing, unreadable or lacks a channel.
    """
    name, channels = str(path), list(config.channels)
    if not path.is_file():
        raise DataError(name, "there is no such file", "a recording: .csv, .parquet or .wav")
    names = config.column_names if isinstance(config, CsvData) else ()
    if path.suffix == ".wav":
        x = read_wav(path, name, channels, config.sampling_rate_hz)
    elif path.suffix == ".parquet":
        x, _ = read_parquet(path, name, channels, ())
    elif vocabulary:
        _, text = read_csv(path, name, (), channels, names)
        x = np.column_stack(_numbered(text, channels, vocabulary, name))
    else:
        x, _ = read_csv(path, name, channels, (), names)
    require_finite(x, name, channels)
    return x


def _numbered(
    text: dict[str, Text], channels: Sequence[str], vocabulary: Sequence[str], name: str
) -> list[Float32]:
    """Return the numbers of the symbols of each channel."""
    return [numbers_of(text[c], vocabulary, f"{name}: {c}") for c in channels]


def vocabulary_of(config: DataConfig, project_dir: Path) -> tuple[str, ...]:
    """Return the symbols that the channels hold; none for numbers."""
    path = config.vocabulary if isinstance(config, CsvData) else None
    return read_vocabulary(project_dir, path) if path is not None else ()


def _file_sets(config: RecordingData | TsData, project_dir: Path) -> list[tuple[Path, str, str]]:
    """Return path, displayed name and split of each file; refuse a file in two splits."""
    seen: dict[Path, tuple[Path, str, str]] = {}
    for field, split in _FILE_SETS.items():
        for path in find_files(getattr(config, field), project_dir, field):
            name = display_name(path, project_dir)
            _, _, first_split = seen.setdefault(path.resolve(), (path, name, split))
            if first_split != split:
                raise DataError(
                    f"data.{field}",
                    f"{name} is also among the {first_split} files",
                    "each file in one split",
                )
    return list(seen.values())


def _read_recording(
    path: Path,
    name: str,
    split: str,
    config: RecordingData,
    task: TaskKind,
    vocabulary: Sequence[str],
) -> list[Recordings]:
    """Read one file of samples and cut it where its group changes, or its one label per window."""
    origins = {"label": config.label, "group": config.group}
    columns = {o.column for o in origins.values() if o is not None and o.column is not None}
    numeric = [*config.channels, *([config.target] if config.target else [])]
    times = time_columns(config)
    required = sorted(columns | ({config.time_column} if config.time_column else set()))
    if isinstance(config, CsvData) and vocabulary:
        numeric = numeric[len(config.channels) :]
        required = [*required, *config.channels]
        y, text = read_csv(path, name, numeric, required, config.column_names, list(times))
        x = np.column_stack([*_numbered(text, config.channels, vocabulary, name), y])
    elif isinstance(config, CsvData):
        x, text = read_csv(path, name, numeric, required, config.column_names, list(times))
    elif isinstance(config, WavData):
        x, text = read_wav(path, name, config.channels, config.sampling_rate_hz), {}
    else:
        x, text = read_parquet(path, name, numeric, required, list(times))
    x, targets = x[:, : len(config.channels)], x[:, len(config.channels) :]
    require_finite(x, name, config.channels)
    labels, groups = (
        _per_sample(origin, text, name, field, len(x)) for field, origin in origins.items()
    )
    truth = require_targets(targets[:, 0], f"{name}: {config.target}") if config.target else labels
    several = task != "classification"
    pieces = cut_at_changes(x, truth, groups, name, split, label_per_sample=several)
    if config.target_countdown:
        pieces = [replace(piece, labels=countdown(piece.x.shape[1])[None]) for piece in pieces]
    notes = check_times(config, text, groups, name)
    return [replace(pieces[0], notes=tuple(notes)), *pieces[1:]]


def _per_sample(
    origin: FileOrigin | None, text: dict[str, Text], name: str, field: str, samples: int
) -> Text:
    """Return the label or group of every sample."""
    if origin is None:
        return np.full(samples, "")
    if origin.column is not None:
        return text[origin.column]
    return np.full(samples, origin_text(origin, name, field))
