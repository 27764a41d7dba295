"""From a generated project to predictions, without a board: build, flash, boot what was flashed.

The firmware is built for the NUCLEO-F446RE, goes through the simulated boot ROM into simulated
flash, and the bytes found there boot on the board simulator.
"""

from __future__ import annotations

import contextlib
import itertools
import random
import threading
from pathlib import Path

import numpy as np
import pytest

from mcu_slm import firmware, toolchain
from mcu_slm.device import flash, monitor, open_port
from mcu_slm.errors import DeviceError, ToolError
from mcu_slm.protocol import Client, ClockState, SerialPort
from tests.device.boot_rom import BootRom
from tests.device.images import FLASH, elf_bytes, nucleo

pytest.importorskip("unicorn", reason="the extra [sim] is not installed")

pytestmark = pytest.mark.emulator

STANDIN_MODEL = Path(__file__).parents[1] / "firmware" / "standin_model"
KNOWN_INPUTS = np.array([[0] * 24, [127] * 24], np.int8)
KNOWN_OUTPUTS = np.array([[0, 0, 0], [-5, 27, 0]], np.int8)


@pytest.fixture(scope="module")
def elf(tmp_path_factory) -> Path:
    try:
        toolchain.find_arm_compiler()
    except ToolError as error:
        pytest.skip(str(error))
    project = tmp_path_factory.mktemp("project")
    firmware.generate(
        model_dir_source=STANDIN_MODEL,
        board=nucleo(),
        known_inputs=KNOWN_INPUTS,
        known_outputs=KNOWN_OUTPUTS,
        out=project,
        project_name="demo",
    )
    return firmware.build(project, nucleo()).elf


class SimulatedBoard:
    """The board simulator as the device behind a serial line."""

    def __init__(self, elf: Path) -> None:
        from mcu_slm.simulator import BoardSimulator

        self.simulator = BoardSimulator(nucleo(), elf)

    def receive(self, data: bytes) -> bytes:
        self.simulator.port.write(data)
        self.simulator.run_slice(0.05)
        return self.simulator.port.take()


def test_the_bytes_that_were_flashed_boot_and_predict(elf, tmp_path):
    pytest.importorskip("pty")
    from tests.device.pty_line import PtyLine

    rom = BootRom(nucleo().chip)
    with PtyLine(rom) as line:
        report = flash(elf, nucleo(), method="uart", port=line.path)
    assert rom.started_at == FLASH
    flashed = tmp_path / "flashed.elf"
    flashed.write_bytes(elf_bytes({FLASH: bytes(rom.flash[: report.image.byte_count])}))

    with PtyLine(SimulatedBoard(flashed)) as line:
        port = open_port(line.path)
        client = Client(port, timeout=60.0, inference_timeout=60.0)
        hello, info = client.hello(), client.info()
        assert hello.board == "nucleo_f446re"
        assert info.labels == ("still", "walking", "rütteln")
        assert info.clock_state == ClockState.FULL_SPEED
        assert client.self_test().passed
        for values, expected in zip(KNOWN_INPUTS, KNOWN_OUTPUTS, strict=True):
            np.testing.assert_array_equal(client.infer(values).output, expected)
        port.close()


class DisturbedPort:
    """A port whose line flips a bit of some bytes, and drops or doubles others."""

    def __init__(self, port: SerialPort, rate: float, seed: int) -> None:
        self._port = port
        self.rate = rate
        self._rng = random.Random(seed)
        self.timeout: float | None = None
        self.damaged = 0

    @property
    def in_waiting(self) -> int:
        return self._port.in_waiting

    def read(self, size: int = 1) -> bytes:
        self._port.timeout = self.timeout
        return self._damage(self._port.read(size))

    def write(self, data: bytes) -> int | None:
        return self._port.write(self._damage(data))

    def _damage(self, data: bytes) -> bytes:
        return b"".join(self._damage_byte(byte) for byte in data)

    def _damage_byte(self, byte: int) -> bytes:
        if self._rng.random() > self.rate:
            return bytes([byte])
        self.damaged += 1
        return self._rng.choice(
            (bytes([byte ^ 1 << self._rng.randrange(8)]), b"", bytes(2 * [byte]))
        )


def test_the_firmware_and_the_client_survive_a_disturbed_line(elf, core_clock):
    """300 inferences, one byte in 250 damaged, both ways: right bytes or a DeviceError."""
    from mcu_slm.simulator import BoardSimulator

    port = DisturbedPort(BoardSimulator(nucleo(), elf).port, rate=0.004, seed=9)
    client = Client(port, timeout=0.1, inference_timeout=0.1)
    right = 0
    for index in range(300):
        known = index % len(KNOWN_INPUTS)
        with contextlib.suppress(DeviceError):
            found = client.infer(KNOWN_INPUTS[known]).output
            np.testing.assert_array_equal(found, KNOWN_OUTPUTS[known])
            right += 1
    assert port.damaged > 30
    assert right > 250
    port.rate = 0.0
    assert client.self_test().passed
    assert client.stats().bad_frames > 0


def test_the_monitor_shows_the_firmware_s_predictions(elf):
    from mcu_slm.simulator import BoardSimulator
    from mcu_slm.simulator.server import serve_tcp

    stop, ready = threading.Event(), threading.Event()
    address: list[int] = []

    def note_port(port: int) -> None:
        address.append(port)
        ready.set()

    simulator = BoardSimulator(nucleo(), elf)
    server = threading.Thread(
        target=serve_tcp, args=(simulator,), kwargs={"stop": stop.is_set, "ready": note_port}
    )
    server.start()
    try:
        assert ready.wait(60)
        url = f"socket://127.0.0.1:{address[0]}"
        seen = monitor(url, period_ms=100, timeout=60.0)
        events = [*itertools.takewhile(lambda event: event.kind != "prediction", seen)]
        predictions = [*itertools.islice(seen, 3)]
        seen.close()
    finally:
        stop.set()
        server.join()
    assert "connected" in {event.kind for event in events} <= {"boot", "connected"}
    assert [event.kind for event in predictions] == 3 * ["prediction"]
    assert all(event.label and event.missing == 0 for event in predictions)
