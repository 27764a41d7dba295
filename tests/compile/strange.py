"""Names and labels that break careless generators of C."""

from __future__ import annotations

from dataclasses import replace

from mcu_slm.ir import Graph
from mcu_slm.metadata import METADATA_NAME, ModelInfo
from tests.models import every_operator

NAMES = [
    "*/ int broken = 1; /*",
    "/* /* */ */",
    "ends with a backslash\\",
    "ends with a star and a backslash *\\",
    "ends with a trigraph ??/",
    "日本/",
    "two\nlines",
    "carriage\rreturn\t\x00\x1b[31m",
    "\u202eright to left",
    "",
    "int",
    "return",
    "1st",
    "same",
    "same",
    "SAME",
    "same_2",
    "%% if x",
    "[[ notice ]] {{ 1 }}",
    "#define X",
    "\"quoted\" 'too'",
    "a" * 300,
    "//",
]

LABELS = (
    'say "hi"',
    "C:\\new\\x41",
    "??/ ??= trigraph",
    "größe",
    "日本",
    "%d %s",
    "\\",
    "'",
    "a" * 60,
)


def strange_names() -> Graph:
    """Return the model of all operators with the names above, in order and again."""
    graph = every_operator(("a", "b", "c"))
    names = [NAMES[i % len(NAMES)] for i in range(len(graph.tensors))]
    tensors = tuple(replace(t, name=n) for t, n in zip(graph.tensors, names, strict=True))
    return replace(graph, tensors=tensors, name="*/", description="*/\n#error")


def with_labels(graph: Graph, labels: tuple[str, ...]) -> Graph:
    """Return the graph with other labels."""
    return replace(graph, metadata={METADATA_NAME: ModelInfo(labels=labels).to_bytes()})
