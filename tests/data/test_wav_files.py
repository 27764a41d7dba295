"""WAV recordings: counts of every width, and what is answered to files that do not fit."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from mcu_slm.data.readers.wav_files import read_wav
from mcu_slm.errors import DataError
from tests.data.sources import CSV, config, load

pytestmark = pytest.mark.unit

WAV = {**CSV, "format": "wav", "files": ["*.wav"], "sampling_rate_hz": 8000}
CHANNELS = ("a", "b")


def write(path: Path, frames: bytes, width: int = 2, channels: int = 2, rate: int = 8000) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(frames)
    return path


def test_sixteen_bits_are_read_as_they_are(tmp_path: Path) -> None:
    counts = np.array([[-32768, 32767], [0, 1], [-1, 12345]], "<i2")
    path = write(tmp_path / "a.wav", counts.tobytes())
    x = read_wav(path, "a.wav", CHANNELS, 8000)
    assert x.dtype == np.float32
    np.testing.assert_array_equal(x, counts)


@pytest.mark.parametrize(
    ("width", "frames", "expected"),
    [
        (1, bytes([0, 128, 129, 255]), [-32768, 0, 256, 32512]),
        (3, bytes([0, 0, 128, 0, 1, 0, 128, 1, 0, 255, 255, 255]), [-32768, 1, 1.5, -1 / 256]),
        (4, bytes([0, 0, 0, 128, 0, 128, 2, 0]), [-32768, 2.5]),
    ],
)
def test_other_widths_are_counts_of_sixteen_bits(
    tmp_path: Path, width: int, frames: bytes, expected: list[float]
) -> None:
    path = write(tmp_path / "a.wav", frames, width, channels=1)
    np.testing.assert_array_equal(read_wav(path, "a.wav", ("a",), 8000)[:, 0], expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rate": 44100}, "a.wav: has 44,100 samples per second; expected sampling_rate_hz = 8000"),
        ({"channels": 1}, "a.wav: has 1 channels; expected the 2 of the project: a, b"),
        ({"frames": b""}, "a.wav: holds no samples"),
    ],
)
def test_files_that_do_not_fit_are_named(tmp_path: Path, options: dict, message: str) -> None:
    path = write(tmp_path / "a.wav", **{"frames": bytes(8), **options})
    with pytest.raises(DataError) as caught:
        read_wav(path, "a.wav", CHANNELS, 8000)
    assert message in str(caught.value)


@pytest.mark.parametrize("cut", [0, 3, 11, 20, 30, 43])
def test_broken_files_are_named(tmp_path: Path, cut: int) -> None:
    path = write(tmp_path / "a.wav", bytes(8))
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DataError, match=r"a\.wav"):
        read_wav(path, "a.wav", CHANNELS, 8000)


def test_a_folder_of_recordings_becomes_windows(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for name in ("good_1", "good_2", "worn_1", "worn_2"):
        counts = rng.integers(-3000, 3000, (32, 2)).astype("<i2")
        write(tmp_path / f"{name}.wav", counts.tobytes())
    data = load(tmp_path, WAV)
    assert data.classes == ("good", "worn")
    assert data.train.x.shape[1:] == (4, 2)


@pytest.mark.parametrize("key", ["label", "group"])
def test_columns_are_refused(key: str) -> None:
    with pytest.raises(ValidationError, match=f"{key} names a column, and WAV files have none"):
        config(WAV, **{key: {"column": "c"}})
