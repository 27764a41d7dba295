"""Projects build with both compilers, reproducibly, and say so when they do not fit."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from mcu_slm import boards
from mcu_slm.errors import BudgetError, BuildError, UsageError
from mcu_slm.firmware import build
from mcu_slm.firmware.tool_contexts import PRESETS
from mcu_slm.toolchain import find_arm_compiler
from tests.firmware.conftest import CORE_BOARDS, STANDIN

pytestmark = pytest.mark.emulator
TOOL_NAMES = ("crc32", "frame", "integrity", "known_answers", "protocol", "self_test")
FLOATS = "float ratio(float a, float b);\nfloat ratio(float a, float b) { return a / b; }\n"
needs_cmake = pytest.mark.skipif(
    not all(shutil.which(tool) for tool in ("cmake", "ninja", "arm-none-eabi-gcc")),
    reason="needs CMake, Ninja and arm-none-eabi-gcc",
)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("board", CORE_BOARDS)
def test_every_core_builds_without_a_warning(make_project, arm, board: str, preset: str) -> None:
    project = make_project(board)
    facts = boards.load_board(board)
    result = build(project.folder, facts, preset, arm)
    sizes = {section.name: section.size_bytes for section in result.sections}
    assert result.flash_bytes == result.bin.stat().st_size
    assert result.flash_bytes == sizes[".text"] + sizes[".rodata"] + sizes.get(".ARM.exidx", 0)
    assert result.ram_bytes == sizes[".stack"] + sizes[".noinit"] + sizes[".bss"]
    assert result.stack_bytes == facts.stack_bytes
    assert result.flash_bytes < 10_000
    assert {path.name for path in result.model_objects} >= {"model.c.o", "protocol.c.o"}
    assert len(result.objects) > len(result.model_objects)
    written = json.loads((result.elf.parent / "build.json").read_text())
    assert written["flash_bytes"] == result.flash_bytes


def test_model_objects_are_told_by_the_project_not_by_its_place(make_project, tmp_path) -> None:
    project = make_project(out=tmp_path / "mcu_slm" / "project").folder
    result = build(project, boards.load_board("nucleo_f446re"), "Release")
    names = {path.name for path in result.model_objects}
    assert names == {f"{name}.c.o" for name in ("model", "model_weights", *TOOL_NAMES)}


def test_image_starts_with_stack_top_and_entry(make_project, arm) -> None:
    board = boards.load_board("nucleo_f446re")
    result = build(make_project().folder, board, "Release", arm)
    image = result.bin.read_bytes()
    assert int.from_bytes(image[:4], "little") == board.chip.ram.base + board.stack_bytes
    entry = int.from_bytes(image[4:8], "little")
    assert entry & 1
    assert board.chip.flash.base < entry < board.chip.flash.base + len(image)


def test_same_project_gives_same_bytes_in_any_folder(make_project, arm, tmp_path: Path) -> None:
    board = boards.load_board("nucleo_f446re")
    first = build(make_project(out=tmp_path / "one").folder, board, "Release", arm)
    second = build(make_project(out=tmp_path / "other" / "place").folder, board, "Release", arm)
    assert first.elf.read_bytes() == second.elf.read_bytes()
    assert str(tmp_path).encode() not in first.elf.read_bytes()


def test_editors_are_told_how_each_file_is_compiled(make_project, arm) -> None:
    project = make_project().folder
    result = build(project, boards.load_board("nucleo_f446re"), "Release", arm)
    path = project / "build" / "compile_commands.json"
    commands = json.loads(path.read_text())
    assert {project / entry["output"] for entry in commands} == set(result.objects)
    main = next(entry for entry in commands if entry["file"] == "src/main.c")
    made = project / main["output"]
    before = made.read_bytes()
    made.unlink()
    command = [*main["arguments"], f"-ffile-prefix-map={project}=."]
    subprocess.run(command, cwd=main["directory"], check=True)
    assert len(made.read_bytes()) > 1000
    if arm.kind == "gcc":  # Zig's debug information depends on more flags than the code does
        assert made.read_bytes() == before


def test_only_what_changed_is_compiled(make_project, arm) -> None:
    board = boards.load_board("nucleo_f446re")
    project = make_project().folder
    first = build(project, board, "Release", arm)
    assert first.rebuilt == len(first.objects)
    assert build(project, board, "Release", arm).rebuilt == 0
    (project / "src" / "sensor.h").write_text(
        (project / "src" / "sensor.h").read_text() + "/* edited */\n"
    )
    assert build(project, board, "Release", arm).rebuilt == 3  # main.c, port.c, sensor_replay.c


@pytest.mark.parametrize(
    ("kind", "giant", "memory"),
    [("int8_t", "giant[200000]", "RAM"), ("const int8_t", "giant[600000] = {1}", "FLASH")],
)
def test_firmware_that_does_not_fit_names_the_largest(
    make_project, arm, tmp_path: Path, kind: str, giant: str, memory: str
) -> None:
    model = shutil.copytree(STANDIN, tmp_path / "model")
    declarations = f"extern {kind} giant[];\n{kind} {giant};\n"
    use = "    mcu_slm_arena[30] = ((const volatile int8_t *)giant)[SUMS[0] & 65535];\n"
    run = "void mcu_slm_model_run(void)\n{\n"
    source = (model / "model.c").read_text()
    (model / "model.c").write_text(source.replace(run, declarations + run + use))
    board = boards.load_board("nucleo_f446re")
    project = make_project(model_dir_source=model)
    with pytest.raises(BudgetError, match="Largest: giant") as caught:
        build(project.folder, board, "Release", arm)
    values = caught.value.values
    assert values["memory"] == memory
    assert values["available_bytes"] == board.chip.memory(memory.lower()).size_bytes
    assert values["needed_bytes"] > values["available_bytes"]
    assert values["largest"][0].name == "giant"
    assert caught.value.exit_code == 4


def test_smaller_chip_than_the_linker_script_says_is_noticed(make_project, arm) -> None:
    """The user's firmware.ld may be edited; the board file decides."""
    board = boards.load_board("nucleo_f446re")
    small_ram = dataclasses.replace(board.chip.ram, size_bytes=5000)
    chip = dataclasses.replace(board.chip, memories=(board.chip.flash, small_ram))
    with pytest.raises(BudgetError, match=r"at most the 5,000 bytes of RAM"):
        build(make_project().folder, dataclasses.replace(board, chip=chip), "Release", arm)


def test_mistake_in_user_code_is_shown(make_project, arm) -> None:
    project = make_project().folder
    (project / "src" / "mine.c").write_text("int f(void);\nint f(void) { return nothing; }\n")
    with pytest.raises(BuildError, match="nothing") as caught:
        build(project, boards.load_board("nucleo_f446re"), "Release", arm)
    assert caught.value.where == "src/mine.c"


def test_wrong_requests_are_usage_errors(make_project, tmp_path: Path) -> None:
    board = boards.load_board("nucleo_f446re")
    with pytest.raises(UsageError, match="expected one of Debug, Release, MinSizeRel"):
        build(make_project().folder, board, "Fast")
    with pytest.raises(UsageError, match="the folder is no firmware project"):
        build(tmp_path / "nowhere", board)
    with pytest.raises(UsageError, match="the project is for nucleo_f446re"):
        build(make_project().folder, boards.load_board("olimex_stm32_h405"))


def board_without_fpu() -> boards.Board:
    board = boards.load_board("nucleo_f446re")
    return dataclasses.replace(board, chip=dataclasses.replace(board.chip, fpu="none"))


def add_float_division(project: Path) -> None:
    """Divide floats in the main loop, which takes a helper of the compiler without an FPU."""
    source = project / "src" / "main.c"
    use = "    volatile float third = 3.0f;\n    third = ratio(1.0f, third);\n"
    text = source.read_text().replace("    for (;;) {", use + "    for (;;) {")
    source.write_text(text.replace("int main(void)", FLOATS + "int main(void)"))


def test_without_an_fpu_the_compilers_helpers_are_linked(make_project, arm) -> None:
    board = board_without_fpu()
    project = make_project(board).folder
    add_float_division(project)
    build(project, board, "Release", arm)


@needs_cmake
@pytest.mark.parametrize("board", [*CORE_BOARDS, "without FPU"])
def test_cmake_gives_the_same_firmware(make_project, board: str) -> None:
    facts = board_without_fpu() if board == "without FPU" else boards.load_board(board)
    project = make_project(facts).folder
    if board == "without FPU":
        add_float_division(project)
    for command in (("cmake", "--preset", "Release"), ("cmake", "--build", "--preset", "Release")):
        subprocess.run(command, cwd=project, check=True, capture_output=True)
    ours = build(project, facts, "Release", find_arm_compiler("gcc")).flash_bytes
    cmake = (project / "build" / "cmake-Release" / "demo.bin").stat().st_size
    assert cmake == ours
