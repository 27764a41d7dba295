"""Runs the legs of the proof and compares each with the judge."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mcu_slm import judge, ops
from mcu_slm.boards import Board
from mcu_slm.errors import McuSlmError, ToolError, UsageError
from mcu_slm.ir import Graph
from mcu_slm.manifest import CompiledModel, Layer
from mcu_slm.ops import reference
from mcu_slm.ops.reference import Activations
from mcu_slm.rows import Rows, pack, unpack
from mcu_slm.verify.difference import LayerBytes, as_bytes, first_difference
from mcu_slm.verify.host import HostModel
from mcu_slm.verify.result import Difference, LegResult, Status, not_run
from mcu_slm.verify.sim import SimulatedFirmware

GATES = ("tflm", "numpy", "host", "sim")
"""The legs without which no firmware is verified."""
LEGS = ("torch", *GATES, "litert")
"""All legs: `torch` is the trained student's integer forward, there only where we trained it.

`litert` is information.
"""

Windows = Rows
Progress = Callable[[str, int, int], None]
"""Called with leg, windows done, windows in all."""

_DAMAGED = "the CRC-32 of the constants is wrong at boot"


@dataclass(frozen=True, eq=False)
class Subject:
    """What is proved: a model, its generated code and the firmware built from it.

    `windows` go through every leg; only those numbered in `sim_rows` through `sim`, which is
    slower. Where layers keep state the windows are one stream, and `sim` gets the beginning of it,
    as many as there are `sim_rows`. `student_logits` are the trained student's own int8 answers to
    the first windows.
    """

    graph: Graph
    raw: bytes
    windows: Windows
    sim_rows: tuple[int, ...]
    code: Path | None = None
    compiled: CompiledModel | None = None
    build_dir: Path | None = None
    board: Board | None = None
    elf: Path | None = None
    student_logits: Windows | None = None


@dataclass(frozen=True, eq=False)
class Proof:
    """What the legs gave, in order.

    `outputs` are the judge's [windows, output bytes] (None without a judge), `accuracy` the share
    of labelled windows that they classify rightly (None without labels).
    """

    legs: tuple[LegResult, ...]
    outputs: Windows | None = None
    accuracy: float | None = None

    @property
    def differs(self) -> bool:
        """Whether any gate found a differing byte."""
        return any(leg.status == "differs" and not leg.information for leg in self.legs)

    @property
    def complete(self) -> bool:
        """Whether every gate ran and agreed: only then is a firmware verified."""
        passed = {leg.leg for leg in self.legs if leg.status == "ok"}
        return passed.issuperset(GATES)


def run_legs(subject: Subject, legs: Sequence[str], progress: Progress | None = None) -> Proof:
    """Run the named legs, each against the judge's outputs.

    A leg that this machine cannot run is returned as "not run" with the reason; that is no proof.

    Raises:
        UsageError: An unknown leg.
        ModelError: The judge refuses the model.
    """
    unknown = [leg for leg in legs if leg not in LEGS]
    if unknown:
        raise UsageError("--legs", f"unknown leg {unknown[0]!r}", f"some of {', '.join(LEGS)}")
    return _Proof(subject, progress or (lambda _leg, _done, _total: None)).run(legs)


class _Proof:
    def __init__(self, subject: Subject, progress: Progress) -> None:
        self._subject = subject
        self._progress = progress
        self._operators = ops.parse_graph(subject.graph)

    def run(self, legs: Sequence[str]) -> Proof:
        """Run the judge first, because every other leg is compared with it."""
        expected, judged = self._judge()
        runners: dict[str, Callable[[Windows], LegResult]] = {
            "torch": self._torch,
            "numpy": self._numpy,
            "host": self._host,
            "sim": self._sim,
            "litert": self._litert,
        }
        results = []
        for leg in legs:
            if leg == "tflm":
                results.append(judged)
                continue
            if expected is None:
                reason = f"nothing to compare with: {judged.reason}"
                results.append(not_run(leg, reason, information=leg == "litert"))
                continue
            start = time.monotonic()
            try:
                result = runners[leg](expected)
            except ToolError as error:
                result = not_run(leg, str(error), information=leg == "litert")
            results.append(_timed(result, time.monotonic() - start))
        return Proof(tuple(results), expected)

    def _inputs(self, windows: Rows) -> list[npt.NDArray[Any]]:
        return unpack(self._subject.graph, self._subject.graph.inputs, windows)

    def _rows(self, outputs: Sequence[npt.NDArray[Any]]) -> Rows:
        graph = self._subject.graph
        return pack(graph, graph.outputs, outputs[: len(graph.outputs)])

    def _reference(self, windows: Rows) -> Activations:
        return reference.run(self._subject.graph, self._operators, self._inputs(windows))

    def _judge(self) -> tuple[Windows | None, LegResult]:
        windows = self._subject.windows
        self._progress("tflm", 0, len(windows))
        start = time.monotonic()
        try:
            outputs = self._rows(judge.run(self._subject.raw, self._inputs(windows)))
        except ToolError as error:
            return None, not_run("tflm", str(error))
        self._progress("tflm", len(windows), len(windows))
        return outputs, _timed(_compare("tflm", outputs, outputs), time.monotonic() - start)

    def _torch(self, expected: Windows) -> LegResult:
        logits = self._subject.student_logits
        if logits is None:
            return not_run("torch", "the model was not trained here")
        return _compare("torch", expected[: len(logits)], logits.reshape(len(logits), -1))

    def _numpy(self, expected: Windows) -> LegResult:
        values = self._reference(self._subject.windows)
        outputs = self._rows([values[tensor] for tensor in self._subject.graph.outputs])
        self._progress("numpy", len(expected), len(expected))
        result = _compare("numpy", expected, outputs)
        if result.status == "ok":
            return result
        return _with(result, self._locate_numpy(_first_window(expected, outputs)))

    def _host(self, expected: Windows) -> LegResult:
        subject = self._subject
        if subject.code is None or subject.compiled is None or subject.build_dir is None:
            return not_run("host", "no generated code")
        model = HostModel(subject.code, subject.compiled, subject.build_dir)
        outputs = model.predict(subject.windows)
        self._progress("host", len(expected), len(expected))
        result = _compare("host", expected, outputs)
        if result.status == "ok":
            return result
        stream, number = self._stream(_first_window(expected, outputs))
        return _with(result, self._locate(stream, model.layers(stream), number))

    def _sim(self, expected: Windows) -> LegResult:
        subject = self._subject
        if subject.board is None or subject.elf is None or subject.compiled is None:
            return not_run("sim", "no firmware: name a board with --board")
        firmware = SimulatedFirmware(subject.board, subject.elf, subject.compiled)
        firmware.greet()
        wrong = firmware.failing_known_inputs()
        if wrong is not None:
            return self._failed_self_test(wrong, firmware)
        is_damaged = firmware.overrule_damaged_constants()
        rows = subject.sim_rows
        if subject.graph.keeps_state:  # the beginning of the stream, whatever was chosen
            rows = tuple(range(len(rows)))
        expected = expected[list(rows)]
        outputs = np.empty_like(expected)
        for index, row in enumerate(rows):
            outputs[index] = firmware.infer(subject.windows[row])
            self._progress("sim", index + 1, len(rows))
        result = _compare("sim", expected, outputs)
        if is_damaged:
            reason = "; ".join(filter(None, (_DAMAGED, result.reason)))
            result = replace(result, status="differs", reason=reason)
        if not result.differing:
            return result
        stream, number = self._stream(rows[_first_window(expected, outputs)])
        return _with(result, self._locate(stream, firmware.layers(stream), number))

    def _failed_self_test(self, windows: Windows, firmware: SimulatedFirmware) -> LegResult:
        """Return the result for a firmware that refuses to predict, with the layer named."""
        values = self._reference(windows)
        difference = self._locate(windows, firmware.layers_of_self_test(), 0)
        right = self._rows([values[tensor] for tensor in self._subject.graph.outputs])
        result = _compare("sim", right[-1:], firmware.output_row()[None])
        reason = f"the known-answer test at boot fails; {result.reason}"
        return _with(replace(result, status="differs", reason=reason), difference)

    def _litert(self, expected: Windows) -> LegResult:
        try:
            inputs = self._inputs(self._subject.windows)
            outputs = self._rows(judge.run(self._subject.raw, inputs, "litert"))
        except McuSlmError as error:
            return not_run("litert", str(error), information=True)
        result = _compare("litert", expected, outputs)
        self._progress("litert", len(expected), len(expected))
        return replace(result, information=True)

    def _stream(self, window: int) -> tuple[Windows, int]:
        """Return the windows that lead to an output, and the number of the first.

        All from the beginning where layers keep state, the one window otherwise.
        """
        first = 0 if self._subject.graph.keeps_state else window
        return self._subject.windows[first : window + 1], first

    def _locate(
        self, windows: Windows, found: Iterable[LayerBytes], number: int
    ) -> Difference | None:
        """Name the first differing byte of a run of the generated code, layer by layer.

        The windows are all gone through: where state went wrong, the output shows it later.
        """
        return self._first(self._reference(windows), found, number)

    def _first(
        self, expected: Activations, found: Iterable[LayerBytes], number: int
    ) -> Difference | None:
        for row, layers in enumerate(found):
            # What is computed from constants alone is there once.
            one = {t: a if len(a) == 1 else a[row : row + 1] for t, a in expected.items()}
            difference = first_difference(
                self._subject.graph, self._operators, one, layers, number + row
            )
            if difference is not None:
                return difference
        return None

    def _locate_numpy(self, window: int) -> Difference | None:
        """Name the first layer where the NumPy reference leaves the judge."""
        graph = self._subject.graph
        stream, number = self._stream(window)
        values = self._reference(stream)
        tensors = [tensor for node in graph.nodes for tensor in graph.value_outputs(node)]
        judged = judge.run(self._subject.raw, self._inputs(stream), tensors=tensors)[
            len(graph.outputs) :
        ]
        expected = {t: a.reshape(values[t].shape) for t, a in zip(tensors, judged, strict=True)}
        expected.update({t: values[t] for t in values if t not in expected})
        found = (self._referenced_layers(values, row) for row in range(len(stream)))
        return self._first(expected, found, number)

    def _referenced_layers(self, values: Activations, row: int) -> LayerBytes:
        """Yield what the NumPy reference gave for one window, as the generated code would."""
        graph = self._subject.graph
        for index, node in enumerate(graph.nodes):
            tensors = graph.value_outputs(node)
            parts = [as_bytes(values[tensor][row]) for tensor in tensors]
            found = np.concatenate(parts) if parts else np.empty(0, np.int8)
            yield Layer(index, "", node.op, "", 0, tensors, (), ()), found


def _compare(leg: str, expected: Windows, found: Windows) -> LegResult:
    differing = int(np.count_nonzero(expected != found))
    reason = "" if differing == 0 else f"{differing} of {expected.size} bytes differ"
    status: Status = "ok" if differing == 0 else "differs"
    return LegResult(leg, status, len(expected), expected.size, differing, reason)


def _first_window(expected: Windows, found: Windows) -> int:
    return int(np.flatnonzero((expected != found).any(axis=1))[0])


def _timed(result: LegResult, seconds: float) -> LegResult:
    return replace(result, seconds=seconds)


def _with(result: LegResult, difference: Difference | None) -> LegResult:
    reason = (
        result.reason if difference is None else f"{result.reason}; first: {difference.sentence()}"
    )
    return replace(result, difference=difference, reason=reason)
