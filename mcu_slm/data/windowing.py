"""Cut recordings into windows, with strides instead of loops.

Dimensions: n recordings, S samples in a recording, T samples in a window, C channels, N windows.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import numpy as np

from mcu_slm.data.dataset import Float32, Int64, Mask, Text, Truth
from mcu_slm.errors import DataError

MAX_BYTES = 8 * 2**30
"""Most memory that the windows of a project may take."""


@dataclass(frozen=True, eq=False)
class Recordings:
    """Recordings of equal length from one file, as a reader gives them.

    Shapes: x: [n, S, C]; labels: [n] or, where they change inside a recording, [n, S]; groups: [n].

    Args:
        x: Samples.
        labels: Labels as text, class numbers, or targets.
        groups: Group of each recording; empty text where there is none.
        source: Name of the file.
        split: "train", "validation", "test", or "all" where mcu_slm splits.
        starts: First sample of each recording on the file's time axis; None where the recordings
            have no common time. It orders blocks of time and shows which windows overlap.
        ends: Shape [n], whether a recording ends with this one; None where each does. Rows of an
            array that were cut from one recording do not.
        notes: Warnings of the reader.
    """

    x: Float32
    labels: Truth
    groups: Text
    source: str
    split: str
    starts: Int64 | None = None
    ends: Mask | None = None
    notes: tuple[str, ...] = ()

    def take(self, rows: Int64) -> Recordings:
        """Return the recordings at `rows`."""
        return replace(
            self,
            x=self.x[rows],
            labels=self.labels[rows],
            groups=self.groups[rows],
            starts=None if self.starts is None else self.starts[rows],
            ends=None if self.ends is None else self.ends[rows],
        )


@dataclass(frozen=True, eq=False)
class Pool:
    """All windows of a source before they are split.

    Shapes: x: [N, T, C]; label: [N] or [N, T]; the rest [N].

    Args:
        label: As in `Recordings`.
        timeline: Number of the file (or loose recording) on whose time axis a window lies.
        start: First sample of the window on that axis.
        split: As in `Recordings`.
        recording: Number of the uninterrupted stretch of samples that a window was cut from.
        last: Whether it is the last window of that stretch.
    """

    x: Float32
    label: Truth
    group: Text
    source: Text
    split: Text
    timeline: Int64
    start: Int64
    recording: Int64
    last: Mask


def cut_at_changes(
    x: Float32,
    labels: Truth,
    groups: Text,
    source: str,
    split: str,
    *,
    label_per_sample: bool = False,
) -> list[Recordings]:
    """Cut a recording wherever its group changes, so that no window has two.

    It is cut where its label changes too, unless windows may have a label per sample.

    Shapes: x: [S, C]; labels, groups: [S].
    """
    change = groups[1:] != groups[:-1]
    if not label_per_sample:
        change |= labels[1:] != labels[:-1]
    bounds = np.concatenate(([0], np.flatnonzero(change) + 1, [len(x)]))
    return [
        Recordings(
            x[None, begin:end],
            labels[None, begin:end] if label_per_sample else labels[begin : begin + 1],
            groups[begin : begin + 1],
            source,
            split,
            np.array([begin], np.int64),
        )
        for begin, end in itertools.pairwise(bounds)
    ]


def countdown(samples: int) -> Float32:
    """Return how many samples are left after each of `samples`: 0 at the last one."""
    return np.arange(samples - 1, -1, -1, dtype=np.float32)


def cut_windows(
    recordings: Sequence[Recordings],
    window: int,
    hop: int,
    *,
    pad_start: bool = False,
    copies: int = 0,
    to_the_end: bool = False,
) -> tuple[Pool, list[str]]:
    """Cut all recordings into windows; also return warnings about pieces that are too short.

    Args:
        recordings: What a reader gave.
        window: Samples in a window.
        hop: Samples from one window to the next.
        pad_start: Put copies of the first sample in front of recordings shorter than a window.
        copies: Put at least so many in front of every recording (with `pad_start`).
        to_the_end: Place the windows such that the last one ends with its recording, instead of
            such that the first one begins with it.

    Raises:
        DataError: a whole recording is shorter than a window, or the windows do not fit in memory.
    """
    _require_memory(recordings, window - copies, window, hop)
    pieces: list[Pool] = []
    short: dict[str, int] = {}
    used: set[str] = set()
    timeline_of: dict[str, int] = {}
    timelines = stretches = 0
    for item in recordings:
        missing = window - item.x.shape[1]
        if missing > 0:
            short[item.source] = short.get(item.source, 0) + len(item.labels)
            if not pad_start:
                continue
        front = max(missing, copies if pad_start else 0)
        used.add(item.source)
        first = timelines
        if item.starts is not None:
            # All pieces of one file lie on its time axis; loose recordings have one axis each.
            first = timeline_of.setdefault(item.source, timelines)
        padded = _preceded(item, front) if front > 0 else item
        place = _Place(window, hop, first, stretches, front, to_the_end)
        pieces.append(_windows_of(padded, place))
        timelines = max(timelines, int(pieces[-1].timeline.max()) + 1)
        stretches = int(pieces[-1].recording.max()) + 1
    _require_a_window_each(recordings, short, used, window)
    joined = (np.concatenate([getattr(p, f.name) for p in pieces]) for f in fields(Pool))
    return Pool(*joined), _short_warnings(recordings, short, window, pad_start)


def _short_warnings(
    recordings: Sequence[Recordings], short: dict[str, int], window: int, pad_start: bool
) -> list[str]:
    """Say how many recordings, or stretches of them, are shorter than a window."""
    if short and pad_start:
        return [
            f"{sum(short.values())} recordings are shorter than a window ({window} samples): "
            f"copies of the first sample precede them (the first one: {next(iter(short))})"
        ]
    per_sample = any(item.labels.ndim > 1 for item in recordings)
    what = "stretches" if per_sample else "stretches with one label"
    return [
        f"{source}: {count} {what} are shorter than a window ({window} samples) and are left out"
        for source, count in short.items()
    ]


def _preceded(item: Recordings, missing: int) -> Recordings:
    """Return recordings with `missing` copies of the first sample, and of its label, in front."""
    x = np.concatenate([np.repeat(item.x[:, :1], missing, axis=1), item.x], axis=1)
    labels = item.labels
    if labels.ndim > 1:
        labels = np.concatenate([np.repeat(labels[:, :1], missing, axis=1), labels], axis=1)
    return replace(item, x=x, labels=labels)


class _Place(NamedTuple):
    """How recordings are cut, and which numbers theirs continue."""

    window: int
    hop: int
    first_timeline: int
    first_recording: int
    copies_in_front: int
    to_the_end: bool


def _windows_of(item: Recordings, place: _Place) -> Pool:
    """Return the windows of equally long recordings."""
    count, samples, channels = item.x.shape
    window, hop = place.window, place.hop
    first = (samples - window) % hop if place.to_the_end else 0
    view = np.lib.stride_tricks.sliding_window_view(item.x, window, axis=1)[:, first::hop]
    per_recording = view.shape[1]
    x = np.swapaxes(view, 2, 3).reshape(count * per_recording, window, channels)
    recording = np.repeat(np.arange(count, dtype=np.int64), per_recording)
    number = np.tile(np.arange(per_recording, dtype=np.int64), count)
    offsets = first + number * hop - place.copies_in_front
    ends = np.ones(count, np.bool_) if item.ends is None else item.ends
    stretch = np.concatenate(([0], np.cumsum(ends[:-1], dtype=np.int64)))
    loose = item.starts is None
    source = np.full(len(x), item.source)
    if count > 1:
        source = np.char.add(f"{item.source}#", recording.astype(np.str_))
    return Pool(
        x=x,
        label=_labels_of(item, recording, first, place),
        group=item.groups[recording],
        source=source,
        split=np.full(len(x), item.split),
        timeline=place.first_timeline + (recording if loose else np.zeros_like(recording)),
        start=offsets if item.starts is None else offsets + item.starts[recording],
        recording=place.first_recording + stretch[recording],
        last=(number == per_recording - 1) & ends[recording],
    )


def _labels_of(item: Recordings, recording: Int64, first: int, place: _Place) -> Truth:
    """Return the label of each window, or of each of its samples."""
    if item.labels.ndim == 1:
        return np.asarray(item.labels[recording])
    view = np.lib.stride_tricks.sliding_window_view(item.labels, place.window, axis=1)
    return view[:, first :: place.hop].reshape(-1, place.window)


def _require_memory(recordings: Sequence[Recordings], shortest: int, window: int, hop: int) -> None:
    """Refuse hops so small that the windows would fill the memory of a common machine.

    The first window of a recording holds `shortest` of its samples, the rest are copies.
    """
    values = sum(
        len(item.labels)
        * max(0, (item.x.shape[1] - shortest) // hop + 1)
        * window
        * item.x.shape[2]
        for item in recordings
    )
    if 4 * values > MAX_BYTES:
        raise DataError(
            "data.hop_samples",
            f"the windows would take {4 * values / 2**30:.1f} GiB",
            f"at most {MAX_BYTES / 2**30:.0f} GiB",
            "Take a larger hop.",
        )


def _require_a_window_each(
    recordings: Sequence[Recordings], short: dict[str, int], used: set[str], window: int
) -> None:
    """Refuse a file none of whose recordings holds a window."""
    for source in short:
        if source not in used:
            lengths = [item.x.shape[1] for item in recordings if item.source == source]
            longest = max(lengths)
            what = "the recording"
            if len(lengths) > 1:
                per_sample = any(item.labels.ndim > 1 for item in recordings)
                what = "the longest stretch" + ("" if per_sample else " with one label")
            raise DataError(
                source,
                f"{what} has {longest} samples",
                f"at least data.window_samples = {window}",
                "Shorten the window or leave the recording out.",
                samples=longest,
                window_samples=window,
            )
