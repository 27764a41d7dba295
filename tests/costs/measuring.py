"""Layers measured on the simulated Cortex-M4: many layers in one program."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from elftools.elf.elffile import ELFFile

from mcu_slm import dsp
from mcu_slm.compile import compile_model, emit
from mcu_slm.compile.program import make_program
from mcu_slm.costs import kernel_of
from mcu_slm.dsp import price, sharing
from mcu_slm.dsp.gemm import Rests, fixed_stride
from mcu_slm.dsp.tuning import Tuning
from mcu_slm.ir import Graph
from mcu_slm.ops.base import Operator
from mcu_slm.passes import target_for
from mcu_slm.toolchain import find_arm_compiler
from mcu_slm.verify.bare_build import build_for_core
from mcu_slm.verify.bare_core import BareModel
from mcu_slm.verify.inputs import graph_noise
from tests.models import merge

CORE, COMPILER, OPTIMIZATION = "cortex-m4", "gcc", "-O2"
SHF_ALLOC = 2
LAST_WAY = 3
EVERYTHING, NOTHING = 1.0, 1e-9
"""What a byte of code may cost."""
WINDOWS = 4
"""Uniform, narrow, smooth and extreme ones: what depends on data is averaged over them."""


@dataclass(frozen=True, eq=False)
class Sample:
    """One layer: what it is, what one inference of it took, and its kernels' bytes of code."""

    operator: Operator
    instructions: float
    cycles: float
    code_bytes: int

    @property
    def kernel(self) -> str:
        return kernel_of(self.operator)


def no_stride(channels: Iterable[int], rests: Rests) -> int:
    """Leave the distance of outputs open."""
    return 0


@contextmanager
def forced(way: int, *, in_pairs: bool = False) -> Iterator[None]:
    """Take a certain one of the ways that the dsp family has for a layer, or its last one.

    `in_pairs`: small products of rows do without the kernel for blocks of channels.

    No costs are asked for meanwhile: they may be what is being measured. Code is shared and tables
    are filled with every other way, whatever that costs; with the last way no kernel is made for
    one stride, which else those are that no layers share.
    """
    worth = EVERYTHING if way % 2 == 0 else NOTHING
    stride = no_stride if way == LAST_WAY else fixed_stride

    def take(ways: Sequence[Operator], tuning: Tuning) -> Operator:
        return ways[min(way, len(ways) - 1)]

    with (
        patch.object(dsp, "cheapest", take),
        patch.object(emit, "predict", lambda _: None),
        patch.object(price, "SHARE_PER_BYTE", worth),
        patch.object(sharing, "fixed_stride", stride),
        patch.object(sharing, "BLOCKS_BYTES", EVERYTHING / NOTHING if in_pairs else 0),
    ):
        yield


def measure_graph(
    graph: Graph, family: str, optimize: str, folder: Path, windows: int = WINDOWS
) -> list[Sample | None]:
    """Return a sample per node, None where no byte moves."""
    operators = make_program(graph, b"cost", target_for(family, optimize, None)).operators
    compiled = compile_model(graph, b"cost", folder / "code", family, optimize)
    elf = build_for_core(
        folder / "code",
        compiled,
        CORE,
        folder / "build",
        compiler=find_arm_compiler(COMPILER),
        optimization=OPTIMIZATION,
        cache=folder / "kernels",
    )
    sizes = {path.name.split(".")[0]: _code_bytes(path) for path in folder.rglob("*.o")}
    model = BareModel(elf, compiled, CORE)
    with model.profile([layer.function for layer in compiled.layers if layer.function]) as profile:
        model.predict(graph_noise(graph, windows, seed=7))
    samples: list[Sample | None] = []
    for operator, layer in zip(operators, compiled.layers, strict=True):
        if not layer.function:
            samples.append(None)
            continue
        found = profile[layer.function]
        assert found.calls == windows
        assert found.cycles is not None
        kernels = {*operator.kernels, *(kernel.name for kernel in operator.generated)}
        code = sum(sizes[name] for name in kernels)
        taken = (found.instructions / windows, found.cycles / windows)
        samples.append(Sample(operator, *taken, code))
    return samples


def kernels_of(graph: Graph, family: str, optimize: str) -> set[str]:
    """Return the kernels that the layers of a graph would be measured for."""
    operators = make_program(graph, b"cost", target_for(family, optimize, None)).operators
    return {kernel_of(x) for x in operators if x.kernels or x.generated}


def _code_bytes(path: Path) -> int:
    """Return the bytes of an object file that go to flash."""
    with path.open("rb") as file:
        sections = ELFFile(file).iter_sections()
        loaded = (item for item in sections if item["sh_flags"] & SHF_ALLOC)
        return sum(item["sh_size"] for item in loaded if item["sh_type"] == "SHT_PROGBITS")


def measure(
    graphs: Sequence[Graph], family: str, optimize: str, folder: Path, at_once: int = 24
) -> list[Sample]:
    """Return a sample per layer of some graphs, all of them in few programs."""
    found: list[Sample] = []
    for first in range(0, len(graphs), at_once):
        merged = merge(graphs[first : first + at_once])
        samples = measure_graph(merged, family, optimize, folder / str(first))
        found += [sample for sample in samples if sample is not None]
    return found
