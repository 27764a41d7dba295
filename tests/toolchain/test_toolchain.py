"""Compilers are found, flags are right, and objects are rebuilt exactly when something changed."""

from __future__ import annotations

import ctypes
import shutil
import sys
from pathlib import Path

import pytest

from mcu_slm import toolchain
from mcu_slm.errors import BuildError, ToolError

SOURCE = '#include "constant.h"\nint answer(int a);\nint answer(int a) { return a + CONSTANT; }\n'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "my project"  # a blank in the path must not matter
    (root / "src").mkdir(parents=True)
    (root / "src" / "answer.c").write_text(SOURCE)
    (root / "src" / "constant.h").write_text("#define CONSTANT 40\n")
    (root / "src" / "other.c").write_text("int other(void);\nint other(void) { return 1; }\n")
    return root


def arm_kinds() -> list[str]:
    kinds = []
    for kind in ("gcc", "zig"):
        try:
            toolchain.find_arm_compiler(kind)
        except ToolError:
            continue
        kinds.append(kind)
    return kinds


@pytest.fixture(params=["gcc", "zig"])
def arm(request: pytest.FixtureRequest) -> toolchain.ArmCompiler:
    if request.param not in arm_kinds():
        pytest.skip(f"{request.param} is not installed")
    return toolchain.find_arm_compiler(request.param)


def compile_project(compiler: toolchain.Compiler, root: Path, *flags: str) -> dict[str, bool]:
    sources = sorted((root / "src").glob("*.c"))
    built = toolchain.compile_objects(compiler, sources, root, root / "build", flags)
    return {item.source.name: item.rebuilt for item in built}


@pytest.mark.unit
def test_environment_overrides_the_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(toolchain.OVERRIDE_VARIABLE, "icc")
    with pytest.raises(ToolError, match=r"MCU_SLM_ARM_COMPILER: the compiler 'icc' is not known"):
        toolchain.find_arm_compiler()


@pytest.mark.unit
def test_missing_compilers_say_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(toolchain.OVERRIDE_VARIABLE, raising=False)
    monkeypatch.setattr(toolchain.shutil, "which", lambda _name: None)
    monkeypatch.setattr(toolchain, "_has_zig", lambda: False)
    with pytest.raises(ToolError, match="pip install 'mcu-slm") as arm_error:
        toolchain.find_arm_compiler()
    with pytest.raises(ToolError, match="no C compiler is installed"):
        toolchain.find_host_compiler()
    assert arm_error.value.exit_code == 3


@pytest.mark.unit
def test_ziglang_is_the_fallback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(toolchain.OVERRIDE_VARIABLE, raising=False)
    monkeypatch.setattr(toolchain.shutil, "which", lambda _name: None)
    monkeypatch.setattr(toolchain, "_has_zig", lambda: True)
    monkeypatch.setattr(toolchain, "_zig_version", lambda: "zig 0")
    assert toolchain.find_arm_compiler().command == (sys.executable, "-m", "ziglang", "cc")
    assert toolchain.find_host_compiler().kind == "zig"


@pytest.mark.unit
def test_zig_gets_a_cpu_with_fpu() -> None:
    zig = toolchain.ArmCompiler("zig", ("zig", "cc"), "zig 0")
    assert "-mcpu=cortex_m4+vfp4d16sp" in zig.target_flags("cortex-m4", "fpv4-sp-d16")
    with pytest.raises(ToolError, match="core cortex-m99"):
        zig.target_flags("cortex-m99", "none")


@pytest.mark.unit
def test_dependency_rules_are_parsed_with_blanks_and_continuations(tmp_path: Path) -> None:
    rule = tmp_path / "x.d"
    rule.write_text("build/x.o: src/x.c \\\n  /opt/my\\ headers/a.h b.h\n")
    assert toolchain._dependencies(rule) == ["src/x.c", "/opt/my headers/a.h", "b.h"]


@pytest.mark.host
def test_only_what_changed_is_compiled(project: Path) -> None:
    host = toolchain.find_host_compiler()
    assert compile_project(host, project) == {"answer.c": True, "other.c": True}
    assert compile_project(host, project) == {"answer.c": False, "other.c": False}
    (project / "src" / "constant.h").write_text("#define CONSTANT 41\n")
    assert compile_project(host, project) == {"answer.c": True, "other.c": False}
    assert compile_project(host, project, "-O2") == {"answer.c": True, "other.c": True}
    (project / "src" / "other.c").write_text("int other(void);\nint other(void) { return 2; }\n")
    assert compile_project(host, project, "-O2") == {"answer.c": False, "other.c": True}


@pytest.mark.host
def test_damaged_objects_and_records_are_rebuilt(project: Path) -> None:
    host = toolchain.find_host_compiler()
    compile_project(host, project)
    objects = project / "build" / "objects" / "src"
    (objects / "answer.c.o").write_bytes(b"cut short")
    (objects / "other.c.json").write_text("[]")
    assert compile_project(host, project) == {"answer.c": True, "other.c": True}


@pytest.mark.host
def test_compiler_output_is_in_the_error(project: Path) -> None:
    (project / "src" / "other.c").write_text("int other(void) { return misspelt; }\n")
    with pytest.raises(BuildError, match="misspelt") as caught:
        compile_project(toolchain.find_host_compiler(), project)
    assert caught.value.where == "src/other.c"
    assert "misspelt" in caught.value.values["output"]


@pytest.mark.host
def test_host_library_runs_and_a_new_one_gets_a_new_name(project: Path) -> None:
    sources = [project / "src" / "answer.c"]
    first = toolchain.build_host_library(sources, project, project / "build")
    assert ctypes.CDLL(str(first)).answer(2) == 42
    assert toolchain.build_host_library(sources, project, project / "build") == first
    (project / "src" / "constant.h").write_text("#define CONSTANT 1\n")
    second = toolchain.build_host_library(sources, project, project / "build")
    assert second != first
    assert ctypes.CDLL(str(second)).answer(2) == 3


@pytest.mark.emulator
def test_arm_objects_do_not_depend_on_their_folder(
    arm: toolchain.ArmCompiler, project: Path, tmp_path: Path
) -> None:
    elsewhere = shutil.copytree(project, tmp_path / "elsewhere" / "deeper")
    flags = arm.compile_flags("cortex-m4", "fpv4-sp-d16", "-O2")
    compile_project(arm, project, *flags)
    compile_project(arm, elsewhere, *flags)
    for name in ("answer.c.o", "other.c.o"):
        objects = Path("build") / "objects" / "src" / name
        assert (project / objects).read_bytes() == (elsewhere / objects).read_bytes()


@pytest.mark.emulator
@pytest.mark.parametrize("optimization", ["-O2", "-Os", "-Og"])
def test_arm_float_code_uses_the_fpu(
    arm: toolchain.ArmCompiler, tmp_path: Path, optimization: str
) -> None:
    (tmp_path / "f.c").write_text("float f(float a);\nfloat f(float a) { return a * a + 1.0f; }\n")
    flags = arm.compile_flags("cortex-m4", "fpv4-sp-d16", optimization)
    built = toolchain.compile_objects(arm, [tmp_path / "f.c"], tmp_path, tmp_path / "b", flags)
    assert b"__aeabi" not in built[0].path.read_bytes()
