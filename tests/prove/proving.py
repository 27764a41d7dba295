"""One batch of graphs through all legs: what the judge says and where somebody says otherwise."""

from __future__ import annotations

import os
import tempfile
import traceback
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from mcu_slm import ops, tflite
from mcu_slm.compile import compile_model
from mcu_slm.errors import McuSlmError
from mcu_slm.ir import Graph
from mcu_slm.manifest import CompiledModel
from mcu_slm.ops import Operator, reference
from mcu_slm.rows import Rows, pack, row_offsets, unpack
from tests.dsp.ways import first_way
from tests.prove.host import LegError
from tests.prove.judging import judge_all
from tests.prove.multipliers import compare_multipliers


def scratch_folder() -> tempfile.TemporaryDirectory[str]:
    """Return a folder in memory where programs may lie in one, else the usual temporary folder.

    A graph has twenty small files, each of which is flushed to the disk otherwise.
    """
    folder = "/dev/shm"
    inside = Path(folder).is_dir() and os.access(folder, os.W_OK | os.X_OK)
    inside = inside and not os.statvfs(folder).f_flag & os.ST_NOEXEC
    return tempfile.TemporaryDirectory(prefix="mcu-slm-prove-", dir=folder if inside else None)


class Leg(Protocol):
    """A way to run generated C: this machine, or a simulated core."""

    name: str
    family: str
    schedule: str | None

    def run(self, folder: Path, compiled: CompiledModel, rows: Rows) -> Rows:
        """Return the outputs of a compiled model folder; LegError where there are none."""
        ...


@dataclass(frozen=True, eq=False)
class Subject:
    """A graph under its number, with its windows."""

    number: int
    graph: Graph
    rows: Rows


@dataclass(frozen=True)
class Failure:
    """What is wrong with a graph: `leg` and `kind` say in which way, `what` in detail."""

    leg: str
    kind: str
    what: str

    @property
    def way(self) -> tuple[str, str]:
        """What must stay the same while a graph is made smaller."""
        return self.leg, self.kind

    def sentence(self) -> str:
        """Return all of it."""
        return f"{self.leg} {self.kind}: {self.what}"


@dataclass
class Outcome:
    """What one graph gave."""

    number: int
    operators: Counter[str] = field(default_factory=Counter)
    windows: int = 0
    bytes_compared: Counter[str] = field(default_factory=Counter)
    bytes_differing: Counter[str] = field(default_factory=Counter)
    multipliers: int = 0
    failure: Failure | None = None


def examine(subjects: Sequence[Subject], legs: Sequence[Leg]) -> list[Outcome]:
    """Return one outcome per graph: NumPy and every leg are compared with the judge."""
    outcomes = [Outcome(s.number, Counter(n.op for n in s.graph.nodes)) for s in subjects]
    checked = [_Checked(s, o) for s, o in zip(subjects, outcomes, strict=True)]
    sound = [item for item in checked if item.outcome.failure is None]
    judged = judge_all([(i.raw, i.subject.rows) for i in sound], [i.output_bytes for i in sound])
    for item, answer in zip(sound, judged, strict=True):
        if isinstance(answer, str):
            kind, _, what = answer.partition(": ")
            item.outcome.failure = Failure("judge", kind, what)
        else:
            item.outcome.windows = len(answer)
            item.compare(answer, legs)
    return outcomes


class _Checked:
    """A graph as read back from its bytes, without what is folded: what every leg gets.

    The judge alone gets the bytes, with nothing folded.
    """

    graph: Graph
    operators: tuple[Operator, ...]

    def __init__(self, subject: Subject, outcome: Outcome) -> None:
        self.subject, self.outcome = subject, outcome
        self.raw = tflite.write_model(subject.graph)
        try:
            self.graph = ops.fold_graph(tflite.read_model(self.raw))
            self.operators = ops.parse_graph(self.graph)
        except McuSlmError as error:
            outcome.failure = Failure("checker", "refused", str(error))
        except Exception:
            outcome.failure = Failure("checker", "raised", traceback.format_exc(limit=-2))
        else:
            outcome.multipliers, wrong = compare_multipliers(self.graph, self.operators)
            if wrong:
                outcome.failure = Failure("multipliers", "differs", wrong)

    @property
    def output_bytes(self) -> int:
        return row_offsets(self.graph, self.graph.outputs)[1]

    def compare(self, expected: Rows, legs: Sequence[Leg]) -> None:
        """Compare NumPy and the legs with the judge's rows, up to the first failure."""
        try:
            self._equal("numpy", expected, self.referenced(len(expected)))
        except Exception:
            self.outcome.failure = Failure("numpy", "raised", traceback.format_exc(limit=-2))
        for kind in dict.fromkeys((leg.family, leg.schedule) for leg in legs):
            some = [leg for leg in legs if (leg.family, leg.schedule) == kind]
            with scratch_folder() as name:
                self._compare_kind(expected, kind, some, Path(name))

    def _compare_kind(
        self, expected: Rows, kind: tuple[str, str | None], legs: Sequence[Leg], folder: Path
    ) -> None:
        """Compare the legs that run one kernel family, scheduled for one core."""
        family, core = kind
        if self.outcome.failure is not None:
            return
        try:
            # Every other graph reaches kernels that its small layers would not choose.
            with first_way() if self.subject.number % 2 else nullcontext():
                compiled = compile_model(self.graph, self.raw, folder, family, core=core)
        except Exception:
            what = traceback.format_exc(limit=-2)
            self.outcome.failure = Failure("compiler", "raised", what)
            return
        for leg in legs:
            if self.outcome.failure is not None:
                return
            try:
                found = leg.run(folder, compiled, self.subject.rows)
            except LegError as error:
                self.outcome.failure = Failure(leg.name, "failed", str(error))
            else:
                self._equal(leg.name, expected, found)

    def referenced(self, windows: int) -> Rows:
        """Return the outputs of the NumPy reference."""
        inputs = unpack(self.graph, self.graph.inputs, self.subject.rows)
        values = reference.run(self.graph, self.operators, inputs)
        outputs = [
            # One row where a layer reads constants only.
            np.broadcast_to(values[t], (windows, *values[t].shape[1:])) for t in self.graph.outputs
        ]  # fmt: skip
        return pack(self.graph, self.graph.outputs, outputs)

    def _equal(self, leg: str, expected: Rows, found: Rows) -> None:
        """Compare a leg's rows; slow legs run a beginning of the windows."""
        expected = expected[: len(found)]
        wrong = expected != found
        self.outcome.bytes_compared[leg] += expected.size
        differing = int(np.count_nonzero(wrong))
        if not differing:
            return
        self.outcome.bytes_differing[leg] += differing
        window, place = (int(n) for n in np.argwhere(wrong)[0])
        what = (
            f"{differing} of {expected.size} bytes; the first is byte {place} of window {window}: "
            f"{expected[window, place]} in the judge, {found[window, place]} here"
        )
        self.outcome.failure = Failure(leg, "differs", what)
