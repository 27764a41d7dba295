"""What a compiled model folder contains, as a frozen dataclass and as `manifest.json`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from mcu_slm.errors import ModelError

MANIFEST = "manifest.json"
INTERPRETER: Final = "tflm"
"""The kernel family of a folder whose model an interpreter runs."""


@dataclass(frozen=True)
class Layer:
    """One layer of the generated code. `function` is empty where no byte moves (RESHAPE).

    `index` is the number of the file's layer that makes the outputs, `tensors` their numbers there.

    The predictions are for gcc -O2 on a Cortex-M4; None where there is none.
    """

    index: int
    name: str
    op: str
    function: str
    macs: int
    tensors: tuple[int, ...]
    offsets: tuple[int, ...]
    byte_counts: tuple[int, ...]
    predicted_instructions: int | None = None
    predicted_cycles: int | None = None


@dataclass(frozen=True)
class CompiledModel:
    """A folder of generated C. Sizes in bytes; `sources` are the .c files to compile.

    `state_bytes` is what lives from one inference to the next, beside the arena; mostly 0.
    `spent_weight_bytes` is by how much `weight_bytes` exceed those of the file, for speed.
    """

    tool_version: str
    model_sha256: str
    kernel_family: str
    optimize: str
    input_bytes: int
    output_bytes: int
    arena_bytes: int
    state_bytes: int
    weight_bytes: int
    table_bytes: int
    macs: int
    input_offset: int
    output_offset: int
    labels: tuple[str, ...]
    sources: tuple[str, ...]
    layers: tuple[Layer, ...]
    files: dict[str, str]
    spent_weight_bytes: int = 0

    def to_json(self) -> str:
        """Return the text of `manifest.json`."""
        return json.dumps(asdict(self), indent=1) + "\n"


def load_compiled(folder: Path) -> CompiledModel:
    """Read `manifest.json` of a compiled model folder.

    Raises:
        ModelError: No manifest there, or one that this version cannot read.
    """
    path = folder / MANIFEST
    try:
        fields: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        layers = tuple(_layer(entry) for entry in fields.pop("layers"))
        labels, sources = tuple(fields.pop("labels")), tuple(fields.pop("sources"))
        return CompiledModel(**fields, layers=layers, labels=labels, sources=sources)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(
            str(path),
            f"no readable manifest of a compiled model ({error})",
            remedy="Run: mcu-slm compile MODEL.tflite --out DIR",
        ) from error


def _layer(fields: dict[str, Any]) -> Layer:
    for name in ("tensors", "offsets", "byte_counts"):
        fields[name] = tuple(fields[name])
    return Layer(**fields)
