"""The check of a `.tflite` file: its structure and meaning, then each operator."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcu_slm import ops, tflite
from mcu_slm.files import sha256_bytes
from mcu_slm.ir import Graph, Tensor
from mcu_slm.tflite.rules import printable


@dataclass(frozen=True)
class Checked:
    """A file that passed.

    `operators` counts the layers by operator, without the `folded_count` that are constants.
    """

    path: Path
    sha256: str
    byte_count: int
    tensor_count: int
    macs: int
    operators: dict[str, int]
    folded_count: int
    inputs: tuple[dict[str, Any], ...]
    outputs: tuple[dict[str, Any], ...]

    def to_json(self) -> dict[str, Any]:
        """Return the facts for `--json`."""
        return {"ok": True, **vars(self), "path": str(self.path)}

    def lines(self) -> list[str]:
        """Return the facts as text."""
        layers = ", ".join(f"{count} {op}" for op, count in sorted(self.operators.items()))
        folded = f", {self.folded_count} more folded to constants" if self.folded_count else ""
        ends = [("input", end) for end in self.inputs] + [("output", end) for end in self.outputs]
        return [
            f"{self.path}: sound, and every operator is supported",
            f"sha256 {self.sha256}, {self.byte_count:,} bytes",
            *(f"{kind} {_end_line(end)}" for kind, end in ends),
            f"{sum(self.operators.values())} layers ({layers}){folded}, "
            f"{self.tensor_count:,} tensors, {self.macs:,} multiply-accumulates",
        ]


def check_file(path: Path) -> Checked:
    """Check a file of any origin; nothing native reads it.

    Raises:
        ModelError: Not a sound model; `values["rule"]` names the rule, unless it was an operator.
        UnsupportedOperatorError: Sound, but there is no kernel for it.
    """
    return describe(path, *tflite.read_file(path))


def describe(path: Path, graph: Graph, raw: bytes) -> Checked:
    """Return the facts of a graph that is sound, with the bytes that it was read from.

    Raises:
        UnsupportedOperatorError: There is no kernel for an operator.
    """
    folded = ops.fold_graph(graph)
    operators = ops.parse_graph(folded)
    return Checked(
        path,
        sha256_bytes(raw),
        len(raw),
        len(graph.tensors),
        sum(operator.macs for operator in operators),
        dict(Counter(node.op for node in folded.nodes)),
        len(graph.nodes) - len(folded.nodes),
        tuple(_end(graph.tensor(index)) for index in graph.inputs),
        tuple(_end(graph.tensor(index)) for index in graph.outputs),
    )


def _end(tensor: Tensor) -> dict[str, Any]:
    quantization = tensor.quantization
    return {
        "name": tensor.name,
        "dtype": tensor.dtype,
        "shape": list(tensor.shape),
        "scale": quantization.scale if quantization else None,
        "zero_point": quantization.zero_point if quantization else None,
    }


def _end_line(end: dict[str, Any]) -> str:
    shape = "x".join(map(str, end["shape"])) or "scalar"
    line = f"{printable(end['name'])}: {end['dtype']} {shape}"
    if end["scale"] is None:
        return line
    return f"{line}, scale {end['scale']:.9g}, zero point {end['zero_point']}"
