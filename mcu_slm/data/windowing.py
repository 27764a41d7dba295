"""Cut recordings into windows, with strides instead of loops.

Dimensions: n recordings, S samples in a recording, T samples in a window, C channels, N windows.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from mcu_slm.data.dataset import Float32, Int64, Text
from mcu_slm.errors import DataError

MAX_BYTES = 8 * 2**30
"""Most memory that the windows of a project may take."""


@dataclass(frozen=True, eq=False)
class Recordings:
    """Recordings of equal length from one file, as a reader gives them.

    Shapes: x: [n, S, C]; labels, groups: [n].

    Args:
        x: Samples.
        labels: Label of each recording, as text.
        groups: Group of each recording; empty text where there is none.
        source: Name of the file.
        split: "train", "validation", "test", or "all" where mcu_slm splits.
        starts: First sample of each recording on the file's time axis; None where the recordings
            have no common time. It orders blocks of time and shows which windows overlap.
    """

    x: Float32
    labels: Text
    groups: Text
    source: str
    split: str
    starts: Int64 | None = None

    def take(self, rows: Int64) -> Recordings:
        """Return the recordings at `rows`."""
        return replace(
            self,
            x=self.x[rows],
            labels=self.labels[rows],
            groups=self.groups[rows],
            starts=None if self.starts is None else self.starts[rows],
        )


@dataclass(frozen=True, eq=False)
class Pool:
    """All windows of a source before they are split.

    Shapes: x: [N, T, C]; the rest [N].

    Args:
        timeline: Number of the recording (or file) on whose time axis a window lies.
        start: First sample of the window on that axis.
        split: As in `Recordings`.
    """

    x: Float32
    label: Text
    group: Text
    source: Text
    split: Text
    timeline: Int64
    start: Int64


def cut_at_changes(
    x: Float32, labels: Text, groups: Text, source: str, split: str
) -> list[Recordings]:
    """Cut a recording wherever its label or group changes, so that no window has two truths.

    Shapes: x: [S, C]; labels, groups: [S].
    """
    change = (labels[1:] != labels[:-1]) | (groups[1:] != groups[:-1])
    bounds = np.concatenate(([0], np.flatnonzero(change) + 1, [len(x)]))
    return [
        Recordings(
            x[None, begin:end],
            labels[begin : begin + 1],
            groups[begin : begin + 1],
            source,
            split,
            np.array([begin], np.int64),
        )
        for begin, end in itertools.pairwise(bounds)
    ]


def cut_windows(recordings: Sequence[Recordings], window: int, hop: int) -> tuple[Pool, list[str]]:
    """Cut all recordings into windows; also return warnings about pieces that are too short.

    Raises:
        DataError: a whole recording is shorter than a window, or the windows do not fit in memory.
    """
    _require_memory(recordings, window, hop)
    pieces: list[Pool] = []
    short: dict[str, int] = {}
    used: set[str] = set()
    timeline_of: dict[str, int] = {}
    timelines = 0
    for item in recordings:
        if item.x.shape[1] < window:
            short[item.source] = short.get(item.source, 0) + len(item.labels)
            continue
        used.add(item.source)
        first = timelines
        if item.starts is not None:
            # All pieces of one file lie on its time axis; loose recordings have one axis each.
            first = timeline_of.setdefault(item.source, timelines)
        pieces.append(_windows_of(item, window, hop, first))
        timelines = max(timelines, int(pieces[-1].timeline.max()) + 1)
    _require_a_window_each(recordings, short, used, window)
    warnings = [
        f"{source}: {count} stretches with one label are shorter than a window ({window} samples) "
        "and are left out"
        for source, count in short.items()
    ]
    joined = (np.concatenate([getattr(p, f.name) for p in pieces]) for f in fields(Pool))
    return Pool(*joined), warnings


def _windows_of(item: Recordings, window: int, hop: int, first_timeline: int) -> Pool:
    """Return the windows of equally long recordings."""
    count, _, channels = item.x.shape
    view = np.lib.stride_tricks.sliding_window_view(item.x, window, axis=1)[:, ::hop]
    per_recording = view.shape[1]
    x = np.swapaxes(view, 2, 3).reshape(count * per_recording, window, channels)
    recording = np.repeat(np.arange(count, dtype=np.int64), per_recording)
    offsets = np.tile(np.arange(per_recording, dtype=np.int64) * hop, count)
    loose = item.starts is None
    source = np.full(len(x), item.source)
    if count > 1:
        source = np.char.add(f"{item.source}#", recording.astype(np.str_))
    return Pool(
        x=x,
        label=item.labels[recording],
        group=item.groups[recording],
        source=source,
        split=np.full(len(x), item.split),
        timeline=first_timeline + (recording if loose else np.zeros_like(recording)),
        start=offsets if item.starts is None else offsets + item.starts[recording],
    )


def _require_memory(recordings: Sequence[Recordings], window: int, hop: int) -> None:
    """Refuse hops so small that the windows would fill the memory of a common machine."""
    values = sum(
        len(item.labels) * max(0, (item.x.shape[1] - window) // hop + 1) * window * item.x.shape[2]
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
            what = "the longest stretch with one label" if len(lengths) > 1 else "the recording"
            raise DataError(
                source,
                f"{what} has {longest} samples",
                f"at least data.window_samples = {window}",
                "Shorten the window or leave the recording out.",
                samples=longest,
                window_samples=window,
            )
