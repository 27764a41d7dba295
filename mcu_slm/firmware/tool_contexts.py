"""What fills the templates for tools and readers: one frozen dataclass per template."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mcu_slm.boards import Console


@dataclass(frozen=True)
class Preset:
    """A build type: how hard to optimise, and whether the watchdog runs."""

    optimization: str
    watchdog: bool


PRESETS: Final = {
    "Debug": Preset("-Og", watchdog=False),
    "Release": Preset("-O2", watchdog=True),
    "MinSizeRel": Preset("-Os", watchdog=True),
}


@dataclass(frozen=True)
class CMakeLists:
    """`CMakeLists.txt`: the flags of `toolchain`, for people who build with CMake."""

    banner: str
    project_name: str
    debug_optimization: str
    release_optimization: str
    minsizerel_optimization: str
    common_flags: tuple[str, ...]
    warning_flags: tuple[str, ...]
    link_flags: tuple[str, ...]


@dataclass(frozen=True)
class CMakeListsAroundTflm(CMakeLists):
    """`CMakeLists.txt` of a project around an interpreter."""

    cpp_flags: tuple[str, ...]
    tflm_folders: tuple[str, ...]


@dataclass(frozen=True)
class CMakePresets:
    """`CMakePresets.json`."""

    banner: str
    build_types: tuple[str, ...]


@dataclass(frozen=True)
class Debugging:
    """`.vscode/launch.json`. `device` is the chip's name for ST's GDB server."""

    banner: str
    pyocd_target: str
    openocd_target: str
    device: str


@dataclass(frozen=True)
class Tasks:
    """`.vscode/tasks.json`."""

    banner: str
    pyocd_target: str
    baud: int


@dataclass(frozen=True)
class CMakeToolchain:
    """A CMake toolchain file: the flags that belong to one compiler."""

    banner: str
    flags: str
    link_flags: str
    libraries: str


@dataclass(frozen=True)
class Readme:
    """`README.md` of the project."""

    banner: str
    project_name: str
    board_name: str
    board_title: str
    chip_title: str
    console: Console
    flash_base: str
    clock_mhz: str
    pyocd_target: str


@dataclass(frozen=True)
class LinkerMemory:
    """One line of the linker script's MEMORY."""

    name: str
    attributes: str
    origin: str
    size_bytes: int


@dataclass(frozen=True)
class LinkerScript:
    """`firmware.ld`."""

    banner: str
    chip_title: str
    memories: tuple[LinkerMemory, ...]
    flash: str
    ram: str
    stack_bytes: int


@dataclass(frozen=True)
class Sources:
    """`sources.cmake`: the C files of the tool's folder."""

    banner: str
    sources: tuple[str, ...]
