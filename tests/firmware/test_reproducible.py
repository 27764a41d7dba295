"""The same inputs give the same bytes: in another folder, at another time, by another user."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from mcu_slm import boards, toolchain
from mcu_slm.errors import ToolError
from mcu_slm.firmware import build

pytestmark = pytest.mark.emulator
BOARD = boards.load_board("nucleo_f446re")
WITHOUT_FPU = replace(BOARD, chip=replace(BOARD.chip, fpu="none"))  # takes the compiler's library
FLOATS = "float ratio(float a, float b);\nfloat ratio(float a, float b) { return a / b; }\n"


@dataclass(frozen=True)
class Surroundings:
    """What must not be seen in the result."""

    folder: str
    time_zone: str
    umask: int
    jobs: int


SURROUNDINGS = (
    Surroundings("one", "UTC", 0o022, 1),
    Surroundings("quite another/place", "Asia/Tokyo", 0o077, 4),
)


@contextmanager
def surrounded_by(
    where: Surroundings, home: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    home.mkdir(parents=True)
    before = os.umask(where.umask)
    with monkeypatch.context() as patch:
        patch.setenv("TZ", where.time_zone)
        patch.setenv("HOME", str(home))
        patch.setenv("USER", home.parent.name)
        patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        patch.setattr(toolchain, "_PARALLEL_COMPILES", where.jobs)
        try:
            yield
        finally:
            os.umask(before)


def assert_says_no_place(image: bytes, *folders: Path) -> None:
    for folder in (*folders, Path(sys.prefix), Path.home(), Path("/usr/lib")):
        assert str(folder).encode() + b"/" not in image


@pytest.mark.parametrize("board", [BOARD, WITHOUT_FPU], ids=["FPU", "no FPU"])
def test_our_build_gives_the_same_bytes(
    make_project, arm, board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = []
    for where in SURROUNDINGS:
        out = tmp_path / where.folder / "project"
        with surrounded_by(where, tmp_path / where.folder / "home", monkeypatch):
            make_project(board, out=out)
            if board is WITHOUT_FPU:
                add_float_division(out)
            result = build(out, board, "Release", arm)
        images.append((result.elf.read_bytes(), result.bin.read_bytes()))
        assert_says_no_place(images[-1][0], tmp_path)
    assert images[0] == images[1]


@pytest.mark.skipif(
    not all(shutil.which(tool) for tool in ("cmake", "ninja")),
    reason="not run: CMake or Ninja is not installed",
)
@pytest.mark.parametrize("kind", ["gcc", "zig"])
def test_cmake_alone_gives_the_same_bytes(
    make_project, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        toolchain.find_arm_compiler(kind)
    except ToolError as error:
        pytest.skip(f"not run: {error}")
    preset = "Release" if kind == "gcc" else "Release-zig"
    images = []
    for where in SURROUNDINGS:
        out = tmp_path / where.folder / "project"
        with surrounded_by(where, tmp_path / where.folder / "home", monkeypatch):
            make_project(BOARD, out=out)
            parallel = ("--parallel", str(where.jobs))
            for command in (("--preset", preset), ("--build", "--preset", preset, *parallel)):
                done = subprocess.run(
                    ["cmake", *command], cwd=out, capture_output=True, text=True, check=False
                )
                assert done.returncode == 0, done.stdout + done.stderr
        built = out / "build" / f"cmake-{preset}"
        assert (built / "demo.bin").is_file() == (kind == "gcc")
        images.append([path.read_bytes() for path in sorted(built.glob("demo.*"))])
        assert_says_no_place((built / "demo.elf").read_bytes(), tmp_path)
    assert images[0] == images[1]


def add_float_division(project: Path) -> None:
    """Divide floats in the main loop."""
    source = project / "src" / "main.c"
    use = "    volatile float third = 3.0f;\n    third = ratio(1.0f, third);\n"
    text = source.read_text().replace("    for (;;) {", use + "    for (;;) {")
    source.write_text(text.replace("int main(void)", FLOATS + "int main(void)"))
