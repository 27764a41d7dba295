"""The firmware's own ELF on the board simulator, spoken to as a real board is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mcu_slm.boards import Board
from mcu_slm.errors import ProofError
from mcu_slm.manifest import CompiledModel, Layer
from mcu_slm.protocol import Client
from mcu_slm.verify.difference import LayerBytes

KNOWN_INPUTS = "mcu_slm_known_inputs"
_BOOT_S = 60.0
_INFERENCE_S = 600.0


class SimulatedFirmware:
    """A booted firmware.

    Raises:
        ToolError: The simulator is not installed.
        FirmwareFault: The firmware faulted (from every method).
        DeviceError: It answered wrongly or not at all (from every method).
    """

    def __init__(self, board: Board, elf: Path, compiled: CompiledModel) -> None:
        from mcu_slm.simulator.board import BoardSimulator

        self._compiled = compiled
        self.simulator = BoardSimulator(board, elf)
        # The board answers its first question after the self-test, which takes several inferences.
        self.client = Client(self.simulator.port, timeout=_BOOT_S, inference_timeout=_INFERENCE_S)

    def greet(self) -> None:
        """Say hello and check that the firmware carries this very model.

        Raises:
            ProofError: It carries another one.
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

    def failing_known_input(self) -> npt.NDArray[np.int8] | None:
        """Run the known-answer test; return the first input whose answer is wrong.

        A firmware whose test fails refuses to predict, so this is asked first.
        """
        result = self.client.self_test()
        if result.first_failing_vector is None:
            return None
        size = self._compiled.input_bytes
        place = self.simulator.symbol(KNOWN_INPUTS) + result.first_failing_vector * size
        return np.frombuffer(self.simulator.read_memory(place, size), np.int8)

    def output_row(self) -> npt.NDArray[np.int8]:
        """Return the output that stands in RAM after the last run."""
        place = self.simulator.symbol("mcu_slm_arena") + self._compiled.output_offset
        raw = self.simulator.read_memory(place, self._compiled.output_bytes)
        return np.frombuffer(raw, np.int8)

    def layers_of_self_test(self) -> LayerBytes:
        """Run the known-answer test, which stops at the wrong answer; return that run's layers."""
        return self._watch(self.client.self_test)

    def layers(self, window: npt.NDArray[np.int8]) -> LayerBytes:
        """Run one window again; return each layer with its bytes, read from RAM as it returns."""
        return self._watch(lambda: self.client.infer(window))

    def _watch(self, run: Callable[[], object]) -> LayerBytes:
        arena = self.simulator.symbol("mcu_slm_arena")
        found: dict[int, npt.NDArray[np.int8]] = {}

        def reader(layer: Layer) -> Callable[[], None]:
            def read() -> None:
                places = zip(layer.offsets, layer.byte_counts, strict=True)
                parts = [self.simulator.read_memory(arena + start, n) for start, n in places]
                found[layer.index] = np.frombuffer(b"".join(parts), np.int8)

            return read

        layers = [layer for layer in self._compiled.layers if layer.function]
        watched = {layer.function: reader(layer) for layer in layers}
        with self.simulator.watch_returns(watched):
            run()
        return [
            (layer, found[layer.index]) for layer in self._compiled.layers if layer.index in found
        ]
