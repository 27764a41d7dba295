"""The kernels under every compiler's warnings, cppcheck, and the sanitizers of gcc."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from mcu_slm import dsp, ops, tflite
from mcu_slm.compile import compile_model
from mcu_slm.dsp import price
from mcu_slm.errors import ToolError
from mcu_slm.ir import Graph
from mcu_slm.ops import reference
from mcu_slm.rows import pack
from mcu_slm.toolchain import (
    WARNING_FLAGS,
    Compiler,
    HostCompiler,
    compile_objects,
    find_arm_compiler,
)
from tests.dsp.shaped_layers import shaped, with_room
from tests.dsp.ways import first_way
from tests.models import Windows, every_operator, merge, windows_of
from tests.ops.cases import CASES, Case
from tests.streaming_layers import streaming

pytestmark = pytest.mark.host

needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="skipped: no gcc")

KERNELS = Path(ops.__file__).parent.parent / "kernels"
DRIVER = """\
#include <stdio.h>
#include "model.h"

int main(void)
{
    static int8_t input[MCU_SLM_MODEL_INPUT_BYTES];
    static int8_t output[MCU_SLM_MODEL_OUTPUT_BYTES];

    mcu_slm_model_reset();
    while (fread(input, 1, sizeof input, stdin) == sizeof input) {
        mcu_slm_model_predict(input, output);
        fwrite(output, 1, sizeof output, stdout);
    }
    return 0;
}
"""
SUMMED = (
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "FULLY_CONNECTED",
    "TRANSPOSE_CONV",
    "UNIDIRECTIONAL_SEQUENCE_LSTM",
)
SANITIZERS = (
    *("-fsanitize=address,undefined,float-cast-overflow", "-fno-sanitize-recover=all"),
    *("-fno-common", "-g"),
)


def compiler_of(name: str) -> tuple[Compiler, tuple[str, ...]]:
    """Return a compiler with the flags that choose its target; skip where it is not installed."""
    try:
        if name == "zig":
            return HostCompiler("zig", find_arm_compiler("zig").command, "zig"), ()
        if name == "arm-none-eabi-gcc":
            arm = find_arm_compiler("gcc")
            return arm, (*arm.target_flags("cortex-m4", "fpv4-sp-d16"), "-ffreestanding")
    except ToolError as error:
        pytest.skip(f"skipped: {error}")
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"skipped: no {name}")
    return HostCompiler("clang" if name == "clang" else "gcc", (found,), name), ()


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The generated folders of models that use every operator, and with it every kernel."""
    folders = []
    every = every_operator(("a", "b", "c"))
    models = (
        *((every, "portable"), (streaming(), "portable"), (every, "dsp"), (shaped(), "dsp")),
        (with_room(), "dsp"),
    )
    for graph, family in models:
        folders.append(tmp_path_factory.mktemp("code"))
        with first_way(), pytest.MonkeyPatch.context() as patch:
            patch.setattr(price, "SHARE_PER_BYTE", 1.0)  # tables are filled whatever that takes
            compile_model(graph, tflite.write_model(graph), folders[-1], family)
    found = {path.name for folder in folders for path in folder.iterdir()}
    kernels = {path.name for folder in ("", "dsp") for path in (KERNELS / folder).glob("*.[ch]")}
    assert kernels <= found
    return folders


@pytest.mark.parametrize("name", ["gcc", "clang", "zig", "arm-none-eabi-gcc"])
@pytest.mark.parametrize("optimization", ["-O0", "-Og", "-Os", "-O2"])
def test_generated_code_compiles_without_warnings(
    name: str, optimization: str, code: list[Path], tmp_path: Path
) -> None:
    compiler, target = compiler_of(name)
    flags = ("-std=c11", "-pedantic", *target, optimization, *WARNING_FLAGS)
    for number, folder in enumerate(code):
        sources = sorted(folder.glob("*.c"))
        objects = compile_objects(compiler, sources, folder, tmp_path / str(number), flags)
        assert len(objects) == len(sources)


@pytest.mark.skipif(shutil.which("cppcheck") is None, reason="skipped: no cppcheck")
def test_cppcheck_finds_nothing(code: list[Path]) -> None:
    checks = "--enable=warning,portability,performance"
    command = ["cppcheck", "--std=c11", checks, "--error-exitcode=1", "--quiet", *map(str, code)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_kernels_name_no_heap_and_no_pointer_to_a_function() -> None:
    forbidden = re.compile(r"\b(?:malloc|calloc|realloc|free|alloca)\b|\(\s*\*\s*\w*\s*\)\s*\(")
    assert forbidden.search("static int (*now)(int);")
    sources = sorted((*KERNELS.rglob("*.[ch]"), *KERNELS.rglob("*.[ch].j2")))
    assert len(sources) > 50
    for source in sources:
        text = re.sub(r"/\*.*?\*/|//[^\n]*", "", source.read_text(), flags=re.DOTALL)
        assert forbidden.search(text) is None, source.name


def sanitized_outputs(
    graph: Graph, rows: Windows, folder: Path, family: str = "portable", *flags: str
) -> Windows:
    """Build the generated code with both sanitizers and run it as a process of its own."""
    with first_way():
        compiled = compile_model(graph, tflite.write_model(graph), folder, family)
    (folder / "driver.c").write_text(DRIVER)
    command = ["gcc", "-std=c11", "-O1", *SANITIZERS, *flags]
    command += [*compiled.sources, "driver.c", "-o", "driver"]
    subprocess.run(command, cwd=folder, check=True)
    environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
    done = subprocess.run(
        [str(folder / "driver")],
        input=rows.tobytes(),
        capture_output=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")[:2000]
    return np.frombuffer(done.stdout, np.int8).reshape(len(rows), -1)


def check(cases: list[Case], folder: Path, family: str = "portable", *flags: str) -> None:
    """Run all cases in one program, as layers of one model, and compare every byte."""
    inputs, outputs = [], []
    graphs = [ops.fold_graph(case.graph) for case in cases]
    for case, graph in zip(cases, graphs, strict=True):
        windows = windows_of(graph, 16, seed=3, lowest=case.lowest)
        values = reference.run(graph, ops.parse_graph(graph), windows)
        inputs += windows
        outputs += [values[number] for number in graph.outputs]
    graph = merge(graphs)
    found = sanitized_outputs(graph, pack(graph, graph.inputs, inputs), folder, family, *flags)
    np.testing.assert_array_equal(found, pack(graph, graph.outputs, outputs))


@needs_gcc
@pytest.mark.parametrize("graph", [every_operator(), streaming()], ids=["all others", "streaming"])
def test_all_operators_together_are_clean_under_sanitizers(graph: Graph, tmp_path: Path) -> None:
    check([Case("together", graph)], tmp_path)


@needs_gcc
@pytest.mark.parametrize(
    ("family", "op"),
    [("portable", op) for op in sorted(CASES)] + [("dsp", op) for op in dsp.OPERATORS],
)
def test_every_case_is_clean_under_sanitizers(family: str, op: str, tmp_path: Path) -> None:
    check(list(CASES[op]()), tmp_path, family)


@needs_gcc
@pytest.mark.parametrize("op", SUMMED)
def test_sums_in_registers_are_clean_under_sanitizers(op: str, tmp_path: Path) -> None:
    """The loops for cores without vectors, which hosts do not take by themselves."""
    check(list(CASES[op]()), tmp_path, "portable", "-DMCU_SLM_SUMS_IN_REGISTERS=1")


@needs_gcc
def test_kernels_call_nothing_from_outside_but_memcpy_and_memset(tmp_path: Path) -> None:
    """Freestanding: undefined symbols of the objects are their own, memcpy or memset."""
    every = every_operator()
    models = {
        "others": (every, "portable"),
        "streaming": (streaming(), "portable"),
        "dsp": (every, "dsp"),
    }
    for name, (graph, family) in models.items():
        folder = tmp_path / name
        compiled = compile_model(graph, tflite.write_model(graph), folder, family)
        command = ["gcc", "-std=c11", "-O2", "-ffreestanding", "-c", *compiled.sources]
        subprocess.run(command, cwd=folder, check=True)
    listing = subprocess.run(
        ["nm", *map(str, tmp_path.rglob("*.o"))], capture_output=True, text=True, check=True
    ).stdout
    symbols = [
        line.split()[-2:] for line in listing.splitlines() if line.strip() and ":" not in line
    ]
    defined = {name for kind, name in symbols if kind != "U"}
    undefined = {name for kind, name in symbols if kind == "U"} - defined
    assert undefined <= {"memcpy", "memset", "_GLOBAL_OFFSET_TABLE_"}
