"""Builds a compiled model folder for a core alone: no board, no start-up code, no protocol.

Kernels are the same files in every model but for their heads, so their objects are kept in a cache
and only the model's own two files are compiled: what many models in a row need.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mcu_slm import templating
from mcu_slm.errors import UsageError
from mcu_slm.files import cache_folder, sha256_bytes, write_atomic
from mcu_slm.manifest import CompiledModel
from mcu_slm.simulator.bare import LINKER_SCRIPT
from mcu_slm.toolchain import ArmCompiler, compile_objects, find_arm_compiler, link

BARE_CORES: Final = {
    "cortex-m0plus": "none",
    "cortex-m3": "none",
    "cortex-m4": "fpv4-sp-d16",
    "cortex-m7": "fpv5-d16",
    "cortex-m33": "fpv5-sp-d16",
}
"""Cores that models can be built for, with the FPU that their chips usually have."""

ENTRY: Final = "mcu_slm_model_predict"
RESET: Final = "mcu_slm_model_reset"
"""Only models that keep state from one window to the next have it."""

_MODEL_FILE: Final = "model"  # the names of files that differ between models begin so
_HEAD: Final = re.compile(r"\A/\*.*?\*/\n", re.DOTALL)
_INCLUDE: Final = re.compile(r'^#include "([^"]+)"', re.MULTILINE)
_DIGITS: Final = 24


@dataclass(frozen=True)
class _Plain:
    banner: str


def build_for_core(
    folder: Path,
    compiled: CompiledModel,
    core: str,
    build_dir: Path,
    *,
    compiler: ArmCompiler | None = None,
    optimization: str = "-O2",
    cache: Path | None = None,
) -> Path:
    """Compile and link a model folder for a core; return the ELF, for `simulator.bare.BareCore`.

    Args:
        folder: What `compile_model` wrote.
        compiled: Its manifest.
        core: One of `BARE_CORES`.
        build_dir: Where the model's own objects and the ELF go.
        compiler: By default the one that firmware is built with.
        optimization: `-O2`, `-Os` or `-Og`.
        cache: Where kernel objects are kept; by default in the user's cache folder.

    Raises:
        UsageError: No such core.
        ToolError: There is no Arm compiler.
        BuildError: The compiler refused.
    """
    if core not in BARE_CORES:
        raise UsageError("core", f"there is no {core!r}", f"one of {', '.join(BARE_CORES)}")
    compiler = compiler or find_arm_compiler()
    fpu = BARE_CORES[core]
    cache = (cache or cache_folder() / "kernels").resolve()
    script = write_atomic(
        cache / f"bare-{sha256_bytes(LINKER_SCRIPT.encode())[:_DIGITS]}.ld", LINKER_SCRIPT
    )
    shared = [_stage_memory(cache)]
    own = []
    for name in compiled.sources:
        if name.startswith(_MODEL_FILE):
            own.append(folder / name)
        else:
            shared.append(_stage(folder, name, cache))
    flags = compiler.compile_flags(core, fpu, optimization)
    variant = f"{compiler.kind}-{core}{optimization}"
    objects = (
        *compile_objects(compiler, own, folder, build_dir, flags),
        *compile_objects(compiler, shared, cache, cache / variant, flags),
    )
    return link(
        compiler,
        objects,
        build_dir / "model.elf",
        (*compiler.link_flags(core, fpu, script, ENTRY), f"-Wl,-u,{RESET}"),
        folder,
    )


def _stage_memory(cache: Path) -> Path:
    """Write memcpy and memset, the same that firmware has."""
    text = templating.render("common/src/mem.c.j2", _Plain("/* memcpy and memset */"))
    return _write(cache, {"mem.c": text}, "mem.c")


def _stage(folder: Path, name: str, cache: Path) -> Path:
    """Copy a kernel and its headers, without the heads that name the model, into the cache."""
    texts: dict[str, str] = {}
    wanted = [name]
    while wanted:
        file = wanted.pop()
        if file not in texts:
            texts[file] = _HEAD.sub("", (folder / file).read_text(encoding="utf-8"), count=1)
            wanted += _INCLUDE.findall(texts[file])
    return _write(cache, texts, name)


def _write(cache: Path, texts: dict[str, str], name: str) -> Path:
    """Write files into a folder that is named by what they say; return the path of `name`."""
    content = "\0".join(f"{file}\0{texts[file]}" for file in sorted(texts))
    staged = cache / "sources" / sha256_bytes(content.encode())[:_DIGITS]
    for file, text in texts.items():
        write_atomic(staged / file, text)
    return staged / name
