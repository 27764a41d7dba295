"""Read WAV recordings: PCM samples, one channel of the file per channel of the project.

Values are in counts of 16 bits, whatever the resolution of the file: what an ADC or the driver of a
microphone hands over. Samples of 24 or 32 bits keep the bits below, as fractions.
"""

from __future__ import annotations

import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mcu_slm.data.dataset import Float32
from mcu_slm.data.files import reading
from mcu_slm.errors import DataError


def read_wav(path: Path, name: str, channels: Sequence[str], rate_hz: float) -> Float32:
    """Return a recording as [samples, C], in counts of 16 bits.

    Raises:
        DataError: the file is unreadable or empty, has other channels or another sampling rate.
    """
    with reading(name):
        try:
            with wave.open(str(path), "rb") as file:
                found, rate, width = file.getnchannels(), file.getframerate(), file.getsampwidth()
                frames = file.readframes(file.getnframes())
        except (wave.Error, EOFError) as error:
            raise DataError(
                name,
                f"it is no WAV file with PCM samples: {error}",
                expected="PCM samples of 8, 16, 24 or 32 bits",
                remedy="Convert it, for example with sox or ffmpeg to pcm_s16le.",
            ) from error
    if rate != rate_hz:
        raise DataError(
            name,
            f"has {rate:,} samples per second",
            expected=f"sampling_rate_hz = {rate_hz:g}",
            remedy="Correct sampling_rate_hz, or resample the recording.",
        )
    if found != len(channels):
        raise DataError(
            name,
            f"has {found} channels",
            expected=f"the {len(channels)} of the project: {', '.join(channels)}",
            remedy="Name all channels of the file in their order, or convert it.",
        )
    counts = _counts(frames[: len(frames) // (width * found) * width * found], width)
    if not counts.size:
        raise DataError(name, "holds no samples", "at least one window of samples")
    return counts.reshape(-1, found)


def _counts(frames: bytes, width: int) -> Float32:
    """Return little-endian PCM samples of `width` bytes in counts of 16 bits."""
    raw = np.frombuffer(frames, np.uint8).reshape(-1, width)
    if width == 1:  # the only width without a sign
        return (raw[:, 0].astype(np.float32) - 128) * 256
    words = np.zeros((len(raw), 4), np.uint8)
    words[:, 4 - width :] = raw
    values: npt.NDArray[np.int32] = words.view("<i4")[:, 0]
    return (values / 65536).astype(np.float32)
