"""Compile block_hook.c once for this machine and keep it in the user's cache folder."""

from __future__ import annotations

import hashlib
import importlib.util
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from mcu_slm.errors import ToolError
from mcu_slm.files import cache_folder

_SOURCE = Path(__file__).with_name("block_hook.c")
_SUFFIX = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")
_FLAGS = ("-O2", "-std=c11", "-shared", *(() if sys.platform == "win32" else ("-fPIC",)))
_COMPILE_SECONDS = 120


def build_block_hook(required: bool = False) -> Path | None:
    """Return the compiled hook, from the cache where possible.

    Returns:
        The shared library, or None when it cannot be built here and is not `required`.

    Raises:
        ToolError: `required`, and there is no working C compiler.
    """
    library = cache_folder() / f"block_hook-{_key()}{_SUFFIX}"
    if library.is_file():
        return library
    complaints = []
    for compiler in _compilers():
        complaint = _compile(compiler, library)
        if not complaint:
            return library
        complaints.append(f"{compiler[0]}: {complaint}")
    if required:
        raise ToolError(
            "board simulator's native hook",
            "; ".join(complaints) or "no C compiler was found",
            "cc, gcc or clang on PATH, or the Python package ziglang",
            "Install one with: pip install 'mcu-slm[sim]'",
        )
    return None


def _key() -> str:
    """Name the source and the machine, so that neither an old nor a foreign library is loaded."""
    identity = f"{sys.platform} {platform.machine()} {sys.maxsize} {_FLAGS}".encode()
    return hashlib.sha256(_SOURCE.read_bytes() + identity).hexdigest()[:20]


def _compilers() -> list[list[str]]:
    found = [[path] for name in ("cc", "gcc", "clang") if (path := shutil.which(name))]
    if importlib.util.find_spec("ziglang") is not None:
        found.append([sys.executable, "-m", "ziglang", "cc"])
    return found


def _compile(compiler: list[str], library: Path) -> str:
    """Compile into place at once, so that two processes may do it together; return a complaint."""
    try:
        library.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=library.parent) as folder:
            temporary = Path(folder) / library.name
            command = [*compiler, *_FLAGS, "-o", str(temporary), str(_SOURCE)]
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=_COMPILE_SECONDS, check=False
            )
            if done.returncode != 0:
                return (done.stderr.strip().splitlines() or ["failed without a word"])[-1]
            temporary.replace(library)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return ""
