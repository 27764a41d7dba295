"""Build a firmware project with an Arm compiler of `toolchain` and check that it fits the board."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from mcu_slm.boards import Board, Memory
from mcu_slm.errors import BudgetError, BuildError, ToolError, UsageError
from mcu_slm.files import write_atomic, write_json
from mcu_slm.firmware.build_result import BuildResult
from mcu_slm.firmware.elf import largest_symbols, read_firmware
from mcu_slm.firmware.record import load_project_record
from mcu_slm.firmware.stack import worst_case_stack
from mcu_slm.firmware.stack_budget import require_stack, stack_of
from mcu_slm.firmware.templates import TOOL_FOLDER
from mcu_slm.firmware.tflm import TflmTree, find_tflm
from mcu_slm.firmware.tool_contexts import PRESETS
from mcu_slm.manifest import INTERPRETER
from mcu_slm.toolchain import ArmCompiler, CompiledObject, compile_objects, find_arm_compiler, link

ENTRY: Final = "Reset_Handler"
RUN_FUNCTION: Final = "mcu_slm_model_run"
_SHOWN_SYMBOLS: Final = 5
# GNU ld: "region `RAM' overflowed by 12 bytes"; LLD: "will not fit in region 'RAM': overflowed by".
_OVERFLOW: Final = re.compile(r"region [`'](\w+)'\S* overflowed by (\d+) bytes")


def build(
    project: Path,
    board: Board,
    preset: str = "Release",
    compiler: ArmCompiler | None = None,
    *,
    interrupts_nest: bool = False,
    tflm: TflmTree | None = None,
) -> BuildResult:
    """Compile and link a project into `build/<preset>/firmware.elf` and `firmware.bin`.

    Only what changed is compiled. The same project gives the same bytes in any folder. With
    `interrupts_nest` handlers count as having different priorities: all on the stack at once.
    A project around TensorFlow Lite Micro takes `tflm`, or what the environment names.

    Raises:
        UsageError: unknown preset, no project there, or one for another board.
        ToolError: no Arm compiler.
        BuildError: the compiler refused.
        BudgetError: the firmware does not fit flash or RAM, or its stack may run out.
    """
    if preset not in PRESETS:
        raise UsageError(
            f"preset {preset!r}",
            "no such preset",
            expected=f"one of {', '.join(PRESETS)}",
            remedy="Choose one of them.",
        )
    project = project.resolve()
    record = load_project_record(project)
    if record["board"] != board.name:
        raise UsageError(
            str(project),
            f"the project is for {record['board']}",
            expected=board.name,
            remedy="Build it for its own board.",
        )
    if record["runtime"] == INTERPRETER:
        tflm = tflm or find_tflm()
        compiler = compiler or find_arm_compiler("gcc")
        _require_cpp(compiler)
    compiler = compiler or find_arm_compiler()
    folder = project / "build" / preset
    objects = _compile(project, board, preset, compiler, record["sources"], tflm)
    elf = folder / "firmware.elf"
    _link(project, board, compiler, objects, elf, tflm)
    result = _result(board, preset, compiler, objects, elf, interrupts_nest=interrupts_nest)
    if tflm is not None:  # whose pointers its objects do not tell
        reason = "TensorFlow Lite Micro calls its kernels through pointers"
        result = dataclasses.replace(result, stack=None, stack_unknown=reason)
    write_json(folder / "build.json", result.to_json())
    if result.stack is not None:
        require_stack(board, result.stack, result.stack_bytes)
    return result


def _require_cpp(compiler: ArmCompiler) -> None:
    if compiler.kind != "gcc":
        raise ToolError(
            "Arm compiler",
            f"{compiler.kind} has no C++ library for this target",
            expected="arm-none-eabi-gcc with newlib and libstdc++",
            remedy="Install it, and leave --compiler out.",
        )


def _compile(
    project: Path,
    board: Board,
    preset: str,
    compiler: ArmCompiler,
    tool_sources: list[str],
    tflm: TflmTree | None,
) -> tuple[CompiledObject, ...]:
    ours = [project / TOOL_FOLDER / name for name in tool_sources]
    sources = [
        *sorted((project / "src").rglob("*.c")),
        *(path for path in ours if path.suffix == ".c"),
    ]
    chosen = PRESETS[preset]
    flags = (
        *compiler.compile_flags(board.chip.core, board.chip.fpu, chosen.optimization),
        f"-DWATCHDOG={int(chosen.watchdog)}",
        "-Isrc",
        f"-I{TOOL_FOLDER}",
    )
    objects = compile_objects(compiler, sources, project, project / "build" / preset, flags)
    if tflm is not None:
        target = compiler.target_flags(board.chip.core, board.chip.fpu)
        cpp = (*target, chosen.optimization, *tflm.compile_flags, compiler.stack_flag)
        others = [path for path in ours if path.suffix == ".cc"]
        objects += compile_objects(compiler, others, project, project / "build" / preset, cpp)
    _write_compile_commands(project, compiler, flags, objects)
    return objects


def _write_compile_commands(
    project: Path, compiler: ArmCompiler, flags: Sequence[str], objects: Sequence[CompiledObject]
) -> None:
    """Tell editors how each file was compiled; the last build counts."""
    entries = [
        {
            "directory": str(project),
            "file": item.source.relative_to(project).as_posix(),
            "output": item.path.relative_to(project).as_posix(),
            "arguments": [
                *(*compiler.command, *flags, "-c"),
                *(item.source.relative_to(project).as_posix(), "-o"),
                item.path.relative_to(project).as_posix(),
            ],
        }
        for item in objects
    ]
    write_json(project / "build" / "compile_commands.json", entries)


def _link(
    project: Path,
    board: Board,
    compiler: ArmCompiler,
    objects: tuple[CompiledObject, ...],
    elf: Path,
    tflm: TflmTree | None,
) -> None:
    flags = compiler.link_flags(board.chip.core, board.chip.fpu, Path("firmware.ld"), ENTRY)
    if tflm is not None:
        without = compiler.library_flags(board.chip.fpu)
        flags = (*(flag for flag in flags if flag not in without), *tflm.link_flags)
    try:
        link(compiler, objects, elf, flags, project)
    except BuildError as error:
        overflows = _OVERFLOW.findall(error.values.get("output", ""))
        for memory in board.chip.memories:
            excess = max((int(n) for name, n in overflows if name == memory.name), default=0)
            if excess:
                paths = [item.path for item in objects]
                raise _budget_error(board, memory, memory.size_bytes + excess, paths) from error
        raise


def _result(
    board: Board,
    preset: str,
    compiler: ArmCompiler,
    objects: tuple[CompiledObject, ...],
    elf: Path,
    *,
    interrupts_nest: bool,
) -> BuildResult:
    """Measure what was linked, write the image beside it."""
    flash, ram = board.chip.flash, board.chip.ram
    firmware = read_firmware(elf, flash)
    paths = tuple(item.path for item in objects)
    tool_objects = elf.parent / "objects" / TOOL_FOLDER
    stack = sum(s.size_bytes for s in firmware.sections if s.name == ".stack")
    used = {"flash": len(firmware.image), "ram": firmware.bytes_in(ram)}
    for memory in (flash, ram):
        if used[memory.kind] > memory.size_bytes:
            raise _budget_error(board, memory, used[memory.kind], list(paths))
    needed, reason = stack_of(board, elf, firmware.image, paths, interrupts_nest=interrupts_nest)
    return BuildResult(
        elf=elf,
        bin=write_atomic(elf.with_suffix(".bin"), firmware.image),
        compiler=compiler.kind,
        compiler_version=compiler.version,
        preset=preset,
        flash_bytes=used["flash"],
        flash_available_bytes=flash.size_bytes,
        ram_bytes=used["ram"],
        ram_available_bytes=ram.size_bytes,
        stack_bytes=stack,
        model_stack_bytes=_model_stack_bytes(elf, paths),
        stack=needed,
        stack_unknown=reason,
        sections=firmware.sections,
        objects=paths,
        model_objects=tuple(path for path in paths if path.is_relative_to(tool_objects)),
        rebuilt=sum(item.rebuilt for item in objects),
    )


def _model_stack_bytes(elf: Path, objects: tuple[Path, ...]) -> int | None:
    try:
        return worst_case_stack(elf, objects, RUN_FUNCTION)
    except BuildError:  # memcpy in assembler, say: no reason to refuse the firmware
        return None


def _budget_error(board: Board, memory: Memory, needed: int, objects: list[Path]) -> BudgetError:
    largest = largest_symbols(objects, _SHOWN_SYMBOLS, in_ram=memory.kind != "flash")
    shown = ", ".join(f"{symbol.name} {symbol.size_bytes:,}" for symbol in largest)
    what = (
        "flash" if memory.kind == "flash" else f"{memory.name} (with {board.stack_bytes:,} stack)"
    )
    return BudgetError(
        board.name,
        f"the firmware needs {needed:,} bytes of {what}",
        expected=f"at most the {memory.size_bytes:,} bytes of {memory.name}",
        remedy=f"Largest: {shown}. Use a smaller model, or a board with more memory.",
        memory=memory.name,
        needed_bytes=needed,
        available_bytes=memory.size_bytes,
        largest=largest,
    )
