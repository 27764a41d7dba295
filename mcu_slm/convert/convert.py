"""Quantised student in, checked int8 graph out."""

from __future__ import annotations

from typing import Any, Protocol

from mcu_slm.convert.emit import GraphOps, Handle, Ranges
from mcu_slm.convert.rules import check_rules
from mcu_slm.errors import ModelError
from mcu_slm.ir import Graph, GraphBuilder
from mcu_slm.metadata import METADATA_NAME, ModelInfo
from mcu_slm.quant import cell_scale

DESCRIPTION = "int8 sequence model written by mcu_slm"
_SKETCHED_SCALE = 0.03125


class StudentLike(Protocol):
    """A network that describes itself on any backend."""

    @property
    def shape(self) -> Any:
        """Gives `window`, `channels` and `head`, which gives `outputs`."""
        ...

    def forward(self, ops: Any, x: Any) -> Any:
        """Run on a backend."""
        ...


class TrainedLike(Protocol):
    """A student with the ranges of its activations."""

    @property
    def student(self) -> StudentLike: ...  # noqa: D102
    @property
    def ranges(self) -> Ranges: ...  # noqa: D102


def convert(trained: TrainedLike, info: ModelInfo, *, name: str = "main") -> Graph:
    """Return the int8 graph of a trained student; `info` travels in it as metadata.

    Shapes: the graph's input is int8 [1, 1, window, channels], its output int8 [1, classes].

    Raises:
        ModelError: The student does not fit `info`, has no activation ranges, or breaks a
            rule of `check_rules`.
    """
    shape = trained.student.shape
    _require_fit("window_samples", info.window_samples, shape.window)
    if info.labels:
        _require_fit("labels", len(info.labels), shape.head.outputs)
    for field in ("channels", "units", "mean", "std"):
        _require_fit(field, len(getattr(info, field)), shape.channels)
    graph = _graph_of(trained.student, trained.ranges, {METADATA_NAME: info.to_bytes()}, name)
    check_rules(graph)
    return graph


def sketch(student: StudentLike) -> Graph:
    """Return the graph that a student would give, with made-up scales: enough to ask its costs."""
    return _graph_of(student, _AnyRanges(), {}, "main")


class _AnyRanges:
    """Ranges of a student that saw no data yet."""

    def quantization(self, name: str) -> tuple[float, int]:  # noqa: ARG002
        """Return the same scale for all, with a zero point as of values of both signs."""
        return _SKETCHED_SCALE, -3

    def cell_scale(self, name: str) -> float:  # noqa: ARG002
        """Return the usual scale."""
        return cell_scale(0.0)


def _graph_of(student: StudentLike, ranges: Ranges, metadata: dict[str, bytes], name: str) -> Graph:
    builder = GraphBuilder(name, DESCRIPTION)
    ops = GraphOps(builder, ranges)
    x = ops.input((1, 1, student.shape.window, student.shape.channels))
    y: Handle = student.forward(ops, x)
    return builder.build([x.number], [y.number], metadata)


def _require_fit(field: str, found: int, expected: int) -> None:
    if found != expected:
        raise ModelError(
            f"metadata {field}",
            f"describes {found}",
            f"{expected}, as the student was trained",
            "Train again after changing the data set.",
        )
