"""Builds the small test programs of tests/simulator/firmware, once each."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mcu_slm import boards
from tests.clock import FakeClock

FIRMWARE = Path(__file__).with_name("firmware")
_COMMON = (
    *("-Os", "-g", "-gdwarf-4", "-std=c11", "-ffreestanding", "-fno-unwind-tables", "-nostdlib"),
    *("-Wall", "-Wextra", "-ffunction-sections"),
)
Build = Callable[..., Path]


def _compiler() -> list[str] | None:
    if importlib.util.find_spec("ziglang") is not None:
        target = ["-target", "thumb-freestanding-eabihf", "-mcpu=cortex_m4+vfp4d16sp"]
        return [sys.executable, "-m", "ziglang", "cc", *target]
    gcc = shutil.which("arm-none-eabi-gcc")
    if gcc is None:
        return None
    return [gcc, "-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"]


@pytest.fixture(scope="session")
def build_firmware(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Return a function that compiles test programs: `build("echo.c", "POLLED")` gives the ELF."""
    compiler = _compiler()
    if compiler is None:
        pytest.skip("needs ziglang or arm-none-eabi-gcc to build the test firmware")
    pytest.importorskip("unicorn", reason="needs the package unicorn")
    folder = tmp_path_factory.mktemp("firmware")
    built: dict[tuple[str, ...], Path] = {}

    def build(*arguments: str) -> Path:
        if arguments not in built:
            sources = [str(FIRMWARE / a) for a in arguments if a.endswith((".c", ".S"))]
            defines = [f"-D{a}" for a in arguments if not a.endswith((".c", ".S"))]
            elf = folder / f"firmware{len(built)}.elf"
            script = f"-Wl,-T,{FIRMWARE / 'link.ld'},-e,Reset_Handler,--gc-sections"
            sources.append(str(FIRMWARE / "startup.c"))
            command = [*compiler, *_COMMON, *defines, *sources, script, "-o", str(elf)]
            subprocess.run(command, check=True)
            built[arguments] = elf
        return built[arguments]

    build.folder = FIRMWARE
    return build


@pytest.fixture(scope="session")
def board() -> boards.Board:
    return boards.load_board("nucleo_f446re")


@pytest.fixture(autouse=True)
def _core_clock(core_clock: FakeClock) -> FakeClock:
    """No test of the simulator depends on how fast this machine is."""
    return core_clock
