"""The generated C, built for this machine and called in this process."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mcu_slm.errors import BuildError
from mcu_slm.manifest import CompiledModel, Layer
from mcu_slm.toolchain import WARNING_FLAGS, build_host_library


class HostModel:
    """A compiled model folder as a function from windows to outputs.

    Raises:
        ToolError: No host compiler.
        BuildError: The code does not compile, or is not what its manifest says.
    """

    def __init__(self, folder: Path, compiled: CompiledModel, build_dir: Path) -> None:
        self._compiled = compiled
        sources = [folder / name for name in compiled.sources]
        library = build_host_library(sources, folder, build_dir, flags=("-O2", *WARNING_FLAGS))
        try:
            self._library = ctypes.CDLL(str(library))
            self._predict = self._library.mcu_slm_model_predict
            self._reset = self._library.mcu_slm_model_reset
            arena = (ctypes.c_int8 * compiled.arena_bytes).in_dll(self._library, "mcu_slm_arena")
        except (OSError, AttributeError, ValueError) as error:
            raise BuildError(
                str(folder), f"the generated code was changed: {error}", remedy="Generate it again."
            ) from error
        self._predict.restype = self._reset.restype = None
        self._predict.argtypes = (ctypes.c_void_p, ctypes.c_void_p)
        self._arena = np.ctypeslib.as_array(arena)

    def predict(self, windows: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
        """Return the outputs of windows, of which a model with state begins a new stream.

        Shapes: int8 [windows, ...] -> int8 [windows, output bytes].
        """
        self._reset()
        rows = np.ascontiguousarray(windows.reshape(len(windows), -1))
        outputs = np.empty((len(rows), self._compiled.output_bytes), np.int8)
        for source, target in zip(rows, outputs, strict=True):
            self._predict(source.ctypes.data, target.ctypes.data)
        return outputs

    def layers(
        self, windows: npt.NDArray[np.int8]
    ) -> Iterator[Iterator[tuple[Layer, npt.NDArray[np.int8]]]]:
        """Run windows layer by layer; a model with state begins a new stream.

        For each window, after each layer yield it with the bytes of its outputs, one behind the
        other.
        """
        self._reset()
        for window in windows:
            yield self._layers(window)

    def _layers(self, window: npt.NDArray[np.int8]) -> Iterator[tuple[Layer, npt.NDArray[np.int8]]]:
        start = self._compiled.input_offset
        self._arena[start : start + window.size] = window.reshape(-1)
        for layer in self._compiled.layers:
            if layer.function:
                getattr(self._library, layer.function)()
            places = zip(layer.offsets, layer.byte_counts, strict=True)
            parts = [self._arena[start : start + n] for start, n in places]
            yield layer, np.concatenate(parts) if parts else np.empty(0, np.int8)
