"""Batches of graphs, one after the other or several at a time, in order."""

from __future__ import annotations

import functools
import multiprocessing
import resource
import signal
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mcu_slm import dsp
from mcu_slm.compile import KERNEL_FAMILIES
from tests.prove.cores import CoreLeg
from tests.prove.graphs import graph
from tests.prove.host import HostLeg
from tests.prove.proving import Failure, Leg, Outcome, Subject, examine
from tests.prove.windows import windows

BATCH = 100


@dataclass(frozen=True)
class Setup:
    """What every batch needs: where things are built, and which legs run beside NumPy."""

    build_dir: Path
    sanitize: bool = False
    cores: tuple[str, ...] = ()
    families: tuple[str, ...] = KERNEL_FAMILIES

    @property
    def label(self) -> str:
        """Return what tells runs apart that compare other things."""
        families = self.families if self.families != KERNEL_FAMILIES else ()
        parts = (*["sanitized"] * self.sanitize, *self.cores, *families)
        return "".join(f"-{part}" for part in parts)


@functools.cache
def legs_of(setup: Setup) -> tuple[Leg, ...]:
    """Return the legs of a setup; building kernels happens here."""
    place = setup.build_dir / ("sanitized" if setup.sanitize else "plain")
    legs: list[Leg] = []
    for family in setup.families:
        legs.append(HostLeg(place, sanitize=setup.sanitize, family=family))
        legs += [
            CoreLeg(core, setup.build_dir, family)
            for core in setup.cores
            if family == "portable" or core in dsp.CORES
        ]
    return tuple(legs)


def subject(seed: int, number: int) -> Subject:
    """Return a graph with its windows."""
    made = graph(seed, number)
    return Subject(number, made, windows(made, number))


@dataclass(frozen=True)
class Batch:
    """Outcomes of some graphs, in order, and what they cost."""

    outcomes: list[Outcome]
    cpu_seconds: float


def run_batch(setup: Setup, seed: int, numbers: Sequence[int]) -> Batch:
    """Run some graphs."""
    before = _cpu_seconds()
    subjects, broken = [], []
    for number in numbers:
        try:
            subjects.append(subject(seed, number))
        except Exception:
            what = traceback.format_exc(limit=-2)
            broken.append(Outcome(number, failure=Failure("generator", "raised", what)))
    outcomes = [*examine(subjects, legs_of(setup)), *broken]
    outcomes.sort(key=lambda outcome: outcome.number)
    return Batch(outcomes, _cpu_seconds() - before)


def _cpu_seconds() -> float:
    """Return what this process and the children that it waited for have used."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def run_all(setup: Setup, seed: int, first: int, count: int, jobs: int = 1) -> Iterator[Batch]:
    """Run the graphs from `first` to before `count`, batch by batch."""
    legs_of(setup)  # kernels are built once, before anybody else needs them
    batches = [range(start, min(start + BATCH, count)) for start in range(first, count, BATCH)]
    run = functools.partial(run_batch, setup, seed)
    if jobs == 1:
        yield from map(run, batches)
        return
    with multiprocessing.get_context("spawn").Pool(jobs, _leave_interrupts_to_parent) as pool:
        yield from pool.imap(run, batches)


def _leave_interrupts_to_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
