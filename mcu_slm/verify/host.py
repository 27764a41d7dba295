"""The generated C, built for this machine and called in this process."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mcu_slm.errors import BuildError
from mcu_slm.files import write_atomic
from mcu_slm.manifest import CompiledModel, Layer
from mcu_slm.toolchain import WARNING_FLAGS, build_host_library, find_host_compiler

_MACS_WORTH_OPTIMISING = 1_000_000
"""Per window; the compiler takes longer over a smaller model than its windows do."""

_FASTEST_CODE = ("clang", "cc", "gcc")
_FASTEST_COMPILER = ("cc", "gcc", "clang")
"""Clang takes twice as long as gcc, for code that is up to twice as fast."""

_WINDOWS_PER_THREAD = 16


class _Library:
    """One copy of the built code, with its own arena and state.

    Raises:
        OSError, AttributeError, ValueError: It is not what its manifest says.
    """

    def __init__(self, path: Path, arena_bytes: int) -> None:
        self.functions = ctypes.CDLL(str(path))
        self.predict = self.functions.mcu_slm_model_predict
        self.predict.restype = None
        self.predict.argtypes = (ctypes.c_void_p, ctypes.c_void_p)
        self.reset = self.functions.mcu_slm_model_reset
        self.reset.restype = None
        arena = (ctypes.c_int8 * arena_bytes).in_dll(self.functions, "mcu_slm_arena")
        self.arena = np.ctypeslib.as_array(arena)

    def run(self, rows: npt.NDArray[np.int8], outputs: npt.NDArray[np.int8]) -> None:
        """Predict rows in their order, from reset state on. C code runs without Python's lock."""
        self.reset()
        source, target = rows.ctypes.data, outputs.ctypes.data  # a view per row takes microseconds
        for _ in rows:
            self.predict(source, target)
            source += rows.strides[0]
            target += outputs.strides[0]


class HostModel:
    """A compiled model folder as a function from windows to outputs.

    Raises:
        ToolError: No host compiler.
        BuildError: The code does not compile, or is not what its manifest says.
    """

    def __init__(self, folder: Path, compiled: CompiledModel, build_dir: Path) -> None:
        self._folder = folder
        self._compiled = compiled
        is_large = compiled.macs >= _MACS_WORTH_OPTIMISING
        compiler = find_host_compiler(_FASTEST_CODE if is_large else _FASTEST_COMPILER)
        speed = ("-O3", *compiler.native_flags) if is_large else ("-O2",)
        sources = [folder / name for name in compiled.sources]
        flags = (*speed, *WARNING_FLAGS)
        self._path = build_host_library(sources, folder, build_dir, flags=flags, compiler=compiler)
        self._library = self._load(self._path)

    def _load(self, path: Path) -> _Library:
        try:
            return _Library(path, self._compiled.arena_bytes)
        except (OSError, AttributeError, ValueError) as error:
            raise BuildError(
                str(self._folder),
                f"the generated code was changed: {error}",
                remedy="Generate it again.",
            ) from error

    def predict(self, windows: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
        """Return the outputs of windows, of which a model with state begins a new stream.

        Shapes: int8 [windows, ...] -> int8 [windows, output bytes].
        """
        rows = np.ascontiguousarray(windows.reshape(len(windows), -1))
        outputs = np.empty((len(rows), self._compiled.output_bytes), np.int8)
        libraries = self._libraries(len(rows))
        parts = zip(
            libraries,
            np.array_split(rows, len(libraries)),
            np.array_split(outputs, len(libraries)),
            strict=True,
        )
        with ThreadPoolExecutor(len(libraries)) as pool:
            for done in [pool.submit(library.run, *part) for library, *part in parts]:
                done.result()
        return outputs

    def _libraries(self, windows: int) -> list[_Library]:
        """Return as many copies of the code as are worth a thread; a stream takes one."""
        wanted = min(os.cpu_count() or 1, windows // _WINDOWS_PER_THREAD)
        if self._compiled.state_bytes or wanted < 2:
            return [self._library]
        libraries = [self._library]
        for number in range(1, wanted):
            # The system loads a file once, whatever it is called: every copy needs its own.
            copy = self._path.with_name(f"{self._path.stem}-{number}{self._path.suffix}")
            write_atomic(copy, self._path.read_bytes())
            libraries.append(self._load(copy))
        return libraries

    def layers(
        self, windows: npt.NDArray[np.int8]
    ) -> Iterator[Iterator[tuple[Layer, npt.NDArray[np.int8]]]]:
        """Run windows layer by layer; a model with state begins a new stream.

        For each window, after each layer yield it with the bytes of its outputs, one behind the
        other.
        """
        self._library.reset()
        for window in windows:
            yield self._layers(window)

    def _layers(self, window: npt.NDArray[np.int8]) -> Iterator[tuple[Layer, npt.NDArray[np.int8]]]:
        start = self._compiled.input_offset
        self._library.arena[start : start + window.size] = window.reshape(-1)
        for layer in self._compiled.layers:
            if layer.function:
                getattr(self._library.functions, layer.function)()
            places = zip(layer.offsets, layer.byte_counts, strict=True)
            parts = [self._library.arena[start : start + n] for start, n in places]
            yield layer, np.concatenate(parts) if parts else np.empty(0, np.int8)
