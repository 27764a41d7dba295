"""The stack that a build states is never less than what the simulator sees."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from mcu_slm import boards, ops, tflite
from mcu_slm.compile import compile_model
from mcu_slm.errors import BuildError
from mcu_slm.firmware import BuildResult, build, generate
from mcu_slm.firmware.building import RUN_FUNCTION
from mcu_slm.firmware.stack import worst_case_stack
from mcu_slm.ir import Graph
from mcu_slm.toolchain import ArmCompiler
from tests.firmware.conftest import STANDIN
from tests.models import every_operator, tiny
from tests.streaming_layers import streaming

pytestmark = [pytest.mark.emulator, pytest.mark.usefixtures("core_clock")]

KERNELS = Path(ops.__file__).parent.parent / "kernels"
BOARD = boards.load_board("nucleo_f446re")
# Paints the stack below its own frame, runs the model without interrupts, looks how far it got.
MEASURE = """
#include "sensor.h"
#include "model.h"
volatile uint32_t measured_bytes;
void sensor_start(void)
{
    volatile uint8_t *top;
    __asm volatile("cpsid i\\n\\tmov %0, sp" : "=r"(top));
    volatile uint8_t *low = top - 1024;
    for (volatile uint8_t *at = low; at < top; at++) {
        *at = 0x5Au;
    }
    mcu_slm_model_run();
    while (*low == 0x5Au) {
        low++;
    }
    measured_bytes = (uint32_t)(top - low);
    __asm volatile("cpsie i");
}
bool sensor_read_window(int8_t *window)
{
    return window == 0;
}
"""


def build_model(graph: Graph, compiler: ArmCompiler, folder: Path, preset: str) -> BuildResult:
    """Build a firmware around a model that measures one inference when it starts."""
    compiled = compile_model(graph, tflite.write_model(graph), folder / "code")
    known = (
        np.zeros((1, compiled.input_bytes), np.int8),
        np.zeros((1, compiled.output_bytes), np.int8),
    )
    generate(folder / "code", BOARD, *known, folder / "project", "demo")
    (folder / "project" / "src" / "sensor_replay.c").write_text(MEASURE)
    return build(folder / "project", BOARD, preset, compiler)


@pytest.mark.parametrize("preset", ["Release", "Debug"])
@pytest.mark.parametrize("model", [tiny, every_operator])
def test_the_computed_stack_holds_on_the_simulator(model, preset, arm, tmp_path: Path) -> None:
    simulator_of = pytest.importorskip("mcu_slm.simulator").BoardSimulator
    result = build_model(model(), arm, tmp_path, preset)
    simulator = simulator_of(BOARD, result.elf)
    simulator.run(seconds=60.0)
    measured = int.from_bytes(
        simulator.read_memory(simulator.symbol("measured_bytes"), 4), "little"
    )
    assert result.model_stack_bytes is not None
    # Not every byte of a frame is written.
    assert 0.5 * result.model_stack_bytes <= measured <= result.model_stack_bytes


def test_no_kernel_recurses_or_calls_through_a_pointer(arm, tmp_path: Path) -> None:
    found: dict[str, int] = {}
    for number, graph in enumerate((every_operator(), streaming())):
        result = build_model(graph, arm, tmp_path / str(number), "Release")
        image = result.elf.read_bytes()
        for source in sorted(KERNELS.glob("*.c")):
            text = source.read_text()
            functions = re.findall(r"^\w[\w ]*[ *](mcu_slm_\w+)\(", text, re.MULTILINE)
            for name in functions:
                if f"\0{name}\0".encode() in image:
                    stack = worst_case_stack(result.elf, result.objects, name)
                    found[source.name] = max(stack, found.get(source.name, 0))
    assert set(found) == {source.name for source in KERNELS.glob("*.c")}
    assert max(found.values()) < 576


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("mcu_slm_arena[1] = (int8_t)twice(3);", r"it calls itself: .*twice -> once -> twice"),
        ("mcu_slm_arena[1] = (int8_t)pointer(1);", "goes where a register says"),
        ("naked();", "the compiler states no frame"),
        ("grows((unsigned)mcu_slm_arena[0]);", "the compiler states no frame of fixed size"),
    ],
)
def test_a_stack_that_cannot_be_known_is_not_stated(
    make_project, arm, tmp_path: Path, statement: str, words: str
) -> None:
    model = shutil.copytree(STANDIN, tmp_path / "model")
    run = "void mcu_slm_model_run(void)\n{\n"
    strange = """
#define KEPT __attribute__((noinline, used))
int once(int n);
KEPT int twice(int n) { return n > 99 ? 0 : once(n + 1) + mcu_slm_arena[n]; }
KEPT int once(int n) { return twice(n + 1) + mcu_slm_arena[n + 1]; }
int (*volatile pointer)(int) = once;
void naked(void);
__asm(".global naked\\n.type naked, %function\\n.thumb_func\\nnaked: bx lr\\n.size naked, 2\\n");
KEPT void grows(unsigned n) { volatile int8_t *room = __builtin_alloca(n); room[n / 2u] = 1; }
"""
    source = (model / "model.c").read_text()
    (model / "model.c").write_text(source.replace(run, f"{strange}{run}    {statement}\n"))
    project = make_project(model_dir_source=model)
    result = build(project.folder, BOARD, "Release", arm)
    assert result.model_stack_bytes is None
    with pytest.raises(BuildError, match=words):
        worst_case_stack(result.elf, result.objects, RUN_FUNCTION)
