"""The firmware's own ELF on the board simulator, spoken to as a real board is."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mcu_slm.boards import Board
from mcu_slm.errors import ProofError
from mcu_slm.manifest import CompiledModel, Layer
from mcu_slm.protocol import Client
from mcu_slm.verify.difference import LayerBytes

KNOWN_INPUTS = "mcu_slm_known_inputs"
CONSTANTS_CRC32 = "mcu_slm_model_constants_crc32"
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

    def failing_known_inputs(self) -> npt.NDArray[np.int8] | None:
        """Run the known-answer test; return the inputs up to the first whose answer is wrong.

        None where all are right. A firmware whose test fails refuses to predict, so this is asked
        first. The test leaves a model with state at the beginning of a stream.
        """
        result = self.client.self_test()
        if result.first_failing_vector is None:
            return None
        count, size = result.first_failing_vector + 1, self._compiled.input_bytes
        place = self.simulator.symbol(KNOWN_INPUTS)
        raw = self.simulator.read_memory(place, count * size)
        return np.frombuffer(raw, np.int8).reshape(count, size)

    def overrule_damaged_constants(self) -> bool:
        """Return whether the firmware found at boot that its constants are not what was compiled.

        It then refuses to predict. To see which layer they spoil, it is made to believe them.
        """
        start = self.client.start()
        if start is None or start.constants_intact:
            return False
        place = self.simulator.symbol(CONSTANTS_CRC32)
        self.simulator.write_memory(place, start.found_crc32.to_bytes(4, "little"))
        self.client.self_test()
        return True

    def output_row(self) -> npt.NDArray[np.int8]:
        """Return the output that stands in RAM after the last run."""
        place = self.simulator.symbol("mcu_slm_arena") + self._compiled.output_offset
        raw = self.simulator.read_memory(place, self._compiled.output_bytes)
        return np.frombuffer(raw, np.int8)

    def layers_of_self_test(self) -> list[LayerBytes]:
        """Run the known-answer test; return the layers of each inference up to the wrong answer."""
        return self._watch(self.client.self_test)

    def layers(self, windows: npt.NDArray[np.int8]) -> Iterator[LayerBytes]:
        """Run windows again, of which a model with state begins a new stream.

        For each yield the layers with their bytes, read from RAM as they return.
        """
        if self._compiled.state_bytes:
            self.client.self_test()
        for window in windows:
            yield from self._watch(functools.partial(self.client.infer, window))

    def _watch(self, run: Callable[[], object]) -> list[LayerBytes]:
        """Return what the layers of each inference of `run` wrote."""
        arena = self.simulator.symbol("mcu_slm_arena")
        layers = [layer for layer in self._compiled.layers if layer.function]
        found: list[list[tuple[Layer, npt.NDArray[np.int8]]]] = []

        def reader(layer: Layer) -> Callable[[], None]:
            def read() -> None:
                if layer is layers[0]:
                    found.append([])
                places = zip(layer.offsets, layer.byte_counts, strict=True)
                parts = [self.simulator.read_memory(arena + start, n) for start, n in places]
                found[-1].append((layer, np.frombuffer(b"".join(parts), np.int8)))

            return read

        watched = {layer.function: reader(layer) for layer in layers}
        with self.simulator.watch_returns(watched):
            run()
        return list(found)
