"""Quantised student in, checked int8 graph out."""

from __future__ import annotations

from typing import Any, Protocol

from mcu_slm.convert.emit import GraphOps, Handle, Ranges
from mcu_slm.convert.rules import check_rules
from mcu_slm.errors import ModelError
from mcu_slm.ir import Graph, GraphBuilder
from mcu_slm.metadata import METADATA_NAME, ModelInfo

DESCRIPTION = "int8 sequence model written by mcu_slm"


class StudentLike(Protocol):
    """A network that describes itself on any backend."""

    @property
    def shape(self) -> Any:
        """Gives `window`, `channels` and `classes`."""
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
    _require_fit("labels", len(info.labels), shape.classes)
    for field in ("channels", "units", "mean", "std"):
        _require_fit(field, len(getattr(info, field)), shape.channels)
    builder = GraphBuilder(name, DESCRIPTION)
    ops = GraphOps(builder, trained.ranges)
    x = ops.input((1, 1, shape.window, shape.channels))
    y: Handle = trained.student.forward(ops, x)
    graph = builder.build([x.number], [y.number], {METADATA_NAME: info.to_bytes()})
    check_rules(graph)
    return graph


def _require_fit(field: str, found: int, expected: int) -> None:
    if found != expected:
        raise ModelError(
            f"metadata {field}",
            f"describes {found}",
            f"{expected}, as the student was trained",
            "Train again after changing the data set.",
        )
