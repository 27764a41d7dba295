"""A firmware around TensorFlow Lite Micro: where its checkout is, and how C++ is compiled for it.

The project names no folder of this machine: the checkout and its library are given to each build.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mcu_slm.errors import ToolError, UsageError

FOLDER_VARIABLE: Final = "TFLM_DIR"
LIBRARY_VARIABLE: Final = "TFLM_LIBRARY"
_LIBRARY: Final = "libtensorflow-microlite.a"
_HEADER: Final = "tensorflow/lite/micro/micro_interpreter.h"
_DOWNLOADS: Final = "tensorflow/lite/micro/tools/make/downloads"
# As a checkout has its third parties after `make third_party_downloads`, and as a tree has them.
INCLUDE_FOLDERS: Final = (
    *(".", f"{_DOWNLOADS}/flatbuffers/include", f"{_DOWNLOADS}/gemmlowp", f"{_DOWNLOADS}/ruy"),
    *("third_party/flatbuffers/include", "third_party/gemmlowp", "third_party/ruy"),
)
CPP_FLAGS: Final = (
    *("-std=c++17", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics"),
    *("-fno-unwind-tables", "-fno-asynchronous-unwind-tables"),
    *("-ffunction-sections", "-fdata-sections", "-g", "-gdwarf-4"),
    *("-Wall", "-Wextra", "-Werror"),
    *("-DTF_LITE_STATIC_MEMORY", "-DTF_LITE_STRIP_ERROR_STRINGS"),
)


@dataclass(frozen=True)
class TflmTree:
    """A checkout of TensorFlow Lite Micro with a library that was built from it."""

    folder: Path
    library: Path

    @property
    def compile_flags(self) -> tuple[str, ...]:
        """Flags for a C++ file, the compiler's own for the core aside."""
        folders = [self.folder / name for name in INCLUDE_FOLDERS]
        found = [flag for path in folders if path.is_dir() for flag in ("-isystem", str(path))]
        return (*CPP_FLAGS, *found, f"-ffile-prefix-map={self.folder}=tflm")

    @property
    def link_flags(self) -> tuple[str, ...]:
        """What is linked behind the objects: the interpreter, and the C++ library below it."""
        libraries = (str(self.library), "-lstdc++", "-lm", "-lc", "-lnosys", "-lgcc")
        start = ("-nostartfiles", "-nodefaultlibs")
        return (*start, "-Wl,--start-group", *libraries, "-Wl,--end-group")


def find_tflm_folder(folder: Path | None = None) -> Path:
    """Return the checkout to use: as given, else by TFLM_DIR.

    Raises:
        ToolError: None was named, or it is not there.
    """
    named = folder or Path(os.environ.get(FOLDER_VARIABLE, ""))
    if named == Path():
        where, found = "--tflm-dir", "no checkout of TensorFlow Lite Micro was named"
    elif not (named / _HEADER).is_file():
        where, found = str(named), "no checkout of TensorFlow Lite Micro is there"
    else:
        return named.resolve()
    raise ToolError(
        where,
        found,
        expected=f"a folder with {_HEADER}",
        remedy=f"Clone tensorflow/tflite-micro and name it: --tflm-dir, or {FOLDER_VARIABLE}.",
    )


def find_tflm(folder: Path | None = None, library: Path | None = None) -> TflmTree:
    """Return the checkout to use and its library: as given, else by TFLM_DIR and TFLM_LIBRARY.

    Raises:
        ToolError: No checkout was named, or it is not there or without a library.
        UsageError: It has more than one library.
    """
    root = find_tflm_folder(folder)
    chosen = library or Path(os.environ.get(LIBRARY_VARIABLE, ""))
    if chosen == Path():
        found = sorted((root / "gen").glob(f"*/lib/{_LIBRARY}"))
        if len(found) > 1:
            names = ", ".join(path.parent.parent.name for path in found)
            remedy = f"Name it: {LIBRARY_VARIABLE}."
            raise UsageError(str(root / "gen"), f"more than one library: {names}", "one", remedy)
        chosen = found[0] if found else root / "gen" / _LIBRARY
    if not chosen.is_file():
        raise ToolError(
            str(chosen),
            "the library was not built",
            expected=_LIBRARY,
            remedy="In the checkout: make -f tensorflow/lite/micro/tools/make/Makefile "
            "TARGET=cortex_m_generic TARGET_ARCH=cortex-m4+fp microlite",
        )
    return TflmTree(root, chosen.resolve())
