"""One inference of a model on each core that has no board here: the program alone, simulated."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from mcu_slm import ops
from mcu_slm.compile import Choices, compile_model
from mcu_slm.manifest import CompiledModel
from mcu_slm.ops import reference
from mcu_slm.pipeline.deployment import read_model
from mcu_slm.rows import pack, unpack
from mcu_slm.toolchain import ArmCompiler
from mcu_slm.verify import BareModel, build_for_core

OTHER_CORES: Final = {
    "cortex-m0plus": "M0+",
    "cortex-m3": "M3",
    "cortex-m7": "M7",
    "cortex-m33": "M33",
}
"""Cores and what the table calls them."""


@dataclass(frozen=True)
class CoreResult:
    """What a model costs on a core with the kernels that it gets by default.

    Units: `code_bytes` of the whole linked program but constant tensors.
    """

    model: str
    core: str
    kernels: str
    instructions: int
    code_bytes: int
    arena_bytes: int


def measure_core(path: Path, core: str, runs: Path, compiler: ArmCompiler | None) -> CoreResult:
    """Compile a model for a core, run one window, and compare its outputs with the reference's."""
    model, folder = read_model(path), runs / f"{path.stem}-{core}"
    graph, family = model.graph, Choices().family(core)
    compiled = compile_model(graph, model.raw, folder / "code", family, core=core)
    elf = build_for_core(folder / "code", compiled, core, folder / "build", compiler=compiler)
    window = np.random.default_rng(1).integers(-128, 128, (1, compiled.input_bytes)).astype(np.int8)
    values = reference.run(graph, ops.parse_graph(graph), unpack(graph, graph.inputs, window))
    program = BareModel(elf, compiled, core)
    outputs = program.predict(window)
    expected = pack(graph, graph.outputs, [values[tensor] for tensor in graph.outputs])
    assert np.array_equal(outputs, expected), f"{path.stem} on {core}"
    return CoreResult(
        path.stem,
        core,
        family,
        program.instructions[0],
        _code_bytes(elf, compiled),
        compiled.arena_bytes,
    )


def _code_bytes(elf: Path, compiled: CompiledModel) -> int:
    from elftools.elf.elffile import ELFFile

    with elf.open("rb") as stream:
        segments = list(ELFFile(stream).iter_segments("PT_LOAD"))
        return sum(int(segment["p_filesz"]) for segment in segments) - compiled.weight_bytes
