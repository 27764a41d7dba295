"""Layers of the dsp family against the judge: plain C on this machine, and simulated cores."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from mcu_slm import dsp, judge, ops, tflite, toolchain
from mcu_slm.compile import compile_model
from mcu_slm.dsp.dual_issue import DUAL_ISSUE_CORES
from mcu_slm.errors import ToolError
from mcu_slm.ir import Graph
from mcu_slm.manifest import CompiledModel
from mcu_slm.rows import Rows, pack
from mcu_slm.verify import BareModel, build_for_core
from mcu_slm.verify.host import HostModel
from tests.dsp.ways import first_way
from tests.models import merge, needs_judge, windows_of
from tests.ops.case import Case

WINDOWS = 6


@dataclass(frozen=True, eq=False)
class Legs:
    """All cases in one model, compiled for the dsp family, with windows and the judge's bytes."""

    graph: Graph
    folder: Path
    compiled: CompiledModel
    windows: Rows
    expected: Rows

    def host(self) -> Rows:
        """Return the outputs of the generated C, without assembly, on this machine."""
        model = HostModel(self.folder / "code", self.compiled, self.folder / "host")
        return model.predict(self.windows)

    def core(self, core: str, kind: str, optimization: str) -> Rows:
        """Return the outputs of the generated C on a simulated core."""
        pytest.importorskip("unicorn", reason="needs the package unicorn")
        try:
            compiler = toolchain.find_arm_compiler(kind)
        except ToolError:
            pytest.skip(f"{kind} is not installed")
        code, compiled = self._code_for(core)
        build = self.folder / f"{kind}-{core}{optimization}"
        elf = build_for_core(
            *(code, compiled, core, build),
            compiler=compiler,
            optimization=optimization,
        )
        return BareModel(elf, compiled, core).predict(self.windows)

    def _code_for(self, core: str) -> tuple[Path, CompiledModel]:
        if core not in DUAL_ISSUE_CORES:
            return self.folder / "code", self.compiled
        code, raw = self.folder / f"code-{core}", tflite.write_model(self.graph)
        with first_way():
            return code, compile_model(self.graph, raw, code, "dsp", core=core)


def legs_of(cases: list[Case], folder: Path, seed: int) -> Legs:
    """Compile cases, which have inputs and outputs of int8 only, and ask the judge."""
    graph = merge([case.graph for case in cases])
    raw = tflite.write_model(graph)
    inputs = windows_of(graph, WINDOWS, seed=seed)
    with first_way():
        compiled = compile_model(graph, raw, folder / "code", "dsp")
    return Legs(
        graph,
        folder,
        compiled,
        pack(graph, graph.inputs, inputs),
        pack(graph, graph.outputs, judge.run(raw, inputs)),
    )


def specialized(case: Case) -> ops.Operator:
    """Return the last layer of a case as the dsp family does it."""
    with first_way():
        return dsp.specialize(ops.parse_graph(ops.fold_graph(case.graph))[-1])


def differences(found: Rows, expected: Rows) -> int:
    """Return how many bytes differ."""
    return int(np.count_nonzero(found.reshape(expected.shape) != expected))


@needs_judge
class EqualsTheJudge:
    """What the layers of every kernel are held to; a module derives from it beside its `legs`."""

    @pytest.mark.host
    def test_plain_c_equals_the_judge(self, legs: Legs) -> None:
        assert differences(legs.host(), legs.expected) == 0

    @pytest.mark.emulator
    @pytest.mark.parametrize("optimization", ["-O2", "-Os", "-Og"])
    @pytest.mark.parametrize("kind", ["gcc", "zig"])
    def test_assembly_equals_the_judge(self, kind: str, optimization: str, legs: Legs) -> None:
        assert differences(legs.core("cortex-m4", kind, optimization), legs.expected) == 0

    @pytest.mark.emulator
    @pytest.mark.parametrize("core", ["cortex-m3", "cortex-m7", "cortex-m33"])
    def test_other_cores_equal_the_judge(self, core: str, legs: Legs) -> None:
        assert differences(legs.core(core, "gcc", "-O2"), legs.expected) == 0
