"""A folder per failing graph: the smallest model that fails, its windows, what the judge said."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np

from mcu_slm import __version__, judge, ops, tflite
from mcu_slm.compile import compile_model
from mcu_slm.errors import McuSlmError
from mcu_slm.files import write_atomic
from mcu_slm.rows import row_offsets
from mcu_slm.verify import legs
from mcu_slm.verify.result import Difference
from tests.prove.judging import judge_all
from tests.prove.proving import Failure, Subject


def write_case(folder: Path, subject: Subject, failure: Failure, command: str) -> Path:
    """Write model.tflite, input.npy, output.npy (where the judge answers) and case.toml.

    Windows and outputs are rows of bytes, see `mcu_slm.rows`.
    """
    graph, raw = subject.graph, tflite.write_model(subject.graph)
    write_atomic(folder / "model.tflite", raw)
    np.save(folder / "input.npy", subject.rows)
    (answer,) = judge_all([(raw, subject.rows)], [row_offsets(graph, graph.outputs)[1]])
    if isinstance(answer, str):
        (folder / "output.npy").unlink(missing_ok=True)
    else:
        np.save(folder / "output.npy", answer)
    facts: dict[str, object] = {
        "tool_version": __version__,
        "judge_version": judge.TFLM_VERSION,
        "command": command,
        "operators": [node.op for node in graph.nodes],
        "leg": failure.leg,
        "kind": failure.kind,
        "what": failure.what,
    }
    difference = _located(subject, raw, failure)
    if difference is not None:
        facts |= {
            "layer": difference.layer,
            "tensor": difference.name,
            "element": difference.element,
            "expected": difference.expected,
            "found": difference.found,
            "sentence": difference.sentence(),
        }
    # Strings, whole numbers and lists of strings look alike in JSON and TOML.
    lines = [
        f"{name} = {value if isinstance(value, float) else json.dumps(value)}"
        for name, value in facts.items()
    ]
    write_atomic(folder / "case.toml", "\n".join(lines) + "\n")
    return folder


def _located(subject: Subject, raw: bytes, failure: Failure) -> Difference | None:
    """Return the first differing byte of any layer, as the product's own proof finds it."""
    if failure.kind != "differs" or failure.leg == "multipliers":
        return None
    with tempfile.TemporaryDirectory(prefix="mcu-slm-prove-") as name:
        place = Path(name)
        try:
            graph = ops.fold_graph(tflite.read_model(raw))
            compiled = compile_model(graph, raw, place / "code")
            proof = legs.run_legs(
                legs.Subject(
                    graph, raw, subject.rows, (), place / "code", compiled, place / "build"
                ),
                ("tflm", "numpy", "host"),
            )
        except (McuSlmError, ValueError):
            return None
        return next((leg.difference for leg in proof.legs if leg.difference is not None), None)
