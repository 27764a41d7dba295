"""C compilers: an Arm cross compiler for firmware and a host compiler for the proof's host leg.

Arm: `arm-none-eabi-gcc` when it is on PATH, else the clang inside the Python package `ziglang` (no
root, all three desktop systems). Both get flags that make them agree byte for byte on what the
firmware computes: no fused multiply-add and no dependence on a C library.

Objects are rebuilt only when their source, a header that it includes or the command line has
changed; this is decided by hashes, never by time stamps.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from mcu_slm.errors import BuildError, ToolError
from mcu_slm.files import sha256_bytes, sha256_file, write_json

OVERRIDE_VARIABLE: Final = "MCU_SLM_ARM_COMPILER"
# For the generated folder on every leg, and for the firmware around it.
WARNING_FLAGS: Final = (
    *("-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wdouble-promotion", "-Wvla"),
    "-Werror",
)

_PARALLEL_COMPILES: Final = 2
_COMPILE_TIMEOUT_S: Final = 300
_SHOWN_OUTPUT_LINES: Final = 40

# Zig's plain `cortex_m4` has no FPU: hard-float calls around soft-float arithmetic.
_ZIG_CPUS: Final = {
    ("cortex-m0", "none"): "cortex_m0",
    ("cortex-m0plus", "none"): "cortex_m0plus",
    ("cortex-m3", "none"): "cortex_m3",
    ("cortex-m4", "fpv4-sp-d16"): "cortex_m4+vfp4d16sp",
    ("cortex-m4", "none"): "cortex_m4",
    ("cortex-m7", "fpv5-d16"): "cortex_m7+fp_armv8d16",
    ("cortex-m7", "fpv5-sp-d16"): "cortex_m7+fp_armv8d16sp",
    ("cortex-m33", "fpv5-sp-d16"): "cortex_m33+dsp+fp_armv8d16sp",
    ("cortex-m33", "none"): "cortex_m33",
}
CORES: Final = tuple(sorted({core for core, _ in _ZIG_CPUS}))
COMMON_FLAGS: Final = (
    "-std=c11",
    "-ffreestanding",
    "-ffunction-sections",
    "-fdata-sections",
    "-fno-common",
    "-fno-unwind-tables",
    "-fno-asynchronous-unwind-tables",
    # gcc would fuse a*b+c and clang would not: one rounding or two, a different last bit.
    "-ffp-contract=off",
    # Kernels are unrolled by their generator where it pays; elsewhere unrolling only costs flash.
    "-fno-unroll-loops",
    "-g",
    "-gdwarf-4",
)
# Without -g Zig's linker would strip the symbols, and it does not read ENTRY() of linker scripts.
LINK_FLAGS: Final = ("-g", "-Wl,--gc-sections", "-Wl,--build-id=none")

HOST_FLAGS: Final = ("-std=c11", "-fPIC", "-ffp-contract=off")


@dataclass(frozen=True)
class Compiler:
    """A C compiler driver: how to start it and what it says about itself."""

    kind: Literal["gcc", "clang", "zig"]
    command: tuple[str, ...]
    version: str


@dataclass(frozen=True)
class ArmCompiler(Compiler):
    """A compiler for bare-metal Cortex-M."""

    def target_flags(self, core: str, fpu: str) -> tuple[str, ...]:
        """Return the flags that select a core and its FPU, for compiling and for linking.

        Raises:
            ToolError: this compiler is not known to support the core.
        """
        if (core, fpu) not in _ZIG_CPUS:
            known = ", ".join("/".join(key) for key in _ZIG_CPUS)
            raise ToolError(
                f"core {core} with FPU {fpu}",
                "the compiler flags for it are not known",
                expected=f"one of {known}",
                remedy="Add the core to mcu_slm/toolchain.py.",
            )
        hard = fpu != "none"
        if self.kind == "zig":
            abi = "eabihf" if hard else "eabi"
            return ("-target", f"thumb-freestanding-{abi}", f"-mcpu={_ZIG_CPUS[core, fpu]}")
        float_flags = (f"-mfpu={fpu}", "-mfloat-abi=hard") if hard else ("-mfloat-abi=soft",)
        return (f"-mcpu={core}", "-mthumb", *float_flags)

    @property
    def own_flags(self) -> tuple[str, ...]:
        """Flags that only this kind of compiler needs."""
        if self.kind == "zig":
            return ("-fno-sanitize=undefined",)  # Zig turns UBSan on below -O2
        return ("-fno-tree-loop-distribute-patterns",)  # gcc: no memcpy() inside memcpy()

    @property
    def stack_flag(self) -> str:
        """The flag that makes it state each function's stack frame."""
        return "-fstack-size-section" if self.kind == "zig" else "-fstack-usage"

    @property
    def place_flag(self) -> str:
        """The flag that keeps the place where the compiler lies out of the debug information."""
        if self.kind == "zig":
            return f"-ffile-prefix-map={_zig_folder()}=ziglang"
        headers = _first_line((*self.command, "-print-file-name=include"))
        return f"-ffile-prefix-map={headers}=include"

    def compile_flags(self, core: str, fpu: str, optimization: str) -> tuple[str, ...]:
        """Return the flags for one translation unit, `optimization` being `-O2`, `-Os` or `-Og`."""
        target = self.target_flags(core, fpu)
        own = (*self.own_flags, self.stack_flag, self.place_flag)
        return (*target, optimization, *COMMON_FLAGS, *own, *WARNING_FLAGS)

    def library_flags(self, fpu: str) -> tuple[str, ...]:
        """Return the flags that link the compiler's own helpers where the core needs them.

        Without an FPU that is arithmetic with floats, on Armv6-M also division and 64-bit products.
        Nothing else is linked: memcpy and memset are ours.
        """
        if fpu != "none":
            return ("-nostdlib",)
        # Zig has no name for its helpers alone; a freestanding target has no C library to link.
        return () if self.kind == "zig" else ("-nostdlib", "-lgcc")

    def link_flags(self, core: str, fpu: str, linker_script: Path, entry: str) -> tuple[str, ...]:
        """Return the flags that link objects into an ELF file with our own linker script."""
        own = (*self.target_flags(core, fpu), *self.library_flags(fpu))
        return (*own, *LINK_FLAGS, f"-Wl,-e,{entry}", "-T", str(linker_script))


@dataclass(frozen=True)
class HostCompiler(Compiler):
    """A compiler for this machine."""

    @property
    def native_flags(self) -> tuple[str, ...]:
        """Flags for every instruction of this processor; zig needs none."""
        known = {"x86_64": ("-march=native",), "aarch64": ("-mcpu=native",)}
        return () if self.kind == "zig" else known.get(platform.machine(), ())


@dataclass(frozen=True)
class CompiledObject:
    """One object file, the source it comes from, and whether this call had to compile it."""

    source: Path
    path: Path
    rebuilt: bool


def find_arm_compiler(prefer: str | None = None) -> ArmCompiler:
    """Return the Arm compiler to use.

    Args:
        prefer: `gcc` or `zig`; without it the environment variable MCU_SLM_ARM_COMPILER decides,
            and without that the first one that is installed.

    Raises:
        ToolError: the wanted compiler, or any, is not installed.
    """
    wanted = prefer or os.environ.get(OVERRIDE_VARIABLE) or None
    if wanted not in (None, "gcc", "zig"):
        raise ToolError(
            OVERRIDE_VARIABLE if prefer is None else "Arm compiler",
            f"the compiler {wanted!r} is not known",
            expected="gcc or zig",
            remedy="Correct it, or leave it out to take what is installed.",
        )
    gcc = shutil.which("arm-none-eabi-gcc")
    if gcc and wanted in (None, "gcc"):
        return ArmCompiler("gcc", (gcc,), _first_line((gcc, "--version")))
    if _has_zig() and wanted in (None, "zig"):
        return ArmCompiler("zig", _zig_cc(), _zig_version())
    raise ToolError(
        "Arm compiler",
        f"{wanted or 'no Arm compiler'} {'is not' if wanted else 'is'} installed",
        expected="arm-none-eabi-gcc on PATH, or the Python package ziglang",
        remedy="Install one: pip install 'mcu-slm[sim]' (needs no root), "
        "or apt install gcc-arm-none-eabi.",
    )


def find_host_compiler(names: Sequence[str] = ("cc", "gcc", "clang")) -> HostCompiler:
    """Return a C compiler for this machine: the first of `names` on PATH, else ziglang's.

    Raises:
        ToolError: there is none.
    """
    for name in names:
        found = shutil.which(name)
        if found:
            version = _first_line((found, "--version"))
            return HostCompiler("clang" if "clang" in version else "gcc", (found,), version)
    if _has_zig():
        return HostCompiler("zig", _zig_cc(), _zig_version())
    raise ToolError(
        "host compiler",
        "no C compiler is installed",
        expected="cc, gcc or clang on PATH, or the Python package ziglang",
        remedy="Install one: pip install 'mcu-slm[sim]' (no root needed), or apt install gcc.",
    )


def compile_objects(
    compiler: Compiler,
    sources: Sequence[Path],
    root: Path,
    build_dir: Path,
    flags: Sequence[str],
) -> tuple[CompiledObject, ...]:
    """Compile sources below `root` into `build_dir`, two at a time, only what has changed.

    The compiler runs in `root` with relative paths, and `root` is mapped away in the debug
    information: the same sources give the same bytes wherever they lie.

    Raises:
        BuildError: the compiler refused a source; its output is in the message.
    """
    root, build_dir = root.resolve(), build_dir.resolve()
    command = (*compiler.command, *flags, f"-ffile-prefix-map={root}=.")

    def one(source: Path) -> CompiledObject:
        return _compile_one(compiler, command, source.resolve(), root, build_dir)

    with ThreadPoolExecutor(_PARALLEL_COMPILES) as pool:
        return tuple(pool.map(one, sources))


def link(
    compiler: Compiler,
    objects: Sequence[CompiledObject],
    out: Path,
    flags: Sequence[str],
    root: Path,
) -> Path:
    """Link objects into `out`; relative paths in `flags` are relative to `root`.

    Raises:
        BuildError: the linker refused; its output is in the message and in `values["output"]`.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    paths = [_relative(item.path, root.resolve()) for item in objects]
    _run((*compiler.command, *paths, *flags, "-o", str(out.resolve())), root, f"linking {out.name}")
    return out


def build_host_library(
    sources: Sequence[Path],
    root: Path,
    build_dir: Path,
    *,
    name: str = "model",
    flags: Sequence[str] = ("-O2",),
    compiler: HostCompiler | None = None,
) -> Path:
    """Compile sources below `root` into a shared library for ctypes and return its path.

    The file's name carries the hash of its objects, so that a library which is already loaded in
    this process is never overwritten and a new one is never mistaken for it.

    Raises:
        ToolError: there is no host compiler.
        BuildError: the compiler refused.
    """
    compiler = compiler or find_host_compiler()
    all_flags = (*HOST_FLAGS, f"-I{root.resolve()}", *flags)
    objects = compile_objects(compiler, sources, root, build_dir, all_flags)
    digest = hashlib.sha256("\0".join((*compiler.command, *flags)).encode())
    for item in objects:
        digest.update(bytes.fromhex(sha256_file(item.path)))
    suffix = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")
    out = build_dir / f"lib{name}-{digest.hexdigest()[:16]}{suffix}"
    if not out.is_file():
        sanitizers = [flag for flag in flags if flag.startswith("-fsanitize")]
        link(compiler, objects, out, ("-shared", *sanitizers), root)
    return out


# --- Compilers on this machine --------------------------------------------------------------------


def _has_zig() -> bool:
    return importlib.util.find_spec("ziglang") is not None


def _zig_folder() -> Path:
    found = importlib.util.find_spec("ziglang")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent


def _zig_cc() -> tuple[str, ...]:
    return (sys.executable, "-m", "ziglang", "cc")


@functools.lru_cache
def _zig_version() -> str:
    return "zig " + _first_line((sys.executable, "-m", "ziglang", "version"))


@functools.lru_cache
def _first_line(command: tuple[str, ...]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise ToolError(
            command[0],
            f"the compiler does not start: {error}",
            expected="a line with its version",
            remedy="Reinstall it, or take it off PATH.",
        ) from error
    return done.stdout.strip().splitlines()[0]


def _run(command: Sequence[str], folder: Path, what: str) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_COMPILE_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise BuildError(
            what, f"the compiler did not run: {error}", remedy="Check the installation."
        ) from error
    if done.returncode:
        output = (done.stderr + done.stdout).strip()
        lines = output.splitlines()
        shown = "\n".join(lines[:_SHOWN_OUTPUT_LINES])
        if len(lines) > _SHOWN_OUTPUT_LINES:
            shown += f"\n... and {len(lines) - _SHOWN_OUTPUT_LINES} more lines"
        raise BuildError(
            what,
            f"the compiler ended with code {done.returncode}:\n{shown}\n",
            expected="a build without errors and warnings",
            remedy="If you did not change this file, please report it.",
            command=tuple(command),
            output=output,
        )


# --- Incremental compilation ----------------------------------------------------------------------


def _compile_one(
    compiler: Compiler, command: tuple[str, ...], source: Path, root: Path, build_dir: Path
) -> CompiledObject:
    relative = _relative(source, root)
    stem = build_dir / "objects" / re.sub(r"[^\w./-]", "_", relative.replace("../", "up/"))
    target, record = stem.with_name(stem.name + ".o"), stem.with_name(stem.name + ".json")
    key = sha256_bytes("\0".join((compiler.version, *command, relative)).encode())
    if target.is_file() and _is_current(record, key, target, root):
        return CompiledObject(source, target, rebuilt=False)
    target.parent.mkdir(parents=True, exist_ok=True)
    record.unlink(missing_ok=True)
    # Two processes may build one object: each does it aside, and moves a whole file into place.
    with tempfile.TemporaryDirectory(prefix=".", dir=target.parent) as aside:
        depfile, made = Path(aside) / "inputs.d", Path(aside) / target.name
        dependency_flags = ("-MMD", "-MF", str(depfile))
        _run((*command, *dependency_flags, "-c", relative, "-o", str(made)), root, relative)
        inputs = {name: sha256_file(root / name) for name in _dependencies(depfile)}
        frames = made.with_suffix(".su")  # with -fstack-usage, gcc writes them beside the object
        if frames.is_file():
            frames.replace(target.with_suffix(".su"))
        made.replace(target)
    write_json(record, {"key": key, "object": sha256_file(target), "inputs": inputs})
    return CompiledObject(source, target, rebuilt=True)


def _is_current(record: Path, key: str, target: Path, root: Path) -> bool:
    """Whether the command line, the object and all inputs are what they were when it was built."""
    try:
        written = json.loads(record.read_text(encoding="utf-8"))
        return (
            written["key"] == key
            and written["object"] == sha256_file(target)
            and all(
                sha256_file(root / name) == digest for name, digest in written["inputs"].items()
            )
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _dependencies(depfile: Path) -> list[str]:
    r"""Return the prerequisites in a Makefile rule: `target: a.c b.h \\` with escaped blanks."""
    text = depfile.read_text(encoding="utf-8").replace("\\\n", " ")
    _, _, prerequisites = text.partition(": ")
    return [
        name.replace("\\ ", " ").replace("$$", "$")
        for name in re.findall(r"(?:\\ |\S)+", prerequisites)
    ]


def _relative(path: Path, root: Path) -> str:
    """Return `path` relative to `root` where it lies below it (or beside it), in POSIX form."""
    try:
        return Path(os.path.relpath(path, root)).as_posix()
    except ValueError:  # another drive on Windows
        return path.as_posix()
