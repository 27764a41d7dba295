"""Kernels that have loops of their own on small cores, as Cortex-M0+ and Cortex-M3 run them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mcu_slm import ops, tflite
from mcu_slm.compile import compile_model
from mcu_slm.errors import ToolError
from mcu_slm.ops import reference
from mcu_slm.rows import pack
from mcu_slm.toolchain import find_arm_compiler
from mcu_slm.verify import BareModel, build_for_core
from tests.kernels.test_kernels import SUMMED
from tests.models import merge, windows_of
from tests.ops.cases import CASES

pytestmark = pytest.mark.emulator

WINDOWS = 4


@pytest.mark.parametrize("optimization", ["-O2", "-Os", "-Og"])
@pytest.mark.parametrize("kind", ["gcc", "zig"])
@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m3"])
def test_every_layer_of_sums_has_the_references_bytes(
    core: str, kind: str, optimization: str, tmp_path: Path
) -> None:
    pytest.importorskip("unicorn", reason="needs the package unicorn")
    try:
        compiler = find_arm_compiler(kind)
    except ToolError:
        pytest.skip(f"{kind} is not installed")
    inputs, outputs = [], []
    graphs = [ops.fold_graph(case.graph) for op in SUMMED for case in CASES[op]()]
    for graph in graphs:
        windows = windows_of(graph, WINDOWS, seed=5)
        values = reference.run(graph, ops.parse_graph(graph), windows)
        inputs += windows
        outputs += [values[number] for number in graph.outputs]
    graph = merge(graphs)
    compiled = compile_model(graph, tflite.write_model(graph), tmp_path / "code")
    elf = build_for_core(
        *(tmp_path / "code", compiled, core, tmp_path / "build"),
        compiler=compiler,
        optimization=optimization,
    )
    found = BareModel(elf, compiled, core).predict(pack(graph, graph.inputs, inputs))
    np.testing.assert_array_equal(found, pack(graph, graph.outputs, outputs))
