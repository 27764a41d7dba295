"""The stack that a build states is never less than what the simulator sees."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from mcu_slm import boards, ops, tflite
from mcu_slm.compile import compile_model
from mcu_slm.errors import BudgetError, BuildError
from mcu_slm.firmware import BuildResult, build, generate, require_measured_stack
from mcu_slm.firmware.building import RUN_FUNCTION
from mcu_slm.firmware.stack import ProgramStack, worst_case_stack
from mcu_slm.firmware.tool_contexts import PRESETS
from mcu_slm.ir import Graph
from mcu_slm.toolchain import ArmCompiler, compile_objects, link
from tests.dsp import test_sharing
from tests.firmware.conftest import CORE_BOARDS, STANDIN
from tests.models import every_operator, merge, tiny
from tests.streaming_layers import streaming

pytestmark = [pytest.mark.emulator, pytest.mark.usefixtures("core_clock")]

KERNELS = Path(ops.__file__).parent.parent / "kernels"
BOARD = boards.load_board("nucleo_f446re")
# Paints the stack below its own frame, runs the model without interrupts, looks how far it got.
MEASURE = """
#include "sensor.h"
#include "model.h"
volatile uint32_t measured_bytes;
bool sensor_poll(void)
{
    return false;
}
bool sensor_is_healthy(void)
{
    return true;
}
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


def build_model(
    graph: Graph, compiler: ArmCompiler, folder: Path, preset: str, kernels: str = "portable"
) -> BuildResult:
    """Build a firmware around a model that measures one inference when it starts."""
    core = BOARD.chip.core if kernels == "dsp" else None
    compiled = compile_model(
        *(graph, tflite.write_model(graph), folder / "code", kernels, "speed", core)
    )
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


def shared_kernels() -> Graph:
    """Layers of several depths: loops in assembler that a shallower layer enters further on."""
    return merge([case.graph for case in (*test_sharing.cases(), *test_sharing.images())])


@pytest.mark.parametrize("model", [tiny, every_operator, shared_kernels])
def test_the_computed_stack_counts_what_assembler_pushes(model, arm, tmp_path: Path) -> None:
    """Inner loops in assembler keep registers on the stack, which the compiler does not know."""
    simulator_of = pytest.importorskip("mcu_slm.simulator").BoardSimulator
    result = build_model(model(), arm, tmp_path, "Release", "dsp")
    simulator = simulator_of(BOARD, result.elf)
    simulator.run(seconds=60.0)
    address = simulator.symbol("measured_bytes")
    measured = int.from_bytes(simulator.read_memory(address, 4), "little")
    assert result.model_stack_bytes is not None
    assert 0 < measured <= result.model_stack_bytes


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
        ("pushing();", "it pushes in a loop"),
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
__asm(".global naked\\n.type naked, %function\\n.thumb_func\\nnaked: mov sp, r0\\n"
      "bx lr\\n.size naked, 4\\n");
void pushing(void);
__asm(".global pushing\\n.type pushing, %function\\n.thumb_func\\npushing: push {r0, r1}\\n"
      "bne pushing\\nbx lr\\n.size pushing, 6\\n");
KEPT void grows(unsigned n) { volatile int8_t *room = __builtin_alloca(n); room[n / 2u] = 1; }
"""
    source = (model / "model.c").read_text()
    (model / "model.c").write_text(source.replace(run, f"{strange}{run}    {statement}\n"))
    project = make_project(model_dir_source=model)
    result = build(project.folder, BOARD, "Release", arm)
    assert result.model_stack_bytes is None
    with pytest.raises(BuildError, match=words):
        worst_case_stack(result.elf, result.objects, RUN_FUNCTION)


ASSEMBLER = """
void saves(void);
__asm(".global saves\\n.type saves, %function\\n.thumb_func\\nsaves:\\npush {r4, r5, lr}\\n"
      "sub sp, #20\\nvpush {d8, d9}\\nstmdb sp!, {r6, r7}\\nstr r0, [sp, #-4]!\\n"
      "ldr r0, [sp], #4\\nldmia sp!, {r6, r7}\\nvpop {d8, d9}\\nadd sp, #20\\n"
      "pop {r4, r5, pc}\\n.size saves, . - saves\\n");
"""


def test_frames_of_assembler_are_read_off_its_instructions(make_project, arm) -> None:
    project = make_project()
    source = project.folder / "src" / "sensor_replay.c"
    text = source.read_text() + ASSEMBLER
    start = "void sensor_start(void)\n{\n"
    assert start in text
    source.write_text(text.replace(start, f"void saves(void);\n{start}    saves();\n"))
    result = build(project.folder, BOARD, "Release", arm)
    assert worst_case_stack(result.elf, result.objects, "saves") == 12 + 20 + 16 + 8 + 4


INLINE = """
void holds(void);
__attribute__((noinline)) void holds(void)
{
    __asm volatile("push {r4-r11}\\n sub sp, #4\\n add sp, #4\\n pop {r4-r11}" ::: "memory");
}
"""


def test_what_assembler_inside_a_function_pushes_is_counted(make_project, arm) -> None:
    project = make_project()
    source = project.folder / "src" / "sensor_replay.c"
    start = "void sensor_start(void)\n{\n"
    text = source.read_text() + INLINE
    source.write_text(text.replace(start, f"void holds(void);\n{start}    holds();\n"))
    result = build(project.folder, BOARD, "Release", arm)
    assert 36 <= worst_case_stack(result.elf, result.objects, "holds") <= 44


@pytest.mark.parametrize("board", CORE_BOARDS)
@pytest.mark.parametrize("preset", PRESETS)
def test_the_whole_programs_stack_is_known_and_enough(make_project, arm, board, preset) -> None:
    simulator_of = pytest.importorskip("mcu_slm.simulator").BoardSimulator
    facts = boards.load_board(board)
    result = build(make_project(board).folder, facts, preset, arm)
    stack = result.stack
    assert stack is not None, result.stack_unknown
    assert stack.needed_bytes == stack.main_bytes + stack.interrupt_bytes <= result.stack_bytes
    assert stack.path[0].name == "Reset_Handler"
    assert stack.path[-1].name.endswith("_Handler") or stack.path[-1].name.endswith("_IRQHandler")
    assert sum(frame.frame_bytes for frame in stack.path) >= stack.needed_bytes
    # A report of a fault goes where it is while 512 bytes are left, else to a fresh stack.
    assert 32 < stack.fault_bytes < 512 + 108
    written = json.loads((result.elf.parent / "build.json").read_text())
    assert written["program_stack_bytes"] == stack.needed_bytes
    simulator = simulator_of(facts, result.elf)
    simulator.run(seconds=1.0)
    begin = simulator.symbol("_stack_bottom")
    reserved = simulator.read_memory(begin, result.stack_bytes)
    words = [reserved[n : n + 4] for n in range(0, len(reserved), 4)]
    unused = 4 * next(n for n, word in enumerate(words) if word != words[0])
    assert 0.3 * stack.needed_bytes < result.stack_bytes - unused <= stack.needed_bytes


def test_a_run_that_takes_more_than_was_computed_is_an_error() -> None:
    stack = ProgramStack(500, 108, 200, ())
    require_measured_stack(BOARD, stack, 608)
    with pytest.raises(BudgetError, match=r"took 609 bytes of stack.*at most the 608 bytes"):
        require_measured_stack(BOARD, stack, 609)


def test_interrupts_of_different_priorities_add_up(make_project, arm) -> None:
    project = make_project().folder
    alone = build(project, BOARD, "Release", arm).stack
    nested = build(project, BOARD, "Release", arm, interrupts_nest=True).stack
    assert alone is not None
    assert nested is not None
    assert nested.main_bytes == alone.main_bytes
    assert nested.interrupt_bytes >= 2 * 108
    assert [frame.name for frame in nested.path].count("exception frame") == 2
    plain = dataclasses.replace(BOARD, chip=dataclasses.replace(BOARD.chip, fpu="none"))
    without = build(make_project(plain, out=project.parent / "n").folder, plain, "Release", arm)
    assert without.stack is not None
    assert 36 <= without.stack.interrupt_bytes < 108


def test_a_stack_that_may_run_out_is_refused_with_the_largest_frames(make_project, arm) -> None:
    project = make_project().folder
    source = project / "src" / "sensor_replay.c"
    start = "void sensor_start(void)\n{\n"
    room = "    volatile uint8_t table[5000];\n    table[next_window] = 1u;\n"
    room += "    next_window = table[0];\n"
    source.write_text(source.read_text().replace(start, start + room))
    with pytest.raises(
        BudgetError, match=r"bytes of stack.*at most the 4,096 bytes.*path: sensor_start 5,0\d\d, "
    ) as raised:
        build(project, BOARD, "Release", arm)
    values = raised.value.values
    assert raised.value.exit_code == 4
    assert values["needed_bytes"] > 5000 > values["available_bytes"] == 4096
    script = project / "firmware.ld"
    script.write_text(script.read_text().replace("_stack_bytes = 4096", "_stack_bytes = 6144"))
    assert build(project, BOARD, "Release", arm).stack_bytes == 6144


def test_calls_through_pointers_reach_all_that_they_may(make_project, arm) -> None:
    project = make_project().folder
    source = project / "src" / "sensor_replay.c"
    pointers = """
static void small(void) { next_window = 1u; }
static void large(void)
{
    volatile uint8_t room[900];
    room[next_window] = 1u;
    next_window = room[0];
}
static void (*volatile const actions[2])(void) = {small, large};
"""
    start = "void sensor_start(void)\n{\n"
    text = source.read_text().replace(start, pointers + start + "    actions[next_window]();\n")
    source.write_text(text)
    stack = build(project, BOARD, "Release", arm).stack
    assert stack is not None
    assert "large" in [frame.name for frame in stack.path]


def test_a_program_that_recurses_is_built_and_says_that_its_stack_is_not_known(
    make_project, arm
) -> None:
    project = make_project().folder
    source = project / "src" / "sensor_replay.c"
    again = """
uint32_t again(uint32_t n);
__attribute__((noinline)) uint32_t again(uint32_t n)
{
    volatile uint32_t kept = n;
    return n > 9u ? kept : again(n + 1u) + kept;
}
"""
    start = "void sensor_start(void)\n{\n"
    text = source.read_text().replace(start, again + start + "    next_window = again(0u);\n")
    source.write_text(text)
    result = build(project, BOARD, "Release", arm)
    assert result.stack is None
    assert "it calls itself: " in result.stack_unknown
    assert f"not known, of 4,096 bytes reserved: {result.stack_unknown}" in result.lines()[-1]


HELPED = """
#include <stdint.h>
volatile int32_t a = 7, b = 3;
volatile float f = 2.5f;
volatile uint64_t wide = 5u;
int main(void);
int main(void)
{
    switch (a) {
    case 0: b = 5; break;
    case 1: a = b; break;
    case 2: b = 9 * a; break;
    case 3: b -= 4; break;
    case 4: a = 1; break;
    case 5: b = a + 4; break;
    case 6: a = b * b; break;
    default: b = a / b; break;
    }
    wide = wide / (uint64_t)a + wide * wide;
    f = f * (float)b + (float)a;
    return (int)(f / 3.0f);
}
"""


@pytest.mark.parametrize("core", ["cortex-m0", "cortex-m3"])
@pytest.mark.parametrize("optimization", ["-Os", "-O2"])
def test_the_compilers_library_has_a_known_stack(arm, core, optimization, tmp_path: Path) -> None:
    """It jumps into its own functions, has jump tables, and states no frames."""
    (tmp_path / "main.c").write_text(HELPED)
    flags = arm.compile_flags(core, "none", optimization)
    objects = compile_objects(arm, [tmp_path / "main.c"], tmp_path, tmp_path / "build", flags)
    own = (*arm.target_flags(core, "none"), *arm.library_flags("none"))
    elf = link(arm, objects, tmp_path / "main.elf", (*own, "-g", "-Wl,-e,main"), tmp_path)
    depth = worst_case_stack(elf, [item.path for item in objects], "main")
    assert 16 < depth < 512
