"""The firmware's own ELF on the board simulator, spoken to as a real board is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mcu_slm.boards import Board
from mcu_slm.errors import ProofError
from mcu_slm.manifest import CompiledModel, Layer
from mcu_slm.protocol import Client


class SimulatedFirmware:
    """A booted firmware. Raises what the simulator and the client raise.

    FirmwareFault, DeviceError, ToolError.
    """

    def __init__(self, board: Board, elf: Path, compiled: CompiledModel) -> None:
        from mcu_slm.simulator.board import BoardSimulator

        self._compiled = compiled
        self.simulator = BoardSimulator(board, elf)
        self.client = Client(self.simulator.port, inference_timeout=600.0)

    def greet(self) -> None:
        """Say hello and check that the firmware carries this very model and passes its self-test.

        Raises:
            ProofError: It carries another model, or its known answers are wrong.
        """
        hello = self.client.hello()
        found = hello.model_sha256
        if found != self._compiled.model_sha256:
            raise ProofError(
                "leg sim",
                f"the firmware carries the model {found[:12]}",
                self._compiled.model_sha256[:12],
                "Build the firmware again: mcu-slm build.",
            )

    def infer(self, window: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
        """Return the output for one window, sent and received over the simulated UART."""
        return self.client.infer(window).output

    def layers(self, window: npt.NDArray[np.int8]) -> Iterator[tuple[Layer, npt.NDArray[np.int8]]]:
        """Run one window again; return each layer with its bytes, read from RAM as it returns."""
        arena = self.simulator.symbol("mcu_slm_arena")
        found: dict[int, npt.NDArray[np.int8]] = {}

        def reader(layer: Layer) -> Callable[[], None]:
            def read() -> None:
                raw = self.simulator.read_memory(arena + layer.offsets[0], layer.byte_counts[0])
                found[layer.index] = np.frombuffer(raw, np.int8)

            return read

        layers = [layer for layer in self._compiled.layers if layer.function]
        watched = {layer.function: reader(layer) for layer in layers}
        with self.simulator.watch_returns(watched):
            self.client.infer(window)
        return (
            (layer, found[layer.index]) for layer in self._compiled.layers if layer.index in found
        )
