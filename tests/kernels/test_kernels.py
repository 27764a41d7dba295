"""The kernels under every host compiler's warnings, and under the sanitizers of gcc."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from mcu_slm import ops, tflite
from mcu_slm.compile import compile_model
from mcu_slm.errors import ToolError
from mcu_slm.ir import Graph
from mcu_slm.ops import reference
from mcu_slm.toolchain import (
    WARNING_FLAGS,
    HostCompiler,
    compile_objects,
    find_arm_compiler,
)
from tests.models import Windows, every_operator, windows_of
from tests.ops.cases import CASES

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

    while (fread(input, 1, sizeof input, stdin) == sizeof input) {
        mcu_slm_model_predict(input, output);
        fwrite(output, 1, sizeof output, stdout);
    }
    return 0;
}
"""
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-common", "-g"]

CORNERS = {
    "ADD": ["four axes", "finest output"],
    "BATCH_MATMUL": ["left shift", "adj_x True, adj_y True, constant"],
    "CONCATENATION": ["constant part"],
    "CONV_2D": ["kernel beyond input", "dilated, same", "left shift", "saturated"],
    "FULLY_CONNECTED": ["left shift", "tiny multiplier"],
    "L2_NORMALIZATION": ["(1, 300), zero point 127"],
    "MEAN": ["left shift", "tiny multiplier"],
    "MUL": ["finest output"],
    "SOFTMAX": [
        "(1, 511), scale 0.05, beta 1.0",
        "(1, 7), scale 40.0, beta 1.0",
        "4095 classes",
    ],
    "TRANSPOSE": ["(2, 1, 3, 2, 2) by (4, 2, 0, 1, 3)"],
}


def host_compilers() -> list[HostCompiler]:
    """Return every compiler for this machine: gcc, clang, and the clang inside ziglang."""
    found = []
    for name in ("gcc", "clang"):
        if path := shutil.which(name):
            found.append(HostCompiler(name, (path,), name))
    with contextlib.suppress(ToolError):
        found.append(HostCompiler("zig", find_arm_compiler("zig").command, "zig"))
    return found


@pytest.mark.parametrize("compiler", host_compilers(), ids=lambda compiler: compiler.kind)
@pytest.mark.parametrize("optimization", ["-O0", "-O2"])
def test_generated_code_compiles_without_warnings(
    compiler: HostCompiler, optimization: str, tmp_path: Path
) -> None:
    folder = tmp_path / "code"
    graph = every_operator(("a", "b", "c"))
    compile_model(graph, tflite.write_model(graph), folder)
    sources = sorted(folder.glob("*.c"))
    assert {path.name for path in KERNELS.glob("*.c")} <= {path.name for path in sources}
    flags = ("-std=c11", "-pedantic", optimization, *WARNING_FLAGS)
    objects = compile_objects(compiler, sources, folder, tmp_path / "build", flags)
    assert len(objects) == len(sources)


def sanitized_outputs(graph: Graph, windows: Windows, folder: Path) -> Windows:
    """Build the generated code with both sanitizers and run it as a process of its own."""
    compiled = compile_model(graph, tflite.write_model(graph), folder)
    (folder / "driver.c").write_text(DRIVER)
    program = folder / "driver"
    command = [
        "gcc",
        "-std=c11",
        "-O1",
        *SANITIZERS,
        *compiled.sources,
        "driver.c",
        "-o",
        str(program),
    ]
    subprocess.run(command, cwd=folder, check=True)
    environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
    done = subprocess.run(
        [str(program)], input=windows.tobytes(), capture_output=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")[:2000]
    return np.frombuffer(done.stdout, np.int8).reshape(len(windows), -1)


def check(graph: Graph, folder: Path, lowest: int = -128) -> None:
    windows = windows_of(graph, 30, seed=3, lowest=lowest)
    values = reference.run(graph, ops.parse_graph(graph), windows)
    found = sanitized_outputs(graph, windows[0], folder)
    np.testing.assert_array_equal(found, values[graph.outputs[0]].reshape(30, -1))


@needs_gcc
def test_all_operators_are_clean_under_sanitizers(tmp_path: Path) -> None:
    check(every_operator(), tmp_path)


@needs_gcc
@pytest.mark.parametrize("op", CORNERS)
def test_corners_are_clean_under_sanitizers(op: str, tmp_path: Path) -> None:
    cases = {case.name: case for case in CASES[op]()}
    for number, name in enumerate(CORNERS[op]):
        check(cases[name].graph, tmp_path / str(number), cases[name].lowest)


@needs_gcc
def test_kernels_call_nothing_from_outside_but_memcpy(tmp_path: Path) -> None:
    """Freestanding: undefined symbols of the objects are their own or memcpy."""
    graph = every_operator()
    compiled = compile_model(graph, tflite.write_model(graph), tmp_path)
    command = ["gcc", "-std=c11", "-O2", "-ffreestanding", "-c", *compiled.sources]
    subprocess.run(command, cwd=tmp_path, check=True)
    listing = subprocess.run(
        ["nm", *map(str, tmp_path.glob("*.o"))], capture_output=True, text=True, check=True
    ).stdout
    symbols = [
        line.split()[-2:] for line in listing.splitlines() if line.strip() and ":" not in line
    ]
    defined = {name for kind, name in symbols if kind != "U"}
    undefined = {name for kind, name in symbols if kind == "U"} - defined
    assert undefined <= {"memcpy", "memset", "_GLOBAL_OFFSET_TABLE_"}
