"""Tell raw 16-bit counts from other recordings, and find those that are stuck or wrapped around."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mcu_slm.data.dataset import Float32, Windows
from mcu_slm.data.windowing import Recordings

_LOWEST, _HIGHEST = -(2**15), 2**15 - 1
_MANY = 10
_MANY_SHARE = 0.001
_WRAP = 3 * 2**14
"""A step of three quarters of the range, from inside it to inside it, is an overflow."""


def saturation_warnings(recordings: Sequence[Recordings], channels: Sequence[str]) -> list[str]:
    """Return one sentence for each channel of raw counts that saturates or overflows."""
    warnings = []
    for channel, name in enumerate(channels):
        values = [(item.source, item.x[..., channel]) for item in recordings]
        if all(_are_counts(x) for _, x in values):
            warnings += _sentences(values, name)
    return warnings


def are_counts(windows: Windows, channel_scales: Sequence[float]) -> bool:
    """Return whether every sample is a whole count of 16 bits times its channel's scale.

    Only then are the counts known that a sensor gave.
    """
    scales = np.asarray(channel_scales, np.float64)
    counts = np.rint(windows.x / scales)
    same = (counts * scales).astype(np.float32) == windows.x
    return bool(same.all() and counts.min() >= _LOWEST and counts.max() <= _HIGHEST)


def _are_counts(x: Float32) -> bool:
    """Return whether all values are whole numbers of 16 bits."""
    return bool((x == np.rint(x)).all() and x.min() >= _LOWEST and x.max() <= _HIGHEST)


def _sentences(values: list[tuple[str, Float32]], name: str) -> list[str]:
    """Return what there is to say about one channel; values: file and samples [n, S]."""
    samples = sum(x.size for _, x in values)
    stuck: dict[str, int] = {}
    wrapped: dict[str, int] = {}
    for source, x in values:
        at_limit = (x == _LOWEST) | (x == _HIGHEST)
        jumps = np.abs(np.diff(x, axis=1)) > _WRAP
        jumps &= ~(at_limit[:, 1:] | at_limit[:, :-1])
        stuck[source] = stuck.get(source, 0) + int(at_limit.sum())
        wrapped[source] = wrapped.get(source, 0) + int(jumps.sum())
    warnings = []
    total = sum(stuck.values())
    if total >= max(_MANY, _MANY_SHARE * samples):
        worst = max(stuck, key=stuck.__getitem__)
        warnings.append(
            f"channel {name}: {total} of {samples} samples are at the limits of 16 bits ({_LOWEST} "
            f"or {_HIGHEST}), most in {worst} ({stuck[worst]}); is the sensor saturated?"
        )
    jumped = sum(wrapped.values())
    if jumped >= _MANY:
        worst = max(wrapped, key=wrapped.__getitem__)
        warnings.append(
            f"channel {name}: {jumped} steps of more than {_WRAP} counts, most in {worst} "
            f"({wrapped[worst]}); have 16-bit numbers overflowed?"
        )
    return warnings
