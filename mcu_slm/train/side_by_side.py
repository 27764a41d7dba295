"""Teachers at the same time, one process each: what they learn ends in their checkpoints.

Networks this small gain little from threads, but two of them take two cores. The caller then goes
through its phases as always and finds those of the teachers done. A process that failed or was
interrupted leaves its checkpoint as it was, and the caller does the rest, or meets the same error.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import queue
from collections.abc import Callable, Sequence
from dataclasses import replace
from multiprocessing.context import SpawnProcess
from typing import Any

from mcu_slm.errors import McuSlmError
from mcu_slm.train.loop import reproducible
from mcu_slm.train.progress import ProgressEvent
from mcu_slm.train.session import Session

POLL_SECONDS = 0.5

FitMember = Callable[[Session, int, str], Any]
"""Trains one member of the ensemble; its number and the lineage of its checkpoint are given."""


def fit_side_by_side(
    session: Session, members: Sequence[int], lineage: str, fit: FitMember
) -> None:
    """Train members in as many processes as the project allows; does nothing for a single one.

    `fit` is a function of a module, as another process has to find it.
    """
    processes = min(session.project.train.processes or os.cpu_count() or 1, len(members))
    if processes < 2:
        return
    context = multiprocessing.get_context("spawn")
    events: Any = context.Queue()
    waiting = [
        context.Process(target=_run, args=(session.quiet(), member, lineage, fit, events))
        for member in members
    ]
    running: list[SpawnProcess] = []
    try:
        while waiting or running:
            running = [process for process in running if process.is_alive()]
            while waiting and len(running) < processes:
                process = waiting.pop(0)
                process.start()
                running.append(process)
            _tell(session, events)
        _tell(session, events)
    finally:
        for process in running:
            process.terminate()
            process.join()


def _tell(session: Session, events: Any) -> None:
    """Pass on what the processes tell, for as long as they keep telling."""
    with contextlib.suppress(queue.Empty):
        while True:
            session.progress(events.get(timeout=POLL_SECONDS))


def _run(session: Session, member: int, lineage: str, fit: FitMember, events: Any) -> None:
    """Train a member in its own process."""

    def tell(event: ProgressEvent) -> None:
        events.put(event)

    with (
        contextlib.suppress(KeyboardInterrupt, McuSlmError),
        reproducible(session.project.train.threads),
    ):
        fit(replace(session, progress=tell), member, lineage)
