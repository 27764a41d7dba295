"""A whole firmware that samples: sensor, bus, driver, windows, answers, and what goes wrong."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from mcu_slm import boards, tflite
from mcu_slm.boards.facts import port_and_number
from mcu_slm.compile import compile_model
from mcu_slm.errors import BoardError, UsageError
from mcu_slm.firmware import SensorChoice, build, generate
from mcu_slm.firmware.clocks import bus_hz, port_hz
from mcu_slm.firmware.i2c_timing import timing_for
from mcu_slm.firmware.i2c_v1_timing import first_timing_for
from mcu_slm.firmware.sensors import sampling_for
from mcu_slm.firmware.spi_divider import divider_for
from mcu_slm.metadata import read_info
from mcu_slm.protocol import Boot, Client, Prediction, ResetCause, Start
from tests.answers.models import CHANNELS, WINDOW, answering
from tests.firmware.devices import Device, Ism330dhcx, Lis3dh, Lsm6dsl, Lsm6dso, Mpu6050, OnSpi
from tests.firmware.test_results_on_simulator import codes_of, counts_of_sensor, expected_outputs

pytest.importorskip("unicorn")
from mcu_slm.simulator import BoardSimulator

pytestmark = pytest.mark.emulator

BOARD = boards.load_board("nucleo_f446re")
HOP = 8
TIMINGR, CCR = 0x10, 0x1C
SPI_SR, SPI_EOT = 0x14, 1 << 3
CHIPS = {
    "lsm6dso": Lsm6dso,
    "ism330dhcx": Ism330dhcx,
    "lsm6dsl": Lsm6dsl,
    "lis3dh": Lis3dh,
    "mpu6050": Mpu6050,
}
SENSORS = ("lsm6dso", "lis3dh", "mpu6050")
# Other boards with their I2C, and a sensor of each driver; of the first generation F1 and L1.
ON_I2C = {
    "nucleo_f103rb": "mpu6050",
    "nucleo_l152re": "lis3dh",
    "b_u585i_iot02a": "ism330dhcx",
    "b_l475e_iot01a": "lsm6dsl",
    "nucleo_g474re": "mpu6050",
    "nucleo_f746zg": "lsm6dso",
    "nucleo_f072rb": "lsm6dsl",
    "nucleo_f303re": "lis3dh",
    "nucleo_g071rb": "lis3dh",
    "nucleo_h563zi": "lsm6dsl",
    "nucleo_h743zi2": "mpu6050",
    "nucleo_l053r8": "lis3dh",
    "nucleo_l552ze_q": "lsm6dso",
    "nucleo_wb55rg": "lis3dh",
}
# Boards with a port of the first, second and third generation of SPI.
ON_SPI = {
    "nucleo_f103rb": "lis3dh",
    "nucleo_f446re": "lsm6dso",
    "nucleo_l053r8": "lis3dh",
    "nucleo_f072rb": "lsm6dsl",
    "nucleo_g474re": "lis3dh",
    "nucleo_h563zi": "lis3dh",
    "nucleo_h743zi2": "lsm6dso",
    "b_u585i_iot02a": "ism330dhcx",
}


class Clocked:
    """A device on the simulated bus that samples at its own rate, by the board's time."""

    def __init__(self, device: Device, recording: npt.NDArray[np.int16]) -> None:
        self.device = device
        self.recording = recording
        self.given = 0
        self.stopped_at: int | None = None
        self._now = 0.0
        self._due = 0.0

    @property
    def address(self) -> int:
        return -1 if self.device.fails else self.device.address

    def select(self, sub_address: int) -> None:
        self.device.select(sub_address)

    def write_byte(self, value: int) -> None:
        self.device.write_byte(value)

    def read_byte(self) -> int:
        return self.device.read_byte()

    def advance_to(self, seconds: float) -> None:
        limit = len(self.recording) if self.stopped_at is None else self.stopped_at
        if not self.device.rate_hz:
            self._due = seconds
        while self.device.rate_hz and self._due <= seconds and self.given < limit:
            self.device.sample((*self.recording[self.given].tolist(), 0, 0, 0))
            self.given += 1
            self._due += 1 / self.device.rate_hz


@pytest.fixture(scope="module")
def graph():
    return answering("classification")


def recording(samples: int) -> npt.NDArray[np.int16]:
    return np.concatenate(counts_of_sensor(2 + samples // WINDOW))[:samples]


@pytest.fixture(scope="module")
def make_elf(tmp_path_factory: pytest.TempPathFactory, graph):
    built: dict[tuple[str, str, str], Path] = {}

    def make(sensor: str, board: boards.Board = BOARD, bus: str = "") -> Path:
        if (sensor, board.name, bus) not in built:
            folder = tmp_path_factory.mktemp(sensor)
            compile_model(graph, tflite.write_model(graph), folder / "code")
            codes = codes_of(graph, counts_of_sensor(4))
            known = codes, expected_outputs(graph, codes)
            choice = SensorChoice(sensor, HOP, 2, bus)
            project = folder / "project"
            info = read_info(graph.metadata)
            generate(folder / "code", board, *known, project, "demo", choice, info)
            built[sensor, board.name, bus] = build(project, board, "Release").elf
        return built[sensor, board.name, bus]

    return make


class Rig:
    """A simulated board with a sensor on its I2C, or on its SPI."""

    def __init__(
        self,
        elf: Path,
        device: Device,
        samples: npt.NDArray[np.int16],
        board: boards.Board = BOARD,
        crystal_fails: bool = False,
        on_spi: bool = False,
    ) -> None:
        self.simulator = BoardSimulator(board, elf, crystal_fails=crystal_fails)
        self.sensor = Clocked(device, samples)
        if on_spi:
            port, pin = port_and_number(board.spi.select_pin)
            self.spi = self.simulator.attached.spi[board.spi.port]
            self.spi.target = OnSpi(device)
            self.spi.select = (board.chip.family.gpio.base + 0x400 * port, pin)
        else:
            self.i2c = self.simulator.attached.i2c[board.i2c.port]
            self.i2c.targets.append(self.sensor)
        self.client = Client(self.simulator.port, timeout=60.0)

    def run(self, seconds: float) -> Iterator[object]:
        """Let board time pass; yield what the board says."""
        end = self.simulator.board_seconds + seconds
        while self.simulator.board_seconds < end:
            self.sensor.advance_to(self.simulator.board_seconds)
            self.simulator.run_slice(0.001)
            if self.simulator.port.buffered:
                yield from self.client.events(0.0)


@pytest.mark.parametrize("sensor", SENSORS)
def test_the_windows_are_those_of_what_the_sensor_sampled(make_elf, graph, sensor: str) -> None:
    samples = recording(120)
    rig = Rig(make_elf(sensor), CHIPS[sensor](), samples)
    rig.client.stream(True, period_ms=0)
    events = list(rig.run(1.6))
    answers = [e.output.tolist() for e in events if isinstance(e, Prediction)]
    starts = range(0, len(samples) - WINDOW + 1, HOP)
    windows = np.stack([samples[start : start + WINDOW] for start in starts])
    assert answers == expected_outputs(graph, codes_of(graph, windows)).tolist()
    stats = rig.client.stats()
    assert (stats.samples, stats.windows) == (len(samples), len(windows))
    assert (stats.lost_samples, stats.sensor_errors, stats.passed_windows) == (0, 0, 0)
    assert 0 < stats.latency_cycles <= stats.worst_latency_cycles
    assert rig.simulator.unmodelled == {}
    assert rig.client.sensor().name == sensor


@pytest.mark.parametrize("name", ON_I2C)
def test_every_generation_of_i2c_gives_the_same_windows(make_elf, graph, name: str) -> None:
    board, sensor, samples = boards.load_board(name), ON_I2C[name], recording(60)
    device = CHIPS[sensor]()
    if sensor == "ism330dhcx":
        device.address = 0x6B  # as it is wired on that board
    rig = Rig(make_elf(sensor, board), device, samples, board)
    assert_windows_are_those_of_the_recording(rig, graph, sensor)
    clock_hz = port_hz(board, board.i2c_port)
    if board.i2c_port.generation == 1:
        assert rig.i2c.read(CCR) == first_timing_for(clock_hz).ccr
    else:
        assert rig.i2c.read(TIMINGR) == timing_for(clock_hz).value


@pytest.mark.parametrize("name", ON_SPI)
def test_every_generation_of_spi_gives_the_same_windows(make_elf, graph, name: str) -> None:
    board, sensor = boards.load_board(name), ON_SPI[name]
    elf = make_elf(sensor, board, "spi")
    rig = Rig(elf, CHIPS[sensor](), recording(60), board, on_spi=True)
    assert_windows_are_those_of_the_recording(rig, graph, sensor)
    assert spi_divider(rig, board) == divider_for(port_hz(board, board.spi_port)).code
    if board.spi_port.generation == 3:
        assert not rig.spi.read(SPI_SR) & SPI_EOT  # or the next transfer would seem to be through


@pytest.mark.parametrize("name", ["nucleo_h743zi2", "nucleo_f446re"])
def test_a_dead_crystal_leaves_spi_its_clock(make_elf, graph, name: str) -> None:
    board = boards.load_board(name)
    elf = make_elf("lsm6dso", board, "spi")
    rig = Rig(elf, Lsm6dso(), recording(60), board, crystal_fails=True, on_spi=True)
    list(rig.run(0.05))
    assert rig.sensor.device.rate_hz == 104  # the driver found and started it
    assert spi_divider(rig, board) == divider_for(board.chip.reset_clock_hz).code


def spi_divider(rig: Rig, board: boards.Board) -> int:
    """Return the code of the divider: BR in CR1, or MBR in CFG1."""
    third = board.spi_port.generation == 3
    return rig.spi.read(0x08) >> 28 & 7 if third else rig.spi.read(0x00) >> 3 & 7


def assert_windows_are_those_of_the_recording(rig: Rig, graph, sensor: str) -> None:
    samples = rig.sensor.recording
    rig.client.stream(True, period_ms=0)
    answers = [e.output.tolist() for e in rig.run(1.0) if isinstance(e, Prediction)]
    starts = range(0, len(samples) - WINDOW + 1, HOP)
    windows = np.stack([samples[start : start + WINDOW] for start in starts])
    assert answers == expected_outputs(graph, codes_of(graph, windows)).tolist()
    stats = rig.client.stats()
    assert (stats.samples, stats.lost_samples, stats.sensor_errors) == (len(samples), 0, 0)
    assert rig.simulator.unmodelled == {}
    assert rig.client.sensor().name == sensor


def test_a_dead_crystal_gives_the_port_its_other_timing(make_elf) -> None:
    board = boards.load_board("nucleo_f746zg")
    rig = Rig(make_elf("lsm6dso", board), Lsm6dso(), recording(60), board, crystal_fails=True)
    rig.client.hello()
    list(rig.run(0.05))
    assert rig.sensor.device.rate_hz == 104  # the driver found and started it
    assert rig.i2c.read(TIMINGR) == timing_for(board.chip.reset_clock_hz).value
    assert board.chip.reset_clock_hz < bus_hz(board, "APB1")


def test_what_nobody_described_is_told(graph, tmp_path) -> None:
    compile_model(graph, tflite.write_model(graph), tmp_path / "code")
    board, info = boards.load_board("nucleo_f103rb"), read_info(graph.metadata)
    family = dataclasses.replace(board.chip.family, analog=None)
    blind = dataclasses.replace(board, chip=dataclasses.replace(board.chip, family=family))
    with pytest.raises(BoardError, match=r"nobody described.*expected a table \[analog\]"):
        sampling_for(SensorChoice("adc"), blind, tmp_path / "code", info)
    bare = dataclasses.replace(BOARD, adc=None)
    with pytest.raises(BoardError, match=r"names 0 analog inputs.*expected 3"):
        sampling_for(SensorChoice("adc"), bare, tmp_path / "code", info)
    with pytest.raises(UsageError, match=r"does not say at which rate"):
        sampling_for(SensorChoice("adc"), BOARD, tmp_path / "code")
    with pytest.raises(UsageError, match=r"no such sensor.*replay, stream, adc"):
        SensorChoice("microphone")


def test_buses_that_are_not_described_are_told(graph, tmp_path) -> None:
    compile_model(graph, tflite.write_model(graph), tmp_path / "code")
    info = read_info(graph.metadata)

    def plan(board: boards.Board, sensor: str, bus: str = "") -> str:
        choice = SensorChoice(sensor, bus=bus)
        return sampling_for(choice, board, tmp_path / "code", info).bus

    assert plan(BOARD, "lis3dh") == "i2c"
    assert plan(dataclasses.replace(BOARD, i2c=None), "lis3dh") == "spi"
    assert plan(BOARD, "lis3dh", "spi") == "spi"
    without = dataclasses.replace(BOARD, i2c=None, spi=None)
    with pytest.raises(BoardError, match=r"where lis3dh is connected.*\[i2c\] or \[spi\]"):
        plan(without, "lis3dh")
    with pytest.raises(BoardError, match=r"where lis3dh is connected.*a table \[spi\] in"):
        plan(without, "lis3dh", "spi")
    with pytest.raises(UsageError, match=r"mpu6050: it has no SPI; expected I2C"):
        plan(BOARD, "mpu6050", "spi")
    bare = dataclasses.replace(BOARD, chip=dataclasses.replace(BOARD.chip, i2cs=(), spis=()))
    for bus in ("i2c", "spi"):
        with pytest.raises(BoardError, match=rf"stm32f446re.*{bus.upper()} ports.*\[\[{bus}s\]\]"):
            plan(bare, "lis3dh", bus)
    for sensor, bus in (("stream", "i2c"), ("lis3dh", "can")):
        with pytest.raises(UsageError, match=rf"its bus would be '{bus}'.*i2c or spi for an acc"):
            SensorChoice(sensor, bus=bus)


def test_windows_that_nobody_wants_are_passed_over(make_elf) -> None:
    rig = Rig(make_elf("lis3dh"), Lis3dh(), recording(100))
    rig.client.hello()
    list(rig.run(1.3))
    stats = rig.client.stats()
    assert (stats.samples, stats.windows, stats.lost_samples) == (100, 0, 0)
    assert stats.passed_windows == (100 - WINDOW - 1) // HOP + 1  # the last one still waits


def test_a_stranger_on_the_bus_is_not_sampled_and_the_board_goes_on(make_elf) -> None:
    device = Lis3dh()
    device.registers[0x0F] = 0x41
    rig = Rig(make_elf("lis3dh"), device, recording(100))
    rig.client.stream(True, period_ms=0)
    events = list(rig.run(12.0))  # longer than the watchdog's patience
    assert not any(isinstance(event, Prediction) for event in events)
    stats = rig.client.stats()
    assert stats.samples == 0
    assert stats.sensor_errors >= 10  # it tries once in a second
    assert stats.uptime_ms > 11_000
    device.registers[0x0F] = 0x33  # plugged in at last
    assert any(isinstance(event, Prediction) for event in rig.run(3.0))


def test_a_sensor_that_loses_samples_breaks_no_window(make_elf, graph) -> None:
    samples = recording(200)
    rig = Rig(make_elf("lis3dh"), Lis3dh(), samples)
    rig.client.stream(True, period_ms=0)
    list(rig.run(0.5))
    before = rig.client.stats().windows
    given = rig.sensor.given
    for sample in samples[given : given + 40]:  # while the board is away
        rig.sensor.device.sample((*sample.tolist(), 0, 0, 0))
    rig.sensor.given += 40
    events = list(rig.run(1.2))
    stats = rig.client.stats()
    assert stats.lost_samples >= 1
    answers = [e.output.tolist() for e in events if isinstance(e, Prediction)]
    assert len(answers) == stats.windows - before > 3
    windows = np.stack([samples[s : s + WINDOW] for s in range(len(samples) - WINDOW + 1)])
    possible = {tuple(row) for row in expected_outputs(graph, codes_of(graph, windows)).tolist()}
    assert all(tuple(answer) in possible for answer in answers)


def test_a_sensor_that_stops_lets_the_watchdog_restart_the_board(make_elf) -> None:
    rig = Rig(make_elf("lis3dh"), Lis3dh(), recording(60))
    rig.client.stream(True, period_ms=0)
    events = list(rig.run(20.0))  # the recording ends after 0.6 s
    starts = [event for event in events if isinstance(event, Start)]
    assert len(starts) == sum(isinstance(event, Boot) for event in events) == 2
    assert starts[0].reset_causes.text == "power-on"
    assert starts[1].reset_causes == ResetCause.WATCHDOG | ResetCause.PIN
    assert starts[1].reset_causes.text == "the watchdog: the firmware hung"
    assert rig.client.stats().uptime_ms < 12_000


@pytest.mark.parametrize("name", ["nucleo_f446re", "b_l475e_iot01a"])
def test_a_bus_that_fails_is_restarted(make_elf, name: str) -> None:
    board = boards.load_board(name)
    rig = Rig(make_elf("lis3dh", board), Lis3dh(), recording(400), board)
    rig.client.stream(True, period_ms=0)
    list(rig.run(0.6))
    rig.sensor.device.fails = True
    list(rig.run(0.3))
    rig.sensor.device.fails = False
    rig.sensor.device.reset()  # it lost its supply: all settings are gone
    events = list(rig.run(2.5))
    assert any(isinstance(event, Prediction) for event in events)
    stats = rig.client.stats()
    assert stats.sensor_errors >= 3
    assert stats.lost_samples >= 1


def test_a_port_that_hangs_is_switched_off_and_on_and_the_board_goes_on(
    make_elf, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = boards.load_board("b_l475e_iot01a")
    rig = Rig(make_elf("lis3dh", board), Lis3dh(), recording(400), board)
    rig.client.stream(True, period_ms=0)
    list(rig.run(0.6))
    controls: list[int] = []

    def write(offset: int, value: int) -> None:
        if offset == 0:
            controls.append(value)
        type(rig.i2c).write(rig.i2c, offset, value)

    with monkeypatch.context() as patch:
        patch.setattr(rig.i2c, "_status", lambda: 1 << 15)  # busy for ever
        patch.setattr(rig.i2c, "write", write)
        list(rig.run(0.5))
    assert controls[:2] == [0, 1]
    events = list(rig.run(2.5))
    assert any(isinstance(event, Prediction) for event in events)
    stats = rig.client.stats()
    assert stats.sensor_errors >= 3
    assert stats.uptime_ms > 3000  # it never restarted


def test_the_models_channels_are_those_of_the_sensor(graph) -> None:
    assert read_info(graph.metadata).sampling_rate_hz == 100.0
    assert len(read_info(graph.metadata).channels) == CHANNELS
